//! DingTalk's group robots: <https://open.dingtalk.com/document/robots/custom-robot-access>,
//! signing: <https://open.dingtalk.com/document/robots/customize-robot-security-settings>, codes:
//! the table on the first page.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Request, Response, segment};
use measure::{LengthBudget, Unit};
use message::flavor::Flavor;
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template;
use crate::markdown::{escaped, link, paragraphs, picture};
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Dingtalk;

/// The time for which DingTalk blocks a robot that sends more than 20 messages a minute.
const RATE_LIMIT_PENALTY: Duration = Duration::from_secs(600);
/// The largest body, in bytes (code 460101).
const MAX_BODY_BYTES: usize = 20_000;

impl Protocol for Dingtalk {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let bytes = match &post.content {
            Content::Json(body) => body.len(),
            Content::Parts(parts) => message(parts).to_string().len(),
        };
        vec![LengthBudget::of_things("message", Unit::Bytes, bytes, MAX_BODY_BYTES)]
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = json_template::body(post, message);
        let mut target = access.webhook_path.clone();
        if let Some(secret) = &access.secret {
            let at = prior.now().as_millisecond();
            let mark = if target.contains('?') { '&' } else { '?' };
            target = format!("{target}{mark}timestamp={at}&sign={}", segment(&sign(secret, at)));
        }
        Ok(Request::new("post", "POST", target, body).publishes())
    }

    /// Interprets `errcode`; the status is always 200.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let reply = json["errmsg"].as_str().unwrap_or_default();
        match json["errcode"].as_i64() {
            Some(0) => Verdict::sent(None, None),
            Some(130_101 | 410_100 | 90_030 | 90_018) => Verdict::RateLimited(Some(wait(&json))),
            Some(-1) => Verdict::Retryable,
            // "message validation failed": the robot's own rules on keywords, signatures and
            // addresses. The message is in Chinese: "关键词不匹配".
            Some(310_000) if reply.contains("关键词") || reply.to_lowercase().contains("keyword") => {
                Verdict::KeywordMissing
            }
            Some(310_000) => Verdict::AuthExpired,
            // The token, robot or group does not exist, or is switched off.
            Some(300_001 | 300_005 | 400_013 | 400_101 | 400_102 | 400_106) => Verdict::Gone,
            // An unsafe link, or refused words, pictures or content.
            Some(430_101..=430_104) => Verdict::Rejected(RejectReason::Policy),
            Some(460_101) => Verdict::Rejected(RejectReason::TooBig),
            Some(_) => Verdict::rejected(),
            None => Verdict::by_status(answer, request.publishes),
        }
    }
}

fn wait(json: &Value) -> Duration {
    let wait = json["wait"].as_u64().map(Duration::from_secs);
    wait.unwrap_or(RATE_LIMIT_PENALTY).min(egress::MAX_WAIT)
}

/// Returns the signature: the key is the secret, and the signed text is the time in milliseconds, a
/// new line, and the secret again.
fn sign(secret: &str, at: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{at}\n{secret}").as_bytes()))
}

