//! Mattermost, by incoming webhook:
//! <https://developers.mattermost.com/integrate/webhooks/incoming/>, message attachments:
//! <https://developers.mattermost.com/integrate/reference/message-attachments/>. Mattermost's
//! buttons call a server back, so a post's button becomes a link below the text; the picture's
//! alternative text is part of its Markdown.

use egress::{Body, Request, Response};
use measure::{LengthBudget, Measure};
use message::flavor::Flavor;
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template::{parse_object, set_default};
use crate::markdown::{link, paragraphs, picture};
use crate::mention::{as_text, neutralized, neutralized_outside_code, prepend};
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Mattermost;

/// The largest post, in Unicode characters; the server splits longer ones
/// (`PostMessageMaxRunesV2`).
const MAX_TEXT_CHARS: usize = 16_383;

impl Protocol for Mattermost {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let text = post.parts().map(text);
        text.map(|text| Measure::Characters.budget("text", &text, MAX_TEXT_CHARS)).into_iter().collect()
    }

    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let mut body = match &post.content {
            Content::Json(body) => parse_object(body)?,
            Content::Parts(parts) => parse_object(&message(parts).to_string())?,
        };
        if !access.room.is_empty() {
            set_default(&mut body, "channel", access.room.clone());
        }
        Ok(Request::new("post", "POST", access.webhook_path.clone(), Body::Json(body.into())).publishes())
    }

    /// Interprets the answer: plain `ok`, or JSON whose `id` names the error.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        if answer.status == 200 {
            return if answer.text() == "ok" { Verdict::sent(None, None) } else { Verdict::Unknown };
        }
        let json = answer.json();
        let id = json["id"].as_str().unwrap_or_default();
        match id.strip_prefix("web.incoming_webhook.").and_then(|id| id.strip_suffix(".app_error")) {
            // Newer servers use this `id` for every error, with the details beside it, if at all.
            // The JSON that we send is valid.
            Some("general") if answer.status == 400 && is_content_error(&json) => Verdict::rejected(),
            Some("general") if answer.status >= 500 && answer.status != 501 => {
                Verdict::by_status(answer, request.publishes)
            }
            Some(
                "general" | "invalid" | "disabled" | "channel" | "channel_locked" | "permissions" | "user"
                | "team",
            ) => Verdict::Gone,
            Some("split_props_length") => Verdict::Rejected(RejectReason::TooBig),
            Some("parse" | "decode" | "text" | "attachment") => Verdict::rejected(),
            _ if answer.status == 404 => Verdict::Gone,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }
}

/// Returns true if an error is about the content of the request.
fn is_content_error(error: &Value) -> bool {
    let detail = error["detailed_error"].as_str().unwrap_or_default().to_lowercase();
    ["pars", "decode", "text", "props"].iter().any(|word| detail.contains(word))
}

fn text(parts: &Parts) -> String {
    let shown =
        parts.picture.as_ref().and_then(|shown| Some(picture(Flavor::Mattermost, &shown.alt, shown.url()?)));
    let button = parts.action.as_ref().map(|action| link(Flavor::Mattermost, &action.label, &action.url));
    neutralized_outside_code(&paragraphs([Some(parts.text.as_str()), shown.as_deref(), button.as_deref()]))
}

