//! Feishu's and Lark's group robots (open.feishu.cn/document/client-docs/bot-v3/add-custom-bot).

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    required, signature, text_field,
};
use serde_json::{Value, json};

use super::feishu_card;

/// The largest deviation of the timestamp, in seconds.
const MAX_CLOCK_SKEW: u64 = 3600;
/// The largest body, in bytes.
const MAX_BODY_BYTES: usize = 20 << 10;
const PATH: &str = "/open-apis/bot/v2/hook/7d7eharbour";

/// The server side of Feishu and Lark.
#[derive(Debug)]
pub(crate) struct Feishu;

impl FakeNetwork for Feishu {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path.starts_with("/open-apis/bot/v2/hook/")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        ensure(request.path.starts_with("/open-apis/bot/v2/hook/"), || {
            Reply::text(404, "404 page not found").with_reason("no such path")
        })?;
        ensure(request.path == PATH, || {
            refuse(19001, "param invalid: incoming webhook access token invalid")
        })?;
        ensure(request.is(&Method::POST) && request.is_json(), || refuse(9499, "Bad Request"))?;
        ensure(request.body.len() <= MAX_BODY_BYTES, || {
            refuse(9499, "Bad Request: the request body is larger than 20 KB")
        })?;
        let body = request.object().ok_or_else(|| refuse(9499, "Bad Request"))?;
        check_signature(request, &body)?;
        let mut post = match text_field(&body, "msg_type").unwrap_or_default() {
            "text" => {
                let text =
                    body.pointer("/content/text").and_then(Value::as_str).filter(|text| !text.is_empty());
                Post {
                    text: text.ok_or_else(|| refuse(19002, "params error, text need"))?.to_owned(),
                    ..Post::default()
                }
            }
            "post" => feishu_card::rich_text(&body)
                .map_err(|reason| refuse(19002, &format!("params error, {reason}")))?,
            "interactive" => feishu_card::card(&body).map_err(|reason| {
                refuse(
                    11246,
                    &format!("Failed to create card content, ext=ErrCode: 11310; ErrMsg: {reason}; "),
                )
            })?,
            "image" | "share_chat" => {
                return Err(refuse(19002, "params error, no such key: a robot uploads nothing"));
            }
            _ => return Err(refuse(19002, "params error, msg_type need")),
        };
        post.account = "自定义机器人".to_owned();
        post.id = state.serial().to_string();
        post.raw = body;
        state.add_post(request, post);
        let answer =
            json!({ "StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success" });
        Ok(Reply::json(200, &answer))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => {
                refuse(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]")
            }
            VendorError::Expired | VendorError::Revoked => {
                refuse(19001, "param invalid: incoming webhook access token invalid")
            }
            VendorError::Rejected(reason) => refuse(9499, &format!("Bad Request: {reason}")),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 5, window: 1000, penalty: 0 }, RateLimit { max: 100, window: 60_000, penalty: 0 }]
    }
}

fn refuse(code: i64, message: &str) -> Reply {
    Reply::json(200, &json!({ "code": code, "data": {}, "msg": message }))
        .with_reason(format!("{code} {message}"))
}

fn check_signature(request: &Request, body: &Value) -> Result<(), Reply> {
    let wrong = || refuse(19021, "sign match fail or timestamp is not within one hour from current time");
    // The vendor's examples write the timestamp as a text; a number is accepted, too.
    let at = body.get("timestamp").map(|at| at.as_str().map_or_else(|| at.to_string(), str::to_owned));
    let at = at.unwrap_or_default();
    let near = at.parse::<i64>().is_ok_and(|at| request.seconds().abs_diff(at) <= MAX_CLOCK_SKEW);
    let expected = signature(&at, required(account(Kind::Feishu).secret));
    ensure(near && text_field(body, "sign") == Some(&expected), wrong)
}

