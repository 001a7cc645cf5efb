//! Slack's incoming webhooks (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

use axum::http::Method;
use fake_server::text::chars;
use fake_server::{
    Answer, FakeNetwork, NetworkState, Post, RateLimit, Reply, Request, VendorError, ensure, field,
    text_field,
};
use serde_json::Value;

use super::slack_blocks::{self, BlockContent};

/// The longest `text`, in characters (docs.slack.dev, chat.postMessage, "truncating content").
const MAX_TEXT_CHARS: usize = 40_000;
/// The longest text of all blocks together, in characters (slackapi/bolt-js#2509).
const MAX_BLOCKS_CHARS: usize = 13_200;
const PATH: &str = "/services/T0001/B0001/secret";

/// The server side of Slack.
#[derive(Debug)]
pub(crate) struct Slack;

impl FakeNetwork for Slack {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path.starts_with("/services/")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        check_webhook(request)?;
        let body = payload(request).ok_or_else(|| refuse(400, "invalid_payload"))?;
        let visible_text = text_field(&body, "text").unwrap_or_default();
        ensure(body.get("text").is_none_or(Value::is_string), || refuse(400, "invalid_payload"))?;
        ensure(chars(visible_text) <= MAX_TEXT_CHARS, || refuse(400, "msg_too_long"))?;
        let reading = match body.get("blocks").filter(|blocks| !blocks.is_null()) {
            None => BlockContent::default(),
            Some(blocks) => slack_blocks::read(blocks)
                .map_err(|bad| Reply::text(400, bad.code()).with_reason(format!("{}: {bad}", bad.code())))?,
        };
        ensure(chars(&reading.text) <= MAX_BLOCKS_CHARS, || refuse(400, "msg_blocks_too_long"))?;
        let has_old = body.get("attachments").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        ensure(!visible_text.is_empty() || reading.blocks > 0 || has_old, || refuse(400, "no_text"))?;
        let (fallback, mut links) = slack_blocks::mrkdwn(visible_text);
        links = if reading.blocks > 0 { reading.links } else { links };
        let post = Post {
            account: "#launch".to_owned(),
            id: format!("{}.{:06}", request.seconds(), state.serial()),
            text: if reading.blocks > 0 { reading.text } else { fallback },
            title: reading.title,
            links,
            image: reading.image,
            buttons: reading.buttons,
            raw: body,
            ..Post::default()
        };
        state.add_post(request, post);
        Ok(Reply::text(200, "ok"))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => refuse(429, "rate_limited").with("retry-after", seconds),
            VendorError::Expired => refuse(403, "invalid_token"),
            VendorError::Revoked => refuse(404, "no_service"),
            VendorError::Rejected(_) => refuse(403, "action_prohibited"),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 1, window: 1000, penalty: 0 }]
    }
}

fn refuse(status: u16, error: &str) -> Reply {
    Reply::text(status, error).with_reason(error)
}

/// Checks that the path is the webhook's.
fn check_webhook(request: &Request) -> Result<(), Reply> {
    ensure(request.is(&Method::POST), || refuse(400, "invalid_payload"))?;
    if request.path == PATH {
        return Ok(());
    }
    let parts = request.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Err(match parts[..] {
        ["services", "T0001", "B0001", _] => refuse(403, "invalid_token"),
        ["services", "T0001", _, _] => refuse(404, "no_service"),
        ["services", _, _, _] => refuse(404, "no_team"),
        _ => refuse(404, "no_service"),
    })
}

