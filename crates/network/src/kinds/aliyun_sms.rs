//! Text messages through Aliyun, which accepts approved templates only:
//! <https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms>, signature:
//! <https://www.alibabacloud.com/help/en/sms/signature-method>, look-up:
//! <https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-querysenddetails>,
//! codes: <https://help.aliyun.com/zh/sms/developer-reference/api-error-codes>.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use jiff::tz::Offset;
use message::{Content, Post, RejectReason, digest};
use serde_json::{Value, json};

use crate::access::Access;
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;
use crate::{idempotency, json_template};

#[derive(Debug)]
pub(crate) struct AliyunSms;

/// The request for the messages sent to a number on the day the post fell due, if that is not
/// today.
const DUE_DAY: &str = "earlier";
/// JSON pointer to the list of messages in the look-up's answer.
const DETAILS_POINTER: &str = "/SmsSendDetailDTOs/SmsSendDetailDTO";

impl Protocol for AliyunSms {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let Content::Json(parameters) = &post.content else {
            return Err(
                "Aliyun sends approved templates only: add aliyun_sms.json with its parameters".into()
            );
        };
        let own = vec![
            ("Action", "SendSms".to_owned()),
            ("PhoneNumbers", number(post.to.as_deref().ok_or("it has no phone number to go to")?)),
            ("SignName", access.from.clone()),
            ("TemplateCode", access.template_id.clone()),
            ("TemplateParam", parameters_as_texts(parameters)?),
            ("OutId", post.id.clone()),
        ];
        Ok(signed("post", access, own, prior.now(), &post.id).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        match json.get("Code").and_then(Value::as_str) {
            Some("OK") if request.publishes => match text_at(&json, "/BizId") {
                Some(id) => Verdict::sent(id, None),
                None => Verdict::Unknown,
            },
            Some("OK") => Verdict::Ready,
            Some(code) => refusal(code, request, answer),
            None => Verdict::by_status(answer, request.publishes),
        }
    }

    /// Looks up by number and day, in Aliyun's time zone: first the day the post fell due, then
    /// today.
    fn look_up(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Option<Request> {
        let (due, today) = (day(post.at), day(prior.now()));
        let (name, day) = match prior.get(DUE_DAY) {
            None if due != today => (DUE_DAY, due),
            Some(answer) if find_in_details(post, answer).is_some() => (LOOK_UP, due),
            _ => (LOOK_UP, today),
        };
        let own = vec![
            ("Action", "QuerySendDetails".to_owned()),
            ("PhoneNumber", number(post.to.as_deref()?)),
            ("SendDate", day),
            ("PageSize", "50".to_owned()),
            ("CurrentPage", "1".to_owned()),
        ];
        Some(signed(name, access, own, prior.now(), &post.id))
    }

    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        find_in_details(post, answer)
    }

    /// Requests the approved template.
    fn access_check(&self, access: &Access, now: Timestamp) -> Option<Request> {
        let own =
            vec![("Action", "QuerySmsTemplate".to_owned()), ("TemplateCode", access.template_id.clone())];
        Some(signed("examine", access, own, now, "examine"))
    }

    fn example_answer(&self, _name: &str) -> Value {
        json!({ "Code": "OK", "Message": "OK", "SmsSendDetailDTOs": { "SmsSendDetailDTO": [] } })
    }
}

/// Searches for the post among the messages sent to its number.
fn find_in_details(post: &Post, answer: &Response) -> Option<Verdict> {
    idempotency::search_list(answer, DETAILS_POINTER, |detail| {
        (text_at(detail, "/OutId")? == post.id).then(|| Verdict::sent(None, None))
    })
}

/// Formats a number for Aliyun: 11 digits for a mainland number, otherwise country code and number
/// without a plus.
fn number(e164: &str) -> String {
    let digits: String = e164.chars().filter(char::is_ascii_digit).collect();
    let inland = digits.strip_prefix("86").filter(|rest| rest.len() == 11 && rest.starts_with('1'));
    inland.map(str::to_owned).unwrap_or(digits)
}

