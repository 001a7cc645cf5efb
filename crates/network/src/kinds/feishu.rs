//! The group robots of Feishu and Lark:
//! <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>, cards:
//! <https://open.feishu.cn/document/feishu-cards/card-json-v1-structure>. A robot cannot upload,
//! and cards show uploaded pictures only, so a picture becomes a link with its alternative text.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Request, Response};
use measure::{LengthBudget, Unit};
use message::flavor::Flavor;
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::json_template::parse_object;
use crate::markdown::link;
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Feishu;

/// The largest body, in bytes.
const MAX_BODY_BYTES: usize = 20 << 10;
/// The number of bytes that a signature adds to the body.
const SIGNATURE_BYTES: usize = 92;

impl Protocol for Feishu {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let bytes = match &post.content {
            Content::Json(body) => body.len(),
            Content::Parts(parts) => Value::from(message(parts, &post.language)).to_string().len(),
        };
        vec![LengthBudget::of_things("message", Unit::Bytes, bytes + SIGNATURE_BYTES, MAX_BODY_BYTES)]
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let mut body = match &post.content {
            Content::Json(body) => parse_object(body)?,
            Content::Parts(parts) => message(parts, &post.language),
        };
        if let Some(secret) = &access.secret {
            let at = prior.now().as_second();
            body.insert("timestamp".to_owned(), at.to_string().into());
            body.insert("sign".to_owned(), sign(secret, at).into());
        }
        Ok(Request::json("post", access.webhook_path.clone(), body.into()).publishes())
    }

    /// Interprets `code`, whatever the status.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let reply = json["msg"].as_str().unwrap_or_default().to_lowercase();
        match json["code"].as_i64().or_else(|| json["StatusCode"].as_i64()) {
            Some(0) => Verdict::sent(None, None),
            Some(11_232 | 11_233 | 99_991_400) => Verdict::RateLimited(answer.retry_after()),
            // The same code reports a body that is sent too fast, is too large, or is malformed.
            Some(9_499) if reply.contains("too many") || reply.contains("frequency") => {
                Verdict::RateLimited(answer.retry_after())
            }
            Some(9_499) if reply.contains("larger") || reply.contains("too large") => {
                Verdict::Rejected(RejectReason::TooBig)
            }
            // The robot does not exist, is switched off, or is not in the group.
            Some(19_001 | 19_007 | 230_002) => Verdict::Gone,
            // The signature, its time, or our IP address is not accepted.
            Some(19_021 | 19_022) => Verdict::AuthExpired,
            Some(19_024) => Verdict::KeywordMissing,
            Some(230_025) => Verdict::Rejected(RejectReason::TooBig),
            Some(_) if answer.status == 429 => Verdict::RateLimited(answer.retry_after()),
            Some(_) if answer.status >= 500 => Verdict::server_error(answer, request.publishes),
            Some(_) => Verdict::rejected(),
            None => Verdict::by_status(answer, request.publishes),
        }
    }
}

/// Returns the signature: the key is the time in seconds, a new line, and the secret; the signed
/// text is empty.
fn sign(secret: &str, at: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{at}\n{secret}").as_bytes());
    STANDARD.encode(hmac::sign(&key, b""))
}