/// Builds an action card if the post has a button, else Markdown. The title is shown in lists of
/// chats.
fn message(parts: &Parts) -> Value {
    let heading = parts.title.as_ref().map(|title| format!("### {}", escaped(Flavor::Dingtalk, title)));
    let shown =
        parts.picture.as_ref().and_then(|shown| Some(picture(Flavor::Dingtalk, &shown.alt, shown.url()?)));
    let text = paragraphs([shown.as_deref(), heading.as_deref(), Some(&parts.text)]);
    let first = parts.plain.lines().next().unwrap_or_default();
    let title: String = parts.title.as_deref().unwrap_or(first).chars().take(64).collect();
    match &parts.action {
        // A card must have a text.
        Some(action) => {
            let text =
                if text.is_empty() { link(Flavor::Dingtalk, &action.label, &action.url) } else { text };
            json!({
                "msgtype": "actionCard",
                "actionCard": {
                    "title": if title.is_empty() { &action.label } else { &title },
                    "text": text,
                    "singleTitle": action.label,
                    "singleURL": action.url,
                },
            })
        }
        None => json!({ "msgtype": "markdown", "markdown": { "title": title, "text": text } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{json, next, post, post_of, prior, verdict};

    #[test]
    fn signs_as_the_vendor_does() {
        let signed = sign("this is secret", 1_600_000_000_000);
        assert_eq!(segment(&signed), "MYEtKC4%2FNfMR1l4prX%2B%2Bai6oOf70X1xOf6UlnyUhJH4%3D");
    }

    #[test]
    fn a_post_is_an_action_card() {
        let request = next("dingtalk", &post(), &prior(&[]));
        let signed = "MYEtKC4%2FNfMR1l4prX%2B%2Bai6oOf70X1xOf6UlnyUhJH4%3D";
        let target = format!("/hook/T1/B2/topsecret?key=k1&timestamp=1600000000000&sign={signed}");
        assert_eq!((request.target, request.publishes), (target, true));
        let request = next("dingtalk", &post(), &prior(&[]));
        insta::assert_json_snapshot!(json(&request), @r####"
        {
          "actionCard": {
            "singleTitle": "Choose",
            "singleURL": "https://news.example/c/1.tok",
            "text": "![A white cup](https://harbour.example/spring.png)\n\n### Spring Tide\n\nCNY 98 for 250 g & a cup",
            "title": "Spring Tide"
          },
          "msgtype": "actionCard"
        }
        "####);
        let plain = json(&next("dingtalk", &post_of("first\nsecond"), &prior(&[])));
        assert_eq!(plain["markdown"], json!({ "title": "first", "text": "first\nsecond" }));
        let own = Post { content: Content::Json("{\"msgtype\":\"text\"}".into()), ..post() };
        assert_eq!(json(&next("dingtalk", &own, &prior(&[])))["msgtype"], "text");
    }

    #[test]
    fn the_body_is_measured() {
        assert!(crate::sample::budgets("dingtalk", &post())[0].fits());
        assert!(!crate::sample::budgets("dingtalk", &post_of(&"x".repeat(MAX_BODY_BYTES)))[0].fits());
    }

    #[test]
    fn every_answer_means_something() {
        let code = |code: i64, reply: &str| format!("{{\"errcode\":{code},\"errmsg\":\"{reply}\"}}");
        let limited = |seconds: u64| Verdict::RateLimited(Some(Duration::from_secs(seconds)));
        for (status, body, expected) in [
            (200, code(0, "ok"), Verdict::sent(None, None)),
            (200, "{\"errcode\":130101,\"wait\":5,\"punish\":\"deny\"}".to_owned(), limited(5)),
            (200, "{\"errcode\":130101,\"wait\":99999999}".to_owned(), limited(86_400)),
            (200, code(410_100, "send too fast"), limited(600)),
            (200, code(90_030, "webhook over limit"), limited(600)),
            (200, code(310_000, "sign not match"), Verdict::AuthExpired),
            (200, code(310_000, "invalid timestamp"), Verdict::AuthExpired),
            (
                200,
                code(310_000, "keywords not in content, more: [https://ding-doc.dingtalk.com]"),
                Verdict::KeywordMissing,
            ),
            (
                200,
                code(
                    310_000,
                    "错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词;",
                ),
                Verdict::KeywordMissing,
            ),
            (200, code(310_000, "错误描述:机器人发送签名不匹配;"), Verdict::AuthExpired),
            (200, code(300_001, "token is not exist"), Verdict::Gone),
            (200, code(400_013, "group dissolved"), Verdict::Gone),
            (200, code(400_102, "robot stopped"), Verdict::Gone),
            (200, code(430_104, "unfit"), Verdict::Rejected(RejectReason::Policy)),
            (200, code(460_101, "message too long"), Verdict::Rejected(RejectReason::TooBig)),
            (200, code(40_035, "missing json"), Verdict::rejected()),
            (200, code(-1, "busy"), Verdict::Retryable),
            (200, "{\"errco".to_owned(), Verdict::Unknown),
            (200, String::new(), Verdict::Unknown),
            (500, String::new(), Verdict::Unknown),
            (503, String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("dingtalk", "post", true, status, &[], &body), expected, "{status} {body}");
        }
    }
}
