//! Aliyun's short messages (help.aliyun.com, dysmsapi 2017-05-25), RPC style with HMAC-SHA1.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::text::chars;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    field, required, signature, text_field,
};
use serde_json::{Value, json};

/// The largest deviation of Timestamp, in milliseconds.
const MAX_CLOCK_SKEW: i64 = 15 * 60_000;
/// The longest message, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// The server side of Aliyun SMS.
#[derive(Debug)]
pub(crate) struct AliyunSms;

impl FakeNetwork for AliyunSms {
    fn publishes(&self, request: &Request) -> bool {
        field(&parameters(request), "Action") == Some("SendSms")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let wrong_method = || failed(405, "UnsupportedHTTPMethod", "This http method is not supported.");
        ensure([Method::GET, Method::POST].contains(&request.method), wrong_method)?;
        ensure(request.path == "/", || {
            failed(
                404,
                "InvalidAction.NotFound",
                "Specified api is not found, please check your url and method.",
            )
        })?;
        let fields = parameters(request);
        signed(state, request, &fields)?;
        match field(&fields, "Action") {
            Some("SendSms") => send(state, request, &fields),
            Some("QuerySendDetails") => details(state, &fields),
            Some("QuerySmsTemplate" | "GetSmsTemplate") => Ok(success(json!({ "TemplateStatus": 1,
                "TemplateCode": required(account(Kind::AliyunSms).template_id), "TemplateName": "launch" }))),
            Some("QuerySmsSign" | "GetSmsSign") => {
                Ok(success(json!({ "SignStatus": 1, "SignName": required(account(Kind::AliyunSms).from) })))
            }
            _ => Err(failed(
                404,
                "InvalidAction.NotFound",
                "Specified api is not found, please check your url and method.",
            )),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => refuse("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"),
            VendorError::Expired => {
                failed(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
            }
            VendorError::Revoked => {
                failed(403, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
            }
            VendorError::Rejected(reason) => refuse("isv.SMS_CONTENT_ILLEGAL", reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 5000, window: 1000, penalty: 0 }]
    }
}

const REQUEST: &str = "F655A8D5-B967-440B-8683-DAD6FF8DE990";

fn success(mut body: Value) -> Reply {
    body["Code"] = json!("OK");
    body["Message"] = json!("OK");
    body["RequestId"] = json!(REQUEST);
    Reply::json(200, &body)
}

/// A refusal by the service, which has status 200.
fn refuse(code: &str, message: &str) -> Reply {
    let body = json!({ "Code": code, "Message": message, "RequestId": REQUEST });
    Reply::json(200, &body).with_reason(format!("{code}: {message}"))
}

/// A refusal by the gateway, which has an error status.
fn failed(status: u16, code: &str, message: &str) -> Reply {
    let body =
        json!({ "Code": code, "Message": message, "RequestId": REQUEST, "HostId": "dysmsapi.aliyuncs.com" });
    Reply::json(status, &body).with_reason(format!("{code}: {message}"))
}

/// Returns the parameters of the query and of a form.
fn parameters(request: &Request) -> Vec<(String, String)> {
    request.query.iter().cloned().chain(request.fields()).collect()
}

/// Encodes all but letters, digits and `-_.~` as `%XX` (RFC 3986).
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn string_to_sign(method: &str, fields: &[(String, String)]) -> String {
    let mut pairs: Vec<(&String, &String)> =
        fields.iter().filter(|(key, _)| key != "Signature").map(|(key, value)| (key, value)).collect();
    pairs.sort();
    let query: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    format!("{method}&%2F&{}", encoded(&query.join("&")))
}

fn signature(secret: &str, text: &str) -> String {
    STANDARD.encode(signature::hmac_sha1(format!("{secret}&").as_bytes(), text.as_bytes()))
}

fn signed(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Result<(), Reply> {
    let need = |name: &str| {
        let value = field(fields, name).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            failed(400, &format!("Missing{name}"), &format!("{name} is mandatory for this action."))
        })
    };
    let (key, nonce, at) = (need("AccessKeyId")?, need("SignatureNonce")?, need("Timestamp")?);
    ensure(need("Version")? == "2017-05-25", || {
        failed(400, "InvalidVersion", "Specified parameter Version is not valid.")
    })?;
    let method = need("SignatureMethod")? == "HMAC-SHA1" && need("SignatureVersion")? == "1.0";
    ensure(method, || {
        failed(400, "InvalidSignatureMethod", "Specified parameter SignatureMethod is not valid.")
    })?;
    ensure(field(fields, "Format").is_none_or(|format| format == "JSON"), || {
        failed(400, "InvalidParameter.Format", "only JSON is played here")
    })?;
    let keys = account(Kind::AliyunSms);
    ensure(key == required(keys.account), || {
        failed(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    })?;
    let instant = at.ends_with('Z').then(|| at.parse::<jiff::Timestamp>().ok()).flatten();
    let instant = instant.ok_or_else(|| {
        failed(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
    })?;
    let near = (instant.as_millisecond() - request.at).abs() <= MAX_CLOCK_SKEW;
    ensure(near, || {
        failed(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
    })?;
    let text = string_to_sign(request.method.as_str(), fields);
    let fits = need("Signature")? == signature(required(keys.secret), &text);
    let message =
        format!("Specified signature is not matched with our calculation. server string to sign is:{text}");
    ensure(fits, || failed(400, "SignatureDoesNotMatch", &message))?;
    let fresh = state.notes.get(&format!("nonce {nonce}")).is_none();
    ensure(fresh, || failed(400, "SignatureNonceUsed", "Specified signature nonce was used already."))?;
    state.notes.put(format!("nonce {nonce}"), Value::Bool(true));
    Ok(())
}

/// Returns a mainland mobile number without its country code; `None` for other numbers.
fn mainland(number: &str) -> Option<&str> {
    let plain = number.strip_prefix("+86").or_else(|| number.strip_prefix("0086")).unwrap_or(number);
    let plain = if plain.len() == 13 { plain.strip_prefix("86").unwrap_or(plain) } else { plain };
    let digits =
        plain.len() == 11 && plain.bytes().all(|byte| byte.is_ascii_digit()) && plain.starts_with('1');
    digits.then_some(plain)
}

fn send(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Answer {
    let need = |name: &str| {
        let value = field(fields, name).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            refuse(&format!("Missing{name}"), &format!("{name} is mandatory for this action."))
        })
    };
    let (numbers, name, template) = (need("PhoneNumbers")?, need("SignName")?, need("TemplateCode")?);
    let plain: Vec<Option<&str>> = numbers.split(',').map(|number| mainland(number.trim())).collect();
    ensure(plain.len() <= 1000, || refuse("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制"))?;
    ensure(plain.iter().all(Option::is_some), || {
        refuse("isv.MOBILE_NUMBER_ILLEGAL", &format!("{numbers}invalid mobile number"))
    })?;
    let keys = account(Kind::AliyunSms);
    ensure(name == required(keys.from), || refuse("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名"))?;
    ensure(template == required(keys.template_id), || {
        refuse("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    })?;
    let text = field(fields, "TemplateParam").unwrap_or_default();
    let values = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let values = values.ok_or_else(|| refuse("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值"))?;
    let mut words = Vec::new();
    for (key, value) in values.as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .ok_or_else(|| refuse("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值"))?;
        ensure(!value.trim().is_empty(), || {
            refuse("isv.TEMPLATE_MISSING_PARAMETERS", &format!("模板变量缺少参数: {key}"))
        })?;
        words.push(value.to_owned());
    }
    ensure(!words.is_empty(), || refuse("isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少参数"))?;
    let whole = format!("【{name}】{}", words.join(" "));
    ensure(chars(&whole) <= MAX_MESSAGE_CHARS, || refuse("isv.PARAM_LENGTH_LIMIT", "参数超出长度限制"))?;
    let id = format!("{}^0", 900_000_000_000_000_000_u64 + state.serial());
    let raw: serde_json::Map<String, Value> =
        fields.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    for number in plain.into_iter().flatten() {
        let post = Post {
            account: number.to_owned(),
            id: id.clone(),
            idempotency: field(fields, "OutId").map(str::to_owned),
            text: whole.clone(),
            raw: Value::Object(raw.clone()),
            ..Post::default()
        };
        state.add_post(request, post);
    }
    Ok(success(json!({ "BizId": id })))
}

/// Returns the states of the messages to a number on a day, or of the request that BizId names.
fn details(state: &NetworkState, fields: &[(String, String)]) -> Answer {
    let number = field(fields, "PhoneNumber").and_then(mainland);
    let number = number.ok_or_else(|| refuse("isv.MOBILE_NUMBER_ILLEGAL", "invalid mobile number"))?;
    let day = field(fields, "SendDate")
        .filter(|day| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()));
    let day = day.ok_or_else(|| refuse("isv.PARAM_FORMAT_ILLEGAL", "SendDate is to be yyyyMMdd"))?;
    let wanted = field(fields, "BizId").filter(|id| !id.is_empty());
    // The service counts days in Beijing's time zone.
    let beijing = |at: i64| {
        let at = jiff::Timestamp::from_millisecond(at + 8 * 3_600_000).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        (at.strftime("%Y%m%d").to_string(), at.strftime("%Y-%m-%d %H:%M:%S").to_string())
    };
    let mine = state.received.iter().rev().filter(|post| {
        post.account == number && beijing(post.at).0 == day && wanted.is_none_or(|id| post.id == id)
    });
    let rows: Vec<Value> = mine
        .map(|post| {
            json!({ "PhoneNum": number, "SendStatus": 3, "ErrCode": "DELIVERED", "Content": post.text,
                "SendDate": beijing(post.at).1, "ReceiveDate": beijing(post.at).1,
                "TemplateCode": text_field(&post.raw, "TemplateCode"), "OutId": post.idempotency })
        })
        .collect();
    Ok(success(json!({ "TotalCount": rows.len(), "SmsSendDetailDTOs": { "SmsSendDetailDTO": rows } })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{NOW, Probe};

    /// Returns a request with changed parameters, and a valid signature unless the changes contain
    /// one.
    fn with(changes: &[(&str, &str)]) -> Probe {
        let mut fields: Vec<(String, String)> = [
            ("Action", "SendSms"),
            ("Version", "2017-05-25"),
            ("Format", "JSON"),
            ("AccessKeyId", "testid"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", "n1"),
            ("Timestamp", "2026-08-22T10:00:00Z"),
            ("PhoneNumbers", "13800138000"),
            ("SignName", "港湾咖啡"),
            ("TemplateCode", "SMS_154950909"),
            ("TemplateParam", "{\"offer\":\"免费 一个月*~\"}"),
            ("OutId", "d1"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
        fields.retain(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        fields.extend(
            changes
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        );
        if field(&fields, "Signature").is_none() {
            fields.push(("Signature".to_owned(), signature("testsecret", &string_to_sign("POST", &fields))));
        }
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Probe::post(Kind::AliyunSms, "/").form(&fields)
    }

    #[test]
    fn the_vendors_example_is_reproduced() {
        // help.aliyun.com, "RPC signature", the example with testid and testsecret.
        let fields = [
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Format", "XML"),
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("RegionId", ""),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("Version", "2014-05-26"),
            ("SignatureVersion", "1.0"),
        ];
        let fields: Vec<(String, String)> = fields
            .iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(signature("testsecret", &string_to_sign("GET", &fields)), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn a_message_is_sent_and_reported() {
        let mut probe = with(&[]);
        let answer = probe.value();
        assert_eq!((answer["Code"].as_str(), answer["BizId"].is_string()), (Some("OK"), true));
        assert_eq!(probe.received()[0].text, "【港湾咖啡】免费 一个月*~");
        assert!(probe.publishes());
        assert_eq!(probe.value()["Code"], "SignatureNonceUsed");
        let query = with(&[
            ("Action", "QuerySendDetails"),
            ("PhoneNumber", "13800138000"),
            ("SendDate", "20260822"),
            ("SignatureNonce", "n2"),
            ("PageSize", "10"),
            ("CurrentPage", "1"),
        ]);
        let mut query = probe.then(query);
        let rows = query.value();
        assert_eq!(
            (rows["TotalCount"].as_i64(), rows["SmsSendDetailDTOs"]["SmsSendDetailDTO"][0]["OutId"].as_str()),
            (Some(1), Some("d1"))
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = format!("{{\"a\":\"{}\"}}", "春".repeat(500));
        Probe::table([
            (with(&[("Signature", "x")]), 400, "SignatureDoesNotMatch"),
            (with(&[("AccessKeyId", "other")]), 404, "InvalidAccessKeyId.NotFound"),
            (with(&[("SignatureNonce", "")]), 400, "MissingSignatureNonce"),
            (with(&[]).at(NOW + MAX_CLOCK_SKEW + 1000), 400, "InvalidTimeStamp.Expired"),
            (with(&[("Timestamp", "now")]), 400, "InvalidTimeStamp.Format"),
            (with(&[("Version", "2014-05-26")]), 400, "InvalidVersion"),
            (with(&[("Action", "SendMail")]), 404, "InvalidAction.NotFound"),
            (with(&[]).method("PUT"), 405, "UnsupportedHTTPMethod"),
            (with(&[("PhoneNumbers", "12")]), 200, "isv.MOBILE_NUMBER_ILLEGAL"),
            (with(&[("SignName", "其他")]), 200, "isv.SMS_SIGNATURE_ILLEGAL"),
            (with(&[("TemplateCode", "SMS_1")]), 200, "isv.SMS_TEMPLATE_ILLEGAL"),
            (with(&[("TemplateParam", "x")]), 200, "isv.INVALID_JSON_PARAM"),
            (with(&[("TemplateParam", "{\"a\":1}")]), 200, "isv.INVALID_JSON_PARAM"),
            (with(&[("TemplateParam", "{}")]), 200, "isv.TEMPLATE_MISSING_PARAMETERS"),
            (with(&[("TemplateParam", &long)]), 200, "isv.PARAM_LENGTH_LIMIT"),
        ]);
    }
}