/// Builds an interactive card, or rich text if the post is text alone.
fn message(parts: &Parts, language: &str) -> Map<String, Value> {
    let is_card = parts.title.is_some() || parts.action.is_some() || parts.picture.is_some();
    let pairs = if is_card {
        [("msg_type", "interactive".into()), ("card", card(parts))]
    } else {
        [
            ("msg_type", "post".into()),
            ("content", json!({ "post": { locale(language): rich(&parts.plain) } })),
        ]
    };
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn card(parts: &Parts) -> Value {
    let mut elements = Vec::new();
    let mut say = |content: String| elements.push(json!({ "tag": "markdown", "content": content }));
    if !parts.text.is_empty() {
        say(parts.text.clone());
    }
    if let Some((picture, url)) = parts.picture.as_ref().and_then(|picture| Some((picture, picture.url()?))) {
        let words = if picture.alt.is_empty() { url } else { &picture.alt };
        say(link(Flavor::Lark, words, url));
    }
    if let Some(action) = &parts.action {
        let label = json!({ "tag": "plain_text", "content": action.label });
        let button = json!({ "tag": "button", "text": label, "url": action.url, "type": "primary" });
        elements.push(json!({ "tag": "action", "actions": [button] }));
    }
    let mut card = json!({ "config": { "wide_screen_mode": true }, "elements": elements });
    if let Some(title) = &parts.title {
        card["header"] = json!({ "title": { "tag": "plain_text", "content": title }, "template": "blue" });
    }
    card
}

/// Builds rich text with one paragraph per line.
fn rich(plain: &str) -> Value {
    let lines: Vec<Value> = plain.lines().map(|line| json!([{ "tag": "text", "text": line }])).collect();
    json!({ "content": lines })
}

/// Returns the locale of rich text for a language.
fn locale(language: &str) -> &'static str {
    match language.split(['-', '_']).next().unwrap_or_default() {
        "zh" => "zh_cn",
        "ja" => "ja_jp",
        _ => "en_us",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sample::{json, next, post, post_of, prior, verdict};

    #[test]
    fn signs_as_the_vendor_does() {
        assert_eq!(sign("this is secret", 1_600_000_000), "KPGy2t/of6Xra/AnHPcFkxvTtTVcBl/AnCo8A9Y2Tto=");
    }

    #[test]
    fn a_post_is_a_card() {
        let request = next("feishu", &post(), &prior(&[]));
        assert_eq!((request.target.as_str(), request.publishes), ("/hook/T1/B2/topsecret?key=k1", true));
        insta::assert_json_snapshot!(json(&request), @r#"
        {
          "card": {
            "config": {
              "wide_screen_mode": true
            },
            "elements": [
              {
                "content": "CNY 98 for 250 g & a cup",
                "tag": "markdown"
              },
              {
                "content": "[A white cup](https://harbour.example/spring.png)",
                "tag": "markdown"
              },
              {
                "actions": [
                  {
                    "tag": "button",
                    "text": {
                      "content": "Choose",
                      "tag": "plain_text"
                    },
                    "type": "primary",
                    "url": "https://news.example/c/1.tok"
                  }
                ],
                "tag": "action"
              }
            ],
            "header": {
              "template": "blue",
              "title": {
                "content": "Spring Tide",
                "tag": "plain_text"
              }
            }
          },
          "msg_type": "interactive",
          "sign": "KPGy2t/of6Xra/AnHPcFkxvTtTVcBl/AnCo8A9Y2Tto=",
          "timestamp": "1600000000"
        }
        "#);
    }

    #[test]
    fn text_alone_is_a_rich_text_and_own_json_is_signed() {
        let plain = Post { language: "zh-CN".into(), ..post_of("一\n二") };
        let plain = json(&next("feishu", &plain, &prior(&[])));
        let lines = json!([[{ "tag": "text", "text": "一" }], [{ "tag": "text", "text": "二" }]]);
        assert_eq!(plain["content"]["post"]["zh_cn"]["content"], lines);
        let own = Post { content: Content::Json("{\"msg_type\":\"text\"}".into()), ..post() };
        let own = json(&next("feishu", &own, &prior(&[])));
        assert_eq!((own["msg_type"].as_str(), own["timestamp"].as_str()), (Some("text"), Some("1600000000")));
    }

    #[test]
    fn the_body_is_measured() {
        assert!(crate::sample::budgets("feishu", &post())[0].fits());
        assert!(!crate::sample::budgets("feishu", &post_of(&"x".repeat(MAX_BODY_BYTES)))[0].fits());
        let signature =
            "\"sign\":\"KPGy2t/of6Xra/AnHPcFkxvTtTVcBl/AnCo8A9Y2Tto=\",\"timestamp\":\"1600000000\",";
        assert!(signature.len() <= SIGNATURE_BYTES, "{}", signature.len());
    }

    #[test]
    fn every_answer_means_something() {
        let code = |code: i64, reply: &str| format!("{{\"code\":{code},\"msg\":\"{reply}\",\"data\":{{}}}}");
        for (status, headers, body, expected) in [
            (200, &[][..], code(0, "success"), Verdict::sent(None, None)),
            (
                200,
                &[],
                "{\"StatusCode\":0,\"StatusMessage\":\"success\"}".to_owned(),
                Verdict::sent(None, None),
            ),
            (200, &[], code(11_232, "frequency limited"), Verdict::RateLimited(None)),
            (
                429,
                &[("x-ogw-ratelimit-reset", "4")],
                code(99_991_400, "request trigger frequency limit"),
                Verdict::RateLimited(Some(Duration::from_secs(4))),
            ),
            (200, &[], code(9_499, "too many request"), Verdict::RateLimited(None)),
            (200, &[], code(9_499, "Bad Request"), Verdict::rejected()),
            (
                200,
                &[],
                code(9_499, "Bad Request: the request body is larger than 20 KB"),
                Verdict::Rejected(RejectReason::TooBig),
            ),
            (200, &[], code(19_001, "param invalid: incoming webhook access token invalid"), Verdict::Gone),
            (
                200,
                &[],
                code(19_021, "sign match fail or timestamp is not within one hour from current time"),
                Verdict::AuthExpired,
            ),
            (200, &[], code(19_022, "Ip Not Allowed"), Verdict::AuthExpired),
            (200, &[], code(19_024, "Key Words Not Found"), Verdict::KeywordMissing),
            (200, &[], code(11_246, "Failed to create card content"), Verdict::rejected()),
            (400, &[], code(19_002, "params error"), Verdict::rejected()),
            (200, &[], "{\"code\":".to_owned(), Verdict::Unknown),
            (200, &[], String::new(), Verdict::Unknown),
            (500, &[], code(1, "internal"), Verdict::Unknown),
            (502, &[], String::new(), Verdict::Unknown),
            (503, &[], String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("feishu", "post", true, status, headers, &body), expected, "{status} {body}");
        }
    }
}
