//! WeChat template messages, sent to single followers:
//! <https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html>;
//! tokens and codes in `wechat`.

use egress::{Request, Response};
use jiff::Timestamp;
use message::{Content, Post};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::json_template;
use crate::kinds::wechat::{self, TOKEN};
use crate::protocol::{ComposeError, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct WeChatTemplate;

impl Protocol for WeChatTemplate {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let Content::Json(parameters) = &post.content else {
            return Err("WeChat sends approved templates only: add wechat_template.json with its data".into());
        };
        let to = post.to.as_deref().ok_or("it has no openid to go to")?;
        let Some(token) = prior.text(TOKEN, "/access_token") else { return Ok(wechat::token(access)) };
        let mut body = body(json_template::parse_object(parameters)?)?;
        body.insert("touser".to_owned(), to.into());
        body.insert("template_id".to_owned(), access.template_id.as_str().into());
        // WeChat sends the same key to the same person only once within ten minutes.
        body.insert("client_msg_id".to_owned(), post.id.as_str().into());
        let target = wechat::with_token("/cgi-bin/message/template/send", &token);
        Ok(Request::json("post", target, Value::Object(body)).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        match (request.name, wechat::code(&json)) {
            (TOKEN, None | Some(0)) if wechat::has_text(&json, "/access_token") => Verdict::Ready,
            (_, Some(0 | 45065)) if request.publishes => Verdict::sent(text_at(&json, "/msgid"), None),
            (_, Some(code)) if code != 0 => template_refusal(code, answer),
            // WeChat recognises the message by its key.
            _ if answer.is_success() || answer.status >= 500 => Verdict::Retryable,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(wechat::token(access))
    }

    fn example_answer(&self, _name: &str) -> Value {
        json!({ "access_token": "ACCESS_TOKEN", "expires_in": 7200 })
    }
}

/// Interprets codes about the template, which does not belong to the account, or no longer does;
/// other codes as in `wechat`.
fn template_refusal(code: i64, answer: &Response) -> Verdict {
    match code {
        40_036 | 40_037 => Verdict::Gone,
        _ => wechat::refusal(code, answer),
    }
}

/// Returns the body made of a template file: either a whole request with `data`, `url` and
/// `miniprogram`, or the data alone, optionally with a `url` among them.
fn body(mut object: Map<String, Value>) -> Result<Map<String, Value>, ComposeError> {
    let whole = object.get("data").is_some_and(|data| data.is_object() && data.get("value").is_none());
    let mut body = Map::new();
    let rest = if whole { &["url", "miniprogram"][..] } else { &["url"] };
    for name in rest {
        // `{"value": …}` is a parameter that happens to have this name.
        if let Some(value) = object.get(*name).filter(|value| value.get("value").is_none()) {
            body.insert((*name).to_owned(), value.clone());
            object.remove(*name);
        }
    }
    let data = if whole { object.remove("data") } else { Some(Value::Object(object)) };
    let Some(Value::Object(data)) = data else { return Err(ComposeError::from("its template has no data")) };
    let data: Map<_, _> = data.into_iter().map(|(name, value)| (name, parameter(value))).collect();
    body.insert("data".to_owned(), Value::Object(data));
    Ok(body)
}

/// Returns a parameter as an object: `"text"` is short for `{"value": "text"}`.
fn parameter(value: Value) -> Value {
    match value {
        Value::Object(_) => value,
        Value::String(_) => json!({ "value": value }),
        Value::Null => json!({ "value": "" }),
        other => json!({ "value": other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, json, next, post, prior, verdict};
    use message::RejectReason;

    fn message(template: &str) -> Post {
        Post { to: Some("oABC".into()), content: Content::Json(template.into()), ..post() }
    }

    fn sent(template: &str) -> Value {
        let prior_token = prior(&[(TOKEN, r#"{"access_token":"T1","expires_in":7200}"#)]);
        json(&next("wechat_template", &message(template), &prior_token))
    }

    #[test]
    fn a_message_is_a_template_with_its_data() {
        assert_eq!(next("wechat_template", &message("{}"), &prior(&[])).name, TOKEN);
        let expected = json!({
            "touser": "oABC", "template_id": "template-1", "client_msg_id": "5f2b0c1d",
            "url": "https://news.example/c/1.tok",
            "data": { "thing1": { "value": "李" }, "amount2": { "value": "98" } },
        });
        let url = "https://news.example/c/1.tok";
        assert_eq!(sent(&format!(r#"{{"url":"{url}","thing1":"李","amount2":98}}"#)), expected);
        let whole = format!(r#"{{"url":"{url}","data":{{"thing1":{{"value":"李"}},"amount2":"98"}}}}"#);
        assert_eq!(sent(&whole), expected);
        let named = sent(r#"{"data":{"value":"x"},"url":{"value":"y"}}"#);
        assert_eq!(named["data"], json!({ "data": { "value": "x" }, "url": { "value": "y" } }));
        for post in [post(), Post { to: None, ..message("{}") }, message("[]")] {
            let prior = prior(&[(TOKEN, r#"{"access_token":"T1"}"#)]);
            assert!(WeChatTemplate.next(&access("wechat_template"), &post, &prior).is_err());
        }
    }

    #[test]
    fn every_answer_means_something() {
        let code = |code: i64| format!("{{\"errcode\":{code},\"errmsg\":\"m\"}}");
        let bad = Verdict::Rejected(RejectReason::BadAddress);
        for (status, body, expected) in [
            (
                200,
                r#"{"errcode":0,"errmsg":"ok","msgid":200228332}"#.to_owned(),
                Verdict::sent("200228332".to_owned(), None),
            ),
            (200, code(45_065), Verdict::sent(None, None)),
            (200, code(43_004), bad.clone()),
            (200, code(40_003), bad.clone()),
            (200, code(43_101), bad),
            (200, code(40_037), Verdict::Gone),
            (200, code(47_003), Verdict::rejected()),
            (200, code(42_001), Verdict::AuthExpired),
            (200, code(45_009), Verdict::RateLimited(None)),
            (200, code(-1), Verdict::Retryable),
            (200, "<html>".into(), Verdict::Retryable),
            (500, String::new(), Verdict::Retryable),
            (403, String::new(), Verdict::AuthExpired),
        ] {
            assert_eq!(
                verdict("wechat_template", "post", true, status, &[], &body),
                expected,
                "{status} {body}"
            );
        }
        let token = r#"{"access_token":"T"}"#;
        assert_eq!(verdict("wechat_template", TOKEN, false, 200, &[], token), Verdict::Ready);
    }
}
