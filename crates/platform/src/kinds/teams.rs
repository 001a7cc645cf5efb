//! A Teams workflow "when a webhook request is received" that posts a card (learn.microsoft.com:
//! Teams, create incoming webhooks with Workflows; adaptivecards.io, schema 1.4).
//!
//! Errors in a card are not reported: the answer is 202 before anything is posted.

use axum::http::Method;
use fake_server::text::{is_web, links};
use fake_server::{
    Answer, Button, FakeNetwork, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError, ensure,
    text_field,
};
use serde_json::{Value, json};

const PATH: &str = "/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke";
const SIGNATURE: &str = "harbourSignature_-0123456789";
/// The largest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 28 << 10;
const CARD: &str = "application/vnd.microsoft.card.adaptive";

/// The server side of Microsoft Teams.
#[derive(Debug)]
pub(crate) struct Teams;

impl FakeNetwork for Teams {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path.starts_with("/workflows/")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        ensure(request.path == PATH, || refuse(404, "WorkflowNotFound", "The workflow could not be found."))?;
        ensure(request.param("sig").is_some(), || {
            let message = "The request must be authenticated only by Shared Access scheme.";
            refuse(401, "DirectApiAuthorizationRequired", message)
        })?;
        let whole = ["api-version", "sp", "sv"].iter().all(|name| request.param(name).is_some());
        ensure(whole, || {
            refuse(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        })?;
        ensure(request.param("sig") == Some(SIGNATURE), || {
            refuse(401, "AuthorizationFailed", "The authentication credentials are not valid.")
        })?;
        ensure(request.is(&Method::POST), || {
            refuse(405, "HttpMethodNotAllowed", "The HTTP method is not allowed.")
        })?;
        let body = request.object().ok_or_else(|| {
            refuse(
                400,
                "InvalidRequestContent",
                "The request content is not valid and could not be deserialized.",
            )
        })?;
        let taken = Reply::empty(202);
        let read = if request.body.len() > MAX_MESSAGE_BYTES {
            Err(CardError::Rule("the message is larger than 28 KB"))
        } else {
            read(&body)
        };
        match read {
            Err(reason) => Ok(taken.with_reason(format!("202, and nothing was posted: {reason}"))),
            Ok(mut post) => {
                post.account = "Workflows".to_owned();
                post.id = state.serial().to_string();
                post.raw = body;
                state.add_post(request, post);
                Ok(taken)
            }
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
                refuse(429, "WorkflowRequestThrottled", &message).with("retry-after", seconds)
            }
            VendorError::Expired => {
                refuse(401, "AuthorizationFailed", "The authentication credentials are not valid.")
            }
            VendorError::Revoked => refuse(404, "WorkflowNotFound", "The workflow could not be found."),
            VendorError::Rejected(reason) => refuse(400, "TriggerInputSchemaMismatch", reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 4, window: 1000, penalty: 0 }]
    }
}

fn refuse(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "error": { "code": code, "message": message } });
    Reply::json(status, &body).with_reason(format!("{code}: {message}"))
}

/// The reason for which an accepted message is not posted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum CardError {
    #[error("{0}")]
    Rule(&'static str),
    #[error("{0} is no list")]
    NoList(&'static str),
    #[error("element {0:?} is not known")]
    Element(String),
    #[error("action {0:?} is not known")]
    Action(String),
}

impl From<&'static str> for CardError {
    fn from(rule: &'static str) -> Self {
        Self::Rule(rule)
    }
}

/// Reads the first card of a message.
fn read(body: &Value) -> Result<Post, CardError> {
    require(text_field(body, "type") == Some("message"), "type is to be message")?;
    let all = body.get("attachments").and_then(Value::as_array).filter(|all| !all.is_empty());
    let mut post = Post::default();
    for attachment in all.ok_or("attachments are missing")? {
        let kind = text_field(attachment, "contentType");
        require(kind == Some(CARD), "contentType is to be an adaptive card")?;
        let card = attachment.get("content").ok_or("content is missing")?;
        require(text_field(card, "type") == Some("AdaptiveCard"), "content is no AdaptiveCard")?;
        let version = text_field(card, "version").and_then(|version| version.split_once('.'));
        let minor =
            version.filter(|(major, _)| *major == "1").and_then(|(_, minor)| minor.parse::<u8>().ok());
        require(minor.is_some_and(|minor| minor <= 5), "version is to be 1.0 to 1.5")?;
        elements(&mut post, card.get("body"))?;
        actions(&mut post, card.get("actions"))?;
    }
    Ok(post)
}

fn require(fits: bool, rule: &'static str) -> Result<(), CardError> {
    if fits { Ok(()) } else { Err(CardError::Rule(rule)) }
}

fn list<'a>(value: Option<&'a Value>, name: &'static str) -> Result<&'a [Value], CardError> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(CardError::NoList(name)),
    }
}

