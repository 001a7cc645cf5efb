//! Slack, by incoming webhook:
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>, Block Kit:
//! <https://docs.slack.dev/reference/block-kit/blocks>, errors:
//! <https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks>.

use egress::{Request, Response};
use measure::{LengthBudget, Measure};
use message::escape::{self, Escape};
use message::{Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template;
use crate::mention;
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Slack;

impl Protocol for Slack {
    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = json_template::body(post, message);
        Ok(Request::new("post", "POST", access.webhook_path.clone(), body).publishes())
    }

    /// The limits of Block Kit: 150 characters in a header, 3,000 in a section, 75 in a button, and
    /// about 13,200 in all blocks together.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let title = parts.title.iter().map(|title| Measure::Characters.budget("title", title, 150));
        let label = parts.action.iter().map(|action| Measure::Characters.budget("button", &action.label, 75));
        let alt =
            parts.picture.iter().map(|picture| Measure::Characters.budget("image_alt", &picture.alt, 2_000));
        title
            .chain([Measure::Characters.budget("text", &text(parts), 3_000)])
            .chain(label)
            .chain(alt)
            .collect()
    }

    /// Interprets the webhook's plain-text answer: `ok`, or a word that names the error.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let word = answer.text();
        match (answer.status, word.as_str()) {
            (200, "ok") => Verdict::sent(None, None),
            (200, _) => Verdict::Unknown,
            (400, "user_not_found" | "channel_not_found") | (404 | 410, _) | (403, "action_prohibited") => {
                Verdict::Gone
            }
            (403, "invalid_token") => Verdict::AuthExpired,
            (400, "too_many_attachments" | "msg_blocks_too_long") => Verdict::Rejected(RejectReason::TooBig),
            (400 | 403, _) => Verdict::rejected(),
            (500, "rollup_error") => Verdict::Retryable,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }
}

/// Returns the mentions in Slack's syntax
/// (<https://docs.slack.dev/messaging/formatting-message-text#special-mentions>).
fn mentions(parts: &Parts) -> Option<String> {
    mention::mentions(parts, |name| format!("<!{name}>"))
}

fn text(parts: &Parts) -> String {
    mention::prepend(mentions(parts), parts.text.clone())
}

/// Builds the message of Block Kit blocks: header, text, picture, button. `text` is shown in
/// notifications.
fn message(parts: &Parts) -> Value {
    let mut blocks = Vec::new();
    if let Some(title) = &parts.title {
        blocks.push(
            json!({ "type": "header", "text": { "type": "plain_text", "text": title, "emoji": true } }),
        );
    }
    let section = text(parts);
    if !section.is_empty() {
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": section } }));
    }
    if let Some((picture, url)) = parts.picture.as_ref().and_then(|picture| Some((picture, picture.url()?))) {
        blocks.push(json!({ "type": "image", "image_url": url, "alt_text": picture.alt }));
    }
    if let Some(action) = &parts.action {
        let label = json!({ "type": "plain_text", "text": action.label, "emoji": true });
        let button = json!({ "type": "button", "text": label, "url": action.url, "style": "primary" });
        blocks.push(json!({ "type": "actions", "elements": [button] }));
    }
    let mut text = String::new();
    escape::escaped(Escape::Angles, &parts.plain, &mut text);
    let text = mention::prepend(mentions(parts), text);
    json!({ "text": text, "blocks": blocks, "unfurl_links": false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{json, next, post, post_of, prior, verdict};

    #[test]
    fn a_post_is_a_card() {
        let request = next("slack", &post(), &prior(&[]));
        assert_eq!((request.method, request.target.as_str()), ("POST", "/hook/T1/B2/topsecret?key=k1"));
        assert!(request.publishes);
        insta::assert_json_snapshot!(json(&request));
        let plain = json(&next("slack", &post_of("only text"), &prior(&[])));
        assert_eq!(plain["blocks"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_text_that_is_too_long_is_reported_with_its_offset() {
        let over = |text: &str| {
            Slack
                .budgets(&post_of(text), &crate::sample::prior(&[]))
                .into_iter()
                .find(|budget| !budget.fits())
        };
        assert_eq!(over(&"春".repeat(3_000)), None);
        assert_eq!(over(&"春".repeat(3_001)).and_then(|budget| budget.over_at), Some(9_000));
    }

    #[test]
    fn every_answer_means_something() {
        for (status, headers, body, expected) in [
            (200, &[][..], "ok", Verdict::sent(None, None)),
            (200, &[], "", Verdict::Unknown),
            (200, &[], "<html>", Verdict::Unknown),
            (400, &[], "invalid_payload", Verdict::rejected()),
            (400, &[], "invalid_blocks", Verdict::rejected()),
            (400, &[], "user_not_found", Verdict::Gone),
            (400, &[], "msg_blocks_too_long", Verdict::Rejected(RejectReason::TooBig)),
            (403, &[], "action_prohibited", Verdict::Gone),
            (403, &[], "invalid_token", Verdict::AuthExpired),
            (404, &[], "channel_not_found", Verdict::Gone),
            (404, &[], "no_service", Verdict::Gone),
            (410, &[], "channel_is_archived", Verdict::Gone),
            (
                429,
                &[("retry-after", "30")],
                "",
                Verdict::RateLimited(Some(std::time::Duration::from_secs(30))),
            ),
            (429, &[], "", Verdict::RateLimited(None)),
            (500, &[], "rollup_error", Verdict::Retryable),
            (500, &[], "", Verdict::Unknown),
            (502, &[], "", Verdict::Unknown),
            (503, &[], "", Verdict::Retryable),
            (302, &[], "", Verdict::Gone),
        ] {
            assert_eq!(verdict("slack", "post", true, status, headers, body), expected, "{status} {body}");
        }
    }
}