/// Builds the message: one attachment if the post has a title, else text.
fn message(parts: &Parts) -> Value {
    let text = text(parts);
    let call = as_text(parts);
    let Some(title) = &parts.title else { return json!({ "text": prepend(call, text) }) };
    let mut attachment =
        json!({ "fallback": neutralized(&parts.plain, &[]), "title": neutralized(title, &[]), "text": text });
    if let Some(action) = &parts.action {
        attachment["title_link"] = action.url.clone().into();
    }
    match call {
        Some(call) => json!({ "text": call, "attachments": [attachment] }),
        None => json!({ "attachments": [attachment] }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sample::{json, next, post, post_of, prior, verdict};

    #[test]
    fn a_post_is_an_attachment() {
        let request = next("mattermost", &post(), &prior(&[]));
        assert_eq!((request.method, request.target.as_str()), ("POST", "/hook/T1/B2/topsecret?key=k1"));
        assert!(request.publishes);
        insta::assert_json_snapshot!(json(&request), @r#"
        {
          "attachments": [
            {
              "fallback": "Spring Tide\n\nCNY 98 for 250 g & a cup\n\nChoose: https://news.example/c/1.tok",
              "text": "CNY 98 for 250 g & a cup\n\n![A white cup](https://harbour.example/spring.png)\n\n[Choose](https://news.example/c/1.tok)",
              "title": "Spring Tide",
              "title_link": "https://news.example/c/1.tok"
            }
          ],
          "channel": "room-1"
        }
        "#);
        let plain = json(&next("mattermost", &post_of("only text"), &prior(&[])));
        assert_eq!(plain, serde_json::json!({ "channel": "room-1", "text": "only text" }));
        let own = Post { content: Content::Json("{\"text\":\"x\",\"channel\":\"mine\"}".into()), ..post() };
        assert_eq!(json(&next("mattermost", &own, &prior(&[])))["channel"], "mine");
    }

    #[test]
    fn link_labels_are_escaped() {
        assert_eq!(link(Flavor::Mattermost, "[a](b)", "https://c"), "[\\[a\\](b)](https://c)");
    }

    #[test]
    fn the_text_is_measured() {
        let budgets = crate::sample::budgets("mattermost", &post_of(&"茶".repeat(MAX_TEXT_CHARS + 1)));
        assert_eq!(
            (budgets[0].measured, budgets[0].allowed, budgets[0].over_at),
            (MAX_TEXT_CHARS + 1, MAX_TEXT_CHARS, Some(MAX_TEXT_CHARS * 3))
        );
    }

    #[test]
    fn every_answer_means_something() {
        let error =
            |id: &str| format!("{{\"id\":\"web.incoming_webhook.{id}.app_error\",\"message\":\"m\"}}");
        for (status, headers, body, expected) in [
            (200, &[][..], "ok".to_owned(), Verdict::sent(None, None)),
            (200, &[], "<html>".to_owned(), Verdict::Unknown),
            (200, &[], String::new(), Verdict::Unknown),
            (400, &[], error("invalid"), Verdict::Gone),
            (400, &[], error("parse"), Verdict::rejected()),
            (400, &[], error("text"), Verdict::rejected()),
            (400, &[], error("split_props_length"), Verdict::Rejected(RejectReason::TooBig)),
            (400, &[], error("general"), Verdict::Gone),
            (404, &[], error("general"), Verdict::Gone),
            (500, &[], error("general"), Verdict::Unknown),
            (
                400,
                &[],
                error("general")
                    .replace("\"message\"", "\"detailed_error\":\"No text specified.\",\"message\""),
                Verdict::rejected(),
            ),
            (403, &[], error("channel_locked"), Verdict::Gone),
            (403, &[], error("permissions"), Verdict::Gone),
            (404, &[], error("channel"), Verdict::Gone),
            (404, &[], "not found".to_owned(), Verdict::Gone),
            (501, &[], error("disabled"), Verdict::Gone),
            (413, &[], String::new(), Verdict::Rejected(RejectReason::TooBig)),
            (
                429,
                &[("x-ratelimit-reset", "7")],
                "limit exceeded".to_owned(),
                Verdict::RateLimited(Some(Duration::from_secs(7))),
            ),
            (500, &[], error("unknown"), Verdict::Unknown),
            (503, &[], String::new(), Verdict::Retryable),
        ] {
            assert_eq!(
                verdict("mattermost", "post", true, status, headers, &body),
                expected,
                "{status} {body}"
            );
        }
    }
}