/// Converts the parameters of a template to texts: Aliyun accepts `{"code":"123456"}` but refuses
/// `{"code":123456}` (`isv.INVALID_JSON_PARAM`).
fn parameters_as_texts(parameters: &str) -> Result<String, ComposeError> {
    let mut object = json_template::parse_object(parameters)?;
    for (name, value) in &mut object {
        *value = match value.take() {
            Value::String(text) => Value::String(text),
            Value::Number(number) => Value::String(number.to_string()),
            Value::Bool(bool) => Value::String(bool.to_string()),
            Value::Null => Value::String(String::new()),
            _ => {
                return Err(ComposeError::from(format!(
                    "its template says more than a text for `{name}`: write one"
                )));
            }
        };
    }
    Ok(Value::Object(object).to_string())
}

/// Returns the date in China, whose time zone Aliyun uses.
fn day(at: Timestamp) -> String {
    Offset::constant(8).to_datetime(at).strftime("%Y%m%d").to_string()
}

/// Builds a request with the common parameters and the signature over all parameters. `seed` and
/// the time make the nonce, which may be used once.
fn signed(
    name: &'static str,
    access: &Access,
    own: Vec<(&'static str, String)>,
    at: Timestamp,
    seed: &str,
) -> Request {
    let nonce = digest(format!("{name} {seed} {}", at.as_nanosecond()).as_bytes());
    let common = vec![
        ("AccessKeyId", access.account.clone()),
        ("Format", "JSON".to_owned()),
        ("RegionId", "cn-hangzhou".to_owned()),
        ("SignatureMethod", "HMAC-SHA1".to_owned()),
        ("SignatureNonce", nonce.chars().take(32).collect()),
        ("SignatureVersion", "1.0".to_owned()),
        ("Timestamp", at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("Version", "2017-05-25".to_owned()),
    ];
    let mut fields = [own, common].concat();
    let signature = signature("POST", &fields, access.secret.as_deref().unwrap_or_default());
    fields.push(("Signature", signature));
    Request::new(name, "POST", "/", Body::Form(fields))
}

/// Returns the signature of an RPC request: HMAC-SHA1, with the key `secret` and `&`, over the
/// method, the path and the sorted fields.
fn signature(method: &str, fields: &[(&str, String)], secret: &str) -> String {
    let mut fields: Vec<_> = fields.iter().map(|(name, value)| (segment(name), segment(value))).collect();
    fields.sort();
    let query: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("{method}&%2F&{}", segment(&query.join("&")));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{secret}&").as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

fn refusal(code: &str, request: &Request, answer: &Response) -> Verdict {
    match code {
        // The limit of one number per minute, hour or day; other numbers are not affected.
        "isv.BUSINESS_LIMIT_CONTROL" => Verdict::Retryable,
        "isv.DAY_LIMIT_CONTROL" | "isv.MONTH_LIMIT_CONTROL" | "ServiceUnavailable" => {
            Verdict::RateLimited(answer.retry_after())
        }
        _ if code.starts_with("Throttling") => Verdict::RateLimited(answer.retry_after()),
        "isv.MOBILE_NUMBER_ILLEGAL"
        | "isv.DOMESTIC_NUMBER_NOT_SUPPORTED"
        | "MOBILE_NOT_ON_SERVICE"
        | "MOBILE_IN_BLACK" => Verdict::Rejected(RejectReason::BadAddress),
        "isv.BLACK_KEY_CONTROL_LIMIT" | "isv.SMS_CONTENT_ILLEGAL" | "isv.PARAM_NOT_SUPPORT_URL" => {
            Verdict::Rejected(RejectReason::Policy)
        }
        "isv.PARAM_LENGTH_LIMIT" | "isv.TEMPLATE_PARAMS_ILLEGAL" => Verdict::Rejected(RejectReason::TooBig),
        // The signature or template that the channel names is not approved.
        "isv.SMS_SIGNATURE_ILLEGAL"
        | "isv.SMS_SIGN_ILLEGAL"
        | "isv.SMS_TEMPLATE_ILLEGAL"
        | "isv.SMS_SIGNATURE_SCENE_ILLEGAL"
        | "isv.EXTEND_CODE_ERROR" => Verdict::Gone,
        "isv.AMOUNT_NOT_ENOUGH"
        | "isv.OUT_OF_SERVICE"
        | "isv.PRODUCT_UN_SUBSCRIPT"
        | "isv.PRODUCT_UNSUBSCRIBE"
        | "isv.ACCOUNT_NOT_EXISTS"
        | "isv.ACCOUNT_ABNORMAL"
        | "isp.RAM_PERMISSION_DENY"
        | "isv.DENY_IP_RANGE"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "Forbidden.AccessKeyDisabled"
        | "InvalidTimeStamp.Expired" => Verdict::AuthExpired,
        _ if code.starts_with("InvalidAccessKeyId") || code.starts_with("Forbidden") => Verdict::AuthExpired,
        // The same request was seen before, or an internal error occurred: the message may have
        // been sent.
        "SignatureNonceUsed" | "isp.SYSTEM_ERROR" | "isp.GATEWAY_ERROR" | "isp.UNKNOWN" => {
            if request.publishes { Verdict::Unknown } else { Verdict::Retryable }
        }
        _ if code.starts_with("isv.") => Verdict::rejected(),
        _ => Verdict::by_status(answer, request.publishes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, next, now, post, prior, verdict};

    fn message() -> Post {
        let own = Content::Json("{\"name\":\"李\",\"price\":98}".into());
        Post { to: Some("+8613800138000".into()), content: own, ..post() }
    }

    /// The example of "Signature method" in Aliyun's help, which is a GET request.
    #[test]
    fn signs_as_the_vendor_does() {
        let fields = [
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "45e25e9b-0a6f-4070-8c85-2956eda1b466"),
            ("AccessKeyId", "testId"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2017-07-12T02:42:19Z"),
            ("Format", "XML"),
            ("Action", "SendSms"),
            ("Version", "2017-05-25"),
            ("RegionId", "cn-hangzhou"),
            ("PhoneNumbers", "15300000001"),
            ("SignName", "阿里云短信测试专用"),
            ("TemplateParam", "{\"customer\":\"test\"}"),
            ("TemplateCode", "SMS_71390007"),
            ("OutId", "123"),
        ];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(signature("GET", &fields, "testSecret"), "zJDF+Lrzhj/ThnlvIToysFRq6t4=");
    }

    #[test]
    fn a_message_is_a_signed_form() {
        let request = next("aliyun_sms", &message(), &prior(&[]));
        let Body::Form(fields) = &request.body else { panic!() };
        insta::assert_json_snapshot!(fields);
        let (signature_, signed) = fields.split_last().unwrap();
        assert_eq!(signature_.1, signature("POST", signed, "this is secret"));
        let mut later = PriorAnswers::new(now() + std::time::Duration::from_millis(1));
        later.put("x", answer(200, &[], ""));
        assert_ne!(next("aliyun_sms", &message(), &later).body, request.body, "a nonce is used once");
        let nested = Post { content: Content::Json("{\"a\":[1]}".into()), ..message() };
        for post in [post(), nested, Post { to: None, ..message() }] {
            assert!(AliyunSms.next(&access("aliyun_sms"), &post, &prior(&[])).is_err());
        }
    }

    #[test]
    fn numbers_are_written_in_aliyuns_format() {
        for (e164, expected) in [
            ("+8613800138000", "13800138000"),
            ("13800138000", "13800138000"),
            ("+85291234567", "85291234567"),
            ("+1 500 555 0006", "15005550006"),
            ("+8610", "8610"),
        ] {
            assert_eq!(number(e164), expected);
        }
    }

    #[test]
    fn every_answer_means_something() {
        let code = |code: &str| format!("{{\"Code\":\"{code}\",\"Message\":\"m\",\"RequestId\":\"R\"}}");
        let bad = Verdict::Rejected(RejectReason::BadAddress);
        for (status, body, expected) in [
            (
                200,
                r#"{"Code":"OK","BizId":"134523^435"}"#.to_owned(),
                Verdict::sent("134523^435".to_owned(), None),
            ),
            (200, r#"{"Code":"OK"}"#.into(), Verdict::Unknown),
            (200, "{\"Co".into(), Verdict::Unknown),
            (200, code("isv.BUSINESS_LIMIT_CONTROL"), Verdict::Retryable),
            (200, code("isv.DAY_LIMIT_CONTROL"), Verdict::RateLimited(None)),
            (400, code("Throttling.User"), Verdict::RateLimited(None)),
            (200, code("isv.MOBILE_NUMBER_ILLEGAL"), bad),
            (200, code("isv.BLACK_KEY_CONTROL_LIMIT"), Verdict::Rejected(RejectReason::Policy)),
            (200, code("isv.PARAM_LENGTH_LIMIT"), Verdict::Rejected(RejectReason::TooBig)),
            (200, code("isv.SMS_TEMPLATE_ILLEGAL"), Verdict::Gone),
            (200, code("isv.AMOUNT_NOT_ENOUGH"), Verdict::AuthExpired),
            (404, code("InvalidAccessKeyId.NotFound"), Verdict::AuthExpired),
            (400, code("SignatureDoesNotMatch"), Verdict::AuthExpired),
            (400, code("SignatureNonceUsed"), Verdict::Unknown),
            (200, code("isp.SYSTEM_ERROR"), Verdict::Unknown),
            (200, code("isv.TEMPLATE_MISSING_PARAMETERS"), Verdict::rejected()),
            (400, code("MissingPhoneNumbers"), Verdict::rejected()),
            (500, code("InternalError"), Verdict::Unknown),
            (503, code("ServiceUnavailable"), Verdict::RateLimited(None)),
        ] {
            assert_eq!(verdict("aliyun_sms", "post", true, status, &[], &body), expected, "{status} {body}");
        }
        assert_eq!(verdict("aliyun_sms", "examine", false, 200, &[], &code("OK")), Verdict::Ready);
    }

    #[test]
    fn a_message_is_looked_up_by_its_key_on_both_days() {
        let details = |id: &str| json!({ "Code": "OK", "SmsSendDetailDTOs": { "SmsSendDetailDTO": [{ "OutId": id, "SendStatus": 1 }] } });
        let date = |prior: &PriorAnswers| {
            let request = AliyunSms.look_up(&access("aliyun_sms"), &message(), prior).unwrap();
            let Body::Form(fields) = request.body else { panic!() };
            (request.name, fields.iter().find(|(name, _)| *name == "SendDate").unwrap().1.clone())
        };
        // 20:26 in China.
        assert_eq!(date(&prior(&[])), (LOOK_UP, "20200913".to_owned()));
        let mut next_day = PriorAnswers::new(now() + std::time::Duration::from_hours(4));
        assert_eq!(date(&next_day), (DUE_DAY, "20200913".to_owned()));
        next_day.put(DUE_DAY, answer(200, &[], &details("other").to_string()));
        assert_eq!(date(&next_day), (LOOK_UP, "20200914".to_owned()));
        next_day.put(DUE_DAY, answer(200, &[], &details(&message().id).to_string()));
        assert_eq!(date(&next_day), (LOOK_UP, "20200913".to_owned()));
        let found = |body: Value| {
            AliyunSms.find_post(&access("aliyun_sms"), &message(), &answer(200, &[], &body.to_string()))
        };
        assert_eq!(found(details(&message().id)), Some(Verdict::sent(None, None)));
        assert_eq!(found(details("other")), None);
        assert_eq!(found(json!({})), Some(Verdict::Unknown));
    }
}
