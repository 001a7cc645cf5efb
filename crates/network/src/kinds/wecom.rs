//! WeCom's group robots: <https://developer.work.weixin.qq.com/document/path/91770>, codes:
//! <https://developer.work.weixin.qq.com/document/path/90313>. A message is Markdown, because
//! WeCom's cards show no Markdown and hold only 112 characters of text. `markdown_v2` supports
//! pictures and is sent if there is one.

use std::time::Duration;

use egress::{Request, Response};
use measure::{LengthBudget, Measure};
use message::flavor::JOINER;
use message::{Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template;
use crate::markdown::paragraphs;
use crate::mention;
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Wecom;

impl Protocol for Wecom {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        post.parts().map(|parts| Measure::Bytes.budget("text", &content(parts), 4_096)).into_iter().collect()
    }

    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = json_template::body(post, message);
        Ok(Request::new("post", "POST", access.webhook_path.clone(), body).publishes())
    }

    /// Interprets `errcode`; the status is always 200.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let reply = json["errmsg"].as_str().unwrap_or_default();
        match json["errcode"].as_i64() {
            Some(0) => Verdict::sent(None, None),
            // "api freq out of limit", per minute, and too many concurrent requests. The
            // documentation gives no waiting time.
            Some(45_009 | 45_033) => Verdict::RateLimited(Some(Duration::from_secs(60))),
            // "system busy" and similar errors.
            Some(-1 | 50_001) => Verdict::Retryable,
            // The robot does not exist or has left the group, or the group is dissolved.
            Some(93_000 | 93_004 | 93_006 | 93_008 | 93_016) => Verdict::Gone,
            Some(40_014 | 42_001 | 40_001) => Verdict::AuthExpired,
            Some(45_002 | 45_008) => Verdict::Rejected(RejectReason::TooBig),
            Some(40_058) if reply.contains("exceed max length") => Verdict::Rejected(RejectReason::TooBig),
            Some(_) => Verdict::rejected(),
            None => Verdict::by_status(answer, request.publishes),
        }
    }
}

fn content(parts: &Parts) -> String {
    let title = parts.title.as_ref().map(|title| format!("### {title}"));
    let picture = parts.picture.as_ref();
    let picture = picture.and_then(|picture| Some(format!("![{}]({})", label(&picture.alt), picture.url()?)));
    let button = parts.action.as_ref().map(|action| format!("[{}]({})", label(&action.label), action.url));
    let text = paragraphs([title.as_deref(), Some(&parts.text), picture.as_deref(), button.as_deref()]);
    // `<@all>` would mention everyone.
    let text = text.replace("<@", &format!("<{JOINER}@"));
    mention::prepend(mention::mentions(parts, |name| format!("<@{name}>")), text)
}

/// Replaces brackets, which would end the link and cannot be escaped.
fn label(text: &str) -> String {
    text.replace('[', "［").replace(']', "］")
}

fn message(parts: &Parts) -> Value {
    let has_picture = parts.picture.as_ref().is_some_and(|picture| picture.url().is_some());
    let kind = if has_picture { "markdown_v2" } else { "markdown" };
    json!({ "msgtype": kind, kind: { "content": content(parts) } })
}

#[cfg(test)]
mod tests {
    use message::Content;

    use super::*;
    use crate::sample::{json, next, post, post_of, prior, verdict};

    #[test]
    fn a_post_is_markdown() {
        let request = next("wecom", &post(), &prior(&[]));
        assert_eq!((request.target.as_str(), request.publishes), ("/hook/T1/B2/topsecret?key=k1", true));
        insta::assert_json_snapshot!(json(&request), @r####"
        {
          "markdown_v2": {
            "content": "### Spring Tide\n\nCNY 98 for 250 g & a cup\n\n![A white cup](https://harbour.example/spring.png)\n\n[Choose](https://news.example/c/1.tok)"
          },
          "msgtype": "markdown_v2"
        }
        "####);
        let plain = json(&next("wecom", &post_of("只有文字"), &prior(&[])));
        assert_eq!(plain, json!({ "msgtype": "markdown", "markdown": { "content": "只有文字" } }));
        let own = Post { content: Content::Json("{\"msgtype\":\"news\"}".into()), ..post() };
        assert_eq!(json(&next("wecom", &own, &prior(&[])))["msgtype"], "news");
        assert_eq!(label("[a]"), "［a］");
    }

    #[test]
    fn the_text_is_measured_in_bytes() {
        let budgets = crate::sample::budgets("wecom", &post_of(&"茶".repeat(1_366)));
        assert_eq!((budgets[0].measured, budgets[0].over_at), (4_098, Some(4_095)));
        assert!(crate::sample::budgets("wecom", &post_of(&"茶".repeat(1_365)))[0].fits());
    }

    #[test]
    fn every_answer_means_something() {
        let code = |code: i64, reply: &str| format!("{{\"errcode\":{code},\"errmsg\":\"{reply}\"}}");
        let minute = Verdict::RateLimited(Some(Duration::from_secs(60)));
        for (status, body, expected) in [
            (200, code(0, "ok"), Verdict::sent(None, None)),
            (200, code(45_009, "api freq out of limit"), minute.clone()),
            (200, code(45_033, "api concurrent out of limit"), minute),
            (
                200,
                code(40_058, "markdown.content exceed max length 4096"),
                Verdict::Rejected(RejectReason::TooBig),
            ),
            (200, code(40_058, "template_card.card_type is missing"), Verdict::rejected()),
            (200, code(93_000, "invalid webhook url"), Verdict::Gone),
            (200, code(93_008, "not in group"), Verdict::Gone),
            (200, code(40_008, "invalid message type"), Verdict::rejected()),
            (200, code(44_004, "empty content"), Verdict::rejected()),
            (200, code(-1, "system busy"), Verdict::Retryable),
            (200, String::new(), Verdict::Unknown),
            (200, "{\"errcode\":".to_owned(), Verdict::Unknown),
            (200, "<html>".to_owned(), Verdict::Unknown),
            (302, String::new(), Verdict::Gone),
            (500, String::new(), Verdict::Unknown),
            (503, String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("wecom", "post", true, status, &[], &body), expected, "{status} {body}");
        }
    }
}