/// Reads the payload: JSON, or a form with JSON in `payload`.
fn payload(request: &Request) -> Option<Value> {
    if request.media_type() == "application/x-www-form-urlencoded" {
        let fields = request.fields();
        return serde_json::from_str(field(&fields, "payload")?).ok().filter(Value::is_object);
    }
    request.object()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use fake_server::{Fault, Kind};

    use super::*;
    use crate::probe::Probe;

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Slack, PATH).json(body)
    }

    fn blocks(blocks: &Value) -> Probe {
        with(&json!({ "text": "fallback", "blocks": blocks }))
    }

    #[test]
    fn a_message_of_blocks_is_taken_as_people_read_it() {
        let mut probe = blocks(&json!([
            { "type": "header", "text": { "type": "plain_text", "text": "春茶 <3" } },
            { "type": "section", "text": { "type": "mrkdwn",
                "text": "*Tea* &lt;now&gt; <https://harbour.example/a?x=1&amp;y=2|here>" } },
            { "type": "image", "image_url": "https://img.example/a.png", "alt_text": "A cup" },
            { "type": "actions", "elements": [{ "type": "button", "text": { "type": "plain_text", "text": "Renew" },
                "url": "https://harbour.example/b" }] },
        ]));
        assert_eq!(probe.send(), (200, "ok".to_owned()));
        let post = &probe.received()[0];
        assert_eq!(
            (post.title.as_deref(), post.text.as_str()),
            (Some("春茶 <3"), "春茶 <3\n*Tea* <now> here")
        );
        assert_eq!(post.links, ["https://harbour.example/a?x=1&y=2", "https://harbour.example/b"]);
        assert_eq!(post.image.as_ref().unwrap().alt.as_deref(), Some("A cup"));
        assert_eq!(post.buttons[0].text, "Renew");
        assert_eq!(with(&json!({ "text": "Tea" })).send().0, 200);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let text = |length: usize| json!({ "type": "mrkdwn", "text": "茶".repeat(length) });
        let section = |length: usize| json!({ "type": "section", "text": text(length) });
        assert_eq!(blocks(&json!([section(3000)])).send().0, 200);
        let button = |length: usize| {
            json!([{ "type": "actions", "elements": [
                { "type": "button", "text": { "type": "plain_text", "text": "x".repeat(length) } }] }])
        };
        assert_eq!(blocks(&button(75)).send().0, 200);
        let header = |length: usize| json!([{ "type": "header", "text": { "type": "plain_text", "text": "x".repeat(length) } }]);
        assert_eq!(blocks(&header(150)).send().0, 200);
        let image =
            |alt: &Value| json!([{ "type": "image", "image_url": "https://a.example/", "alt_text": alt }]);
        let fields = |count: usize| json!([{ "type": "section", "fields": vec![text(1); count] }]);
        let elements = |count: usize| json!([{ "type": "context", "elements": vec![text(1); count] }]);
        Probe::table([
            (with(&json!({ "text": "x" })).path("/services/T0001/B0001/other"), 403, "invalid_token"),
            (with(&json!({ "text": "x" })).path("/services/T0001/B0002/secret"), 404, "no_service"),
            (with(&json!({ "text": "x" })).path("/services/T0002/B0001/secret"), 404, "no_team"),
            (with(&json!({ "text": "x" })).method("GET"), 400, "invalid_payload"),
            (with(&json!({ "text": "x" })).header("content-type", "text/plain"), 400, "invalid_payload"),
            (with(&json!([])), 400, "invalid_payload"),
            (with(&json!({ "text": 1 })), 400, "invalid_payload"),
            (with(&json!({ "text": "" })), 400, "no_text"),
            (with(&json!({ "text": "x".repeat(MAX_TEXT_CHARS + 1) })), 400, "msg_too_long"),
            (blocks(&json!({})), 400, "invalid_blocks_format"),
            (blocks(&json!(vec![json!({ "type": "divider" }); 51])), 400, "invalid_blocks"),
            (blocks(&json!(vec![section(2900); 5])), 400, "msg_blocks_too_long"),
            (blocks(&json!([{ "type": "poster" }])), 400, "invalid_blocks"),
            (blocks(&json!([section(3001)])), 400, "invalid_blocks"),
            (blocks(&json!([section(0)])), 400, "invalid_blocks"),
            (blocks(&json!([{ "type": "section" }])), 400, "invalid_blocks"),
            (
                blocks(&json!([{ "type": "section", "text": text(1), "colour": "red" }])),
                400,
                "invalid_blocks",
            ),
            (blocks(&json!([{ "type": "header", "text": text(1) }])), 400, "invalid_blocks"),
            (blocks(&header(151)), 400, "invalid_blocks"),
            (blocks(&fields(11)), 400, "invalid_blocks"),
            (blocks(&elements(11)), 400, "invalid_blocks"),
            (blocks(&elements(0)), 400, "invalid_blocks"),
            (blocks(&button(76)), 400, "invalid_blocks"),
            (blocks(&json!([{ "type": "actions", "elements": [] }])), 400, "invalid_blocks"),
            (blocks(&image(&Value::Null)), 400, "invalid_blocks"),
            (blocks(&image(&json!("x".repeat(2001)))), 400, "invalid_blocks"),
            (blocks(&json!([{ "type": "markdown", "text": "x".repeat(12_001) }])), 400, "invalid_blocks"),
        ]);
    }

    #[test]
    fn errors_are_reported_in_plain_text() {
        let probe = with(&json!({ "text": "x" }));
        assert!(probe.publishes());
        let limited = probe.error_reply(&Fault::RateLimited { seconds: 30 });
        assert_eq!(limited.status, 429);
        assert!(limited.headers.contains(&("retry-after", "30".to_owned())));
        assert_eq!(&probe.error_reply(&Fault::Revoked).body[..], b"no_service");
    }
}