fn elements(post: &mut Post, all: Option<&Value>) -> Result<(), CardError> {
    for element in list(all, "body")? {
        let kind = text_field(element, "type").ok_or("an element has no type")?;
        match kind {
            "TextBlock" => {
                let text = text_field(element, "text").ok_or("TextBlock has no text")?;
                let large = ["size", "style"].iter().filter_map(|name| text_field(element, name));
                if post.title.is_none()
                    && large
                        .into_iter()
                        .any(|size| ["Large", "ExtraLarge", "heading", "large", "extraLarge"].contains(&size))
                {
                    post.title = Some(text.to_owned());
                }
                post.links.extend(links(text));
                if !post.text.is_empty() {
                    post.text.push('\n');
                }
                post.text.push_str(text);
            }
            "Image" => {
                let url =
                    text_field(element, "url").filter(|url| is_web(url) || url.starts_with("data:image/"));
                let url = url.ok_or("Image has no url")?;
                post.image.get_or_insert_with(|| Picture::at(url, text_field(element, "altText")));
            }
            "Container" | "Column" => elements(post, element.get("items"))?,
            "ColumnSet" => elements(post, element.get("columns"))?,
            "ImageSet" => elements(post, element.get("images"))?,
            "ActionSet" => actions(post, element.get("actions"))?,
            "FactSet" | "RichTextBlock" | "Table" | "Media" => {}
            other => return Err(CardError::Element(other.to_owned())),
        }
    }
    Ok(())
}

fn actions(post: &mut Post, all: Option<&Value>) -> Result<(), CardError> {
    for action in list(all, "actions")? {
        match text_field(action, "type").ok_or("an action has no type")? {
            "Action.OpenUrl" => {
                let url =
                    text_field(action, "url").filter(|url| is_web(url)).ok_or("Action.OpenUrl has no url")?;
                let text = text_field(action, "title").unwrap_or(url).to_owned();
                post.links.push(url.to_owned());
                post.buttons.push(Button { text, url: url.to_owned() });
            }
            "Action.Submit" | "Action.ShowCard" | "Action.ToggleVisibility" | "Action.Execute" => {}
            other => return Err(CardError::Action(other.to_owned())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fake_server::Kind;

    use super::*;
    use crate::probe::Probe;

    const WHOLE: &str = "/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke?api-version=2016-06-01\
        &sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=harbourSignature_-0123456789";

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Teams, WHOLE).json(body)
    }

    fn card(body: &Value, actions: &Value) -> Probe {
        let content = json!({ "type": "AdaptiveCard", "version": "1.4", "body": body, "actions": actions });
        with(&json!({ "type": "message", "attachments": [{ "contentType": CARD, "content": content }] }))
    }

    #[test]
    fn a_card_is_taken_with_202() {
        let body = json!([{ "type": "TextBlock", "size": "Large", "text": "春茶" }, { "type": "TextBlock", "text": "Tea" },
            { "type": "Image", "url": "https://img.example/a.png", "altText": "A cup" }]);
        let mut probe = card(
            &body,
            &json!([{ "type": "Action.OpenUrl", "title": "Renew", "url": "https://harbour.example/a" }]),
        );
        assert_eq!(probe.send(), (202, String::new()));
        let post = &probe.received()[0];
        assert_eq!(
            (post.title.as_deref(), post.text.as_str(), post.buttons.len()),
            (Some("春茶"), "春茶\nTea", 1)
        );
    }

    #[test]
    fn errors_in_a_card_are_not_reported() {
        let good = json!([]);
        let text = |length: usize| json!([{ "type": "TextBlock", "text": "x".repeat(length) }]);
        Probe::table([
            (with(&json!({ "text": "x" })), 202, ""),
            (card(&json!([{ "type": "Poster" }]), &good), 202, ""),
            (card(&json!([{ "type": "TextBlock" }]), &good), 202, ""),
            (card(&json!([{ "type": "Image", "url": "x" }]), &good), 202, ""),
            (card(&good, &json!([{ "type": "Action.OpenUrl", "url": "x" }])), 202, ""),
            (card(&text(MAX_MESSAGE_BYTES), &good), 202, ""),
        ]);
    }

    #[test]
    fn refusals_of_the_gateway_are_reported() {
        let good = || card(&json!([]), &json!([]));
        Probe::table([
            (good().path("/workflows/other/triggers/manual/paths/invoke?sig=x"), 404, "WorkflowNotFound"),
            (good().path(PATH), 401, "DirectApiAuthorizationRequired"),
            (good().path(&format!("{PATH}?sig={SIGNATURE}")), 400, "api-version"),
            (good().path(&WHOLE.replace("harbourS", "s")), 401, "AuthorizationFailed"),
            (good().method("GET"), 405, "HttpMethodNotAllowed"),
            (good().bytes("application/json", "{"), 400, "InvalidRequestContent"),
        ]);
    }
}
