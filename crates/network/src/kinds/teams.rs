//! Microsoft Teams, by a workflow that posts to a channel or chat:
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>,
//! Adaptive Cards:
//! <https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference>.
//!
//! A workflow answers 202 before it reads the card, so the answer does not show whether the card is
//! posted.

use std::time::Duration;

use egress::{Request, Response};
use measure::{LengthBudget, Unit};
use message::flavor::Flavor;
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template;
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Teams;

/// The largest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 28 << 10;

impl Protocol for Teams {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let bytes = match &post.content {
            Content::Json(body) => body.len(),
            Content::Parts(parts) => message(parts).to_string().len(),
        };
        vec![LengthBudget::of_things("message", Unit::Bytes, bytes, MAX_MESSAGE_BYTES)]
    }

    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = json_template::body(post, message);
        Ok(Request::new("post", "POST", access.webhook_path.clone(), body).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let code = json.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        let text = answer.text();
        match (answer.status, code) {
            (202, _) => Verdict::sent(None, None),
            // The former connectors answer `1`, or 200 with the error of the service behind them.
            (200, _) if text == "1" => Verdict::sent(None, None),
            (200, _) if text.contains("HTTP error 429") => {
                Verdict::RateLimited(Some(Duration::from_secs(60)))
            }
            (200, _) if text.contains("HTTP error 413") => Verdict::Rejected(RejectReason::TooBig),
            (_, "WorkflowNotFound" | "WorkflowTriggerIsNotEnabled" | "WorkflowDisabled") | (404, _) => {
                Verdict::Gone
            }
            (_, "RequestEntityTooLarge") => Verdict::Rejected(RejectReason::TooBig),
            (_, "WorkflowRequestsThrottled" | "OperationRequestsThrottled") => {
                Verdict::RateLimited(answer.retry_after())
            }
            _ => Verdict::by_status(answer, request.publishes),
        }
    }
}

/// Builds a message with one Adaptive Card.
fn message(parts: &Parts) -> Value {
    let mut body = Vec::new();
    if let Some(title) = &parts.title {
        let title = crate::markdown::escaped_line(Flavor::Adaptive, title);
        body.push(
            json!({ "type": "TextBlock", "text": title, "size": "Large", "weight": "Bolder", "wrap": true }),
        );
    }
    if !parts.text.is_empty() {
        body.push(json!({ "type": "TextBlock", "text": parts.text, "wrap": true }));
    }
    if let Some((picture, url)) = parts.picture.as_ref().and_then(|picture| Some((picture, picture.url()?))) {
        body.push(json!({ "type": "Image", "url": url, "altText": picture.alt, "size": "Stretch" }));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": { "width": "Full" },
    });
    if let Some(action) = &parts.action {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": action.label, "url": action.url }]);
    }
    let kind = "application/vnd.microsoft.card.adaptive";
    json!({ "type": "message", "attachments": [{ "contentType": kind, "content": card }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{json as body, next, post, post_of, prior, verdict};

    #[test]
    fn a_post_is_an_adaptive_card() {
        let request = next("teams", &post(), &prior(&[]));
        assert_eq!((request.target.as_str(), request.publishes), ("/hook/T1/B2/topsecret?key=k1", true));
        insta::assert_json_snapshot!(body(&request));
        let plain = body(&next("teams", &post_of("only text"), &prior(&[])));
        let card = &plain["attachments"][0]["content"];
        assert_eq!((card["body"].as_array().map(Vec::len), card.get("actions")), (Some(1), None));
        let own = Post { content: Content::Json("{\"type\":\"message\"}".into()), ..post() };
        assert_eq!(body(&next("teams", &own, &prior(&[]))), json!({ "type": "message" }));
    }

    #[test]
    fn the_message_is_measured() {
        assert!(crate::sample::budgets("teams", &post())[0].fits());
        assert!(!crate::sample::budgets("teams", &post_of(&"x".repeat(MAX_MESSAGE_BYTES)))[0].fits());
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: &str| format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"m\"}}}}");
        let minute = Verdict::RateLimited(Some(Duration::from_secs(60)));
        for (status, headers, reply, expected) in [
            (202, &[][..], String::new(), Verdict::sent(None, None)),
            (200, &[], "1".to_owned(), Verdict::sent(None, None)),
            (200, &[], "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429".to_owned(), minute),
            (200, &[], "returned HTTP error 413".to_owned(), Verdict::Rejected(RejectReason::TooBig)),
            (200, &[], String::new(), Verdict::Unknown),
            (400, &[], error("TriggerInputSchemaMismatch"), Verdict::rejected()),
            (400, &[], error("WorkflowTriggerIsNotEnabled"), Verdict::Gone),
            (401, &[], error("DirectApiAuthorizationRequired"), Verdict::AuthExpired),
            (403, &[], error("AuthorizationFailed"), Verdict::AuthExpired),
            (404, &[], error("WorkflowNotFound"), Verdict::Gone),
            (410, &[], String::new(), Verdict::Gone),
            (413, &[], error("RequestEntityTooLarge"), Verdict::Rejected(RejectReason::TooBig)),
            (429, &[("retry-after", "60")], error("WorkflowRequestsThrottled"), minute_again()),
            (500, &[], String::new(), Verdict::Unknown),
            (502, &[], error("NoResponse"), Verdict::Unknown),
            (503, &[], String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("teams", "post", true, status, headers, &reply), expected, "{status} {reply}");
        }
    }

    fn minute_again() -> Verdict {
        Verdict::RateLimited(Some(Duration::from_secs(60)))
    }
}