/// Returns the base64 of HMAC-SHA256 with `seconds\nsecret` as key over nothing.
fn signature(at: &str, secret: &str) -> String {
    STANDARD.encode(signature::hmac_sha256(format!("{at}\n{secret}").as_bytes(), b""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{NOW, Probe};

    fn with(mut body: Value) -> Probe {
        let at = (NOW / 1000).to_string();
        body["sign"] = json!(signature(&at, "this is secret"));
        body["timestamp"] = json!(at);
        Probe::post(Kind::Feishu, PATH).json(&body)
    }

    fn text() -> Value {
        json!({ "msg_type": "text", "content": { "text": "茶" } })
    }

    fn card(elements: Value) -> Probe {
        let header = json!({ "title": { "tag": "plain_text", "content": "春茶" }, "template": "green" });
        let mut card = json!({ "header": header });
        card["elements"] = elements;
        with(json!({ "msg_type": "interactive", "card": card }))
    }

    #[test]
    fn the_vector_is_reproduced() {
        assert_eq!(signature("1600000000", "this is secret"), "KPGy2t/of6Xra/AnHPcFkxvTtTVcBl/AnCo8A9Y2Tto=");
    }

    #[test]
    fn good_messages_are_taken() {
        let button = json!({ "tag": "button", "text": { "tag": "plain_text", "content": "续订" }, "url": "https://harbour.example/a", "type": "primary" });
        let mut probe = card(json!([{ "tag": "markdown", "content": "**免费** 一个月" }, { "tag": "hr" },
            { "tag": "action", "actions": [button] }]));
        assert_eq!(
            (probe.value()["code"].as_i64(), probe.value()["StatusCode"].as_i64()),
            (Some(0), Some(0))
        );
        let post = &probe.received()[0];
        assert_eq!((post.title.as_deref(), post.text.as_str()), (Some("春茶"), "**免费** 一个月"));
        assert_eq!(
            (post.buttons[0].text.as_str(), post.links[0].as_str()),
            ("续订", "https://harbour.example/a")
        );
        let rich = json!({ "msg_type": "post", "content": { "post": { "zh_cn": { "title": "春茶", "content": [[
            { "tag": "text", "text": "免费 " }, { "tag": "a", "text": "续订", "href": "https://harbour.example/a" }]] } } } });
        let mut rich = with(rich);
        assert_eq!(rich.value()["code"], 0);
        assert_eq!(rich.received()[0].text, "免费 续订");
        assert_eq!(with(text()).value()["code"], 0);
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_200() {
        let mut unsigned = text();
        unsigned["timestamp"] = json!((NOW / 1000).to_string());
        let plain = |body: &Value| Probe::post(Kind::Feishu, PATH).json(body);
        let long = json!({ "msg_type": "text", "content": { "text": "x".repeat(MAX_BODY_BYTES) } });
        Probe::table([
            (with(text()).path("/open-apis/bot/v2/hook/other"), 200, "19001"),
            (plain(&text()), 200, "19021"),
            (plain(&unsigned), 200, "19021"),
            (plain(&json!({ "timestamp": i64::MIN, "msg_type": "text" })), 200, "19021"),
            (with(text()).at(NOW + 3_601_000), 200, "19021"),
            (with(text()).bytes("application/json", "{"), 200, "9499"),
            (with(text()).header("content-type", "text/plain"), 200, "9499"),
            (with(long), 200, "20 KB"),
            (with(json!({ "content": { "text": "x" } })), 200, "msg_type need"),
            (with(json!({ "msg_type": "text", "content": {} })), 200, "19002"),
            (with(json!({ "msg_type": "image", "content": { "image_key": "img_x" } })), 200, "19002"),
            (with(json!({ "msg_type": "post", "content": { "post": {} } })), 200, "19002"),
            (with(json!({ "msg_type": "interactive" })), 200, "11246"),
            (card(json!([{ "tag": "poster" }])), 200, "11310"),
            (card(json!([{ "tag": "img", "img_key": "img_x", "alt": {} }])), 200, "img_key"),
        ]);
    }
}
