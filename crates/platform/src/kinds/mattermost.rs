//! Mattermost's incoming webhooks (developers.mattermost.com/integrate/webhooks/incoming).

use axum::http::Method;
use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, Button, FakeNetwork, NetworkState, Picture, Post, Reply, Request, VendorError, ensure, field,
    text_field,
};
use serde_json::{Value, json};

const PATH: &str = "/hooks/xen8harbour9coffee7hook1id";
/// The longest post in characters; longer webhook texts become several posts (server,
/// SplitWebhookPost).
const MAX_POST_CHARS: usize = 16_383;
/// The longest JSON of the attachments of one post, in characters (server, PostPropsMaxUserRunes).
const MAX_PROPS_CHARS: usize = 800_000 - 400;

/// The server side of Mattermost.
#[derive(Debug)]
pub(crate) struct Mattermost;

impl FakeNetwork for Mattermost {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path.starts_with("/hooks/")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        if request.is(&Method::GET) && request.path == "/api/v4/system/ping" {
            return Ok(Reply::json(200, &json!({ "status": "OK" })));
        }
        ensure(request.path.starts_with("/hooks/"), || {
            refuse(404, "api.context.404", "Sorry, we could not find the page.")
        })?;
        ensure(request.is(&Method::POST), || {
            refuse(404, "api.context.404", "Sorry, we could not find the page.")
        })?;
        ensure(request.path == PATH, || refuse(400, "web.incoming_webhook.invalid", "Invalid webhook."))?;
        let unread = || refuse(400, "web.incoming_webhook.parse", "Unable to parse incoming data.");
        let body = match request.media_type().as_str() {
            "application/x-www-form-urlencoded" | "multipart/form-data" => {
                field(&request.fields(), "payload").and_then(|text| serde_json::from_str(text).ok())
            }
            _ => request.json(),
        };
        let body = body.filter(Value::is_object).ok_or_else(unread)?;
        let typed = |name: &str| body.get(name).is_none_or(|value| value.is_string() || value.is_null());
        ensure(["text", "username", "icon_url", "channel", "type"].into_iter().all(typed), unread)?;
        let attachments = body.get("attachments").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = text_field(&body, "text").unwrap_or_default();
        let something = !text.is_empty() || !attachments.is_empty();
        ensure(something, || refuse(400, "web.incoming_webhook.text", "No text specified."))?;
        let props = attachments.iter().map(|one| chars(&one.to_string())).max().unwrap_or_default();
        ensure(props <= MAX_PROPS_CHARS, || {
            refuse(400, "web.incoming_webhook.split_props_length", "Unable to split the webhook properties.")
        })?;
        let channel =
            text_field(&body, "channel").is_none_or(|channel| ["launch", "#launch"].contains(&channel));
        ensure(channel, || refuse(404, "web.incoming_webhook.channel", "Couldn't find the channel."))?;
        store_posts(state, request, text, &attachments, &body);
        Ok(Reply::text(200, "ok"))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => Reply::text(429, "limit exceeded\n")
                .with_reason("limit exceeded")
                .with("x-ratelimit-limit", 101)
                .with("x-ratelimit-remaining", 0)
                .with("x-ratelimit-reset", seconds)
                .with("retry-after", seconds),
            VendorError::Expired => refuse(400, "web.incoming_webhook.invalid", "Invalid webhook."),
            VendorError::Revoked => {
                refuse(501, "web.incoming_webhook.disabled", "Incoming webhooks have been disabled.")
            }
            VendorError::Rejected(reason) => refuse(400, "web.incoming_webhook.text", reason),
        }
    }
}

fn refuse(status: u16, id: &str, message: &str) -> Reply {
    let body = json!({ "id": format!("{id}.app_error"), "message": message, "detailed_error": "",
        "request_id": "", "status_code": status });
    Reply::json(status, &body).with_reason(message)
}

/// Stores a long text as several posts, the last of which has the attachments.
fn store_posts(state: &mut NetworkState, request: &Request, text: &str, attachments: &[Value], body: &Value) {
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.chunks(MAX_POST_CHARS).map(|piece| piece.iter().collect());
    let mut pieces: Vec<String> = pieces.collect();
    let mut last = read(attachments);
    let tail = pieces.pop().unwrap_or_default();
    last.text = [tail, last.text].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let firsts = pieces.into_iter().map(|text| Post { text, ..Post::default() });
    for mut post in firsts.chain([last]) {
        post.account = text_field(body, "username").unwrap_or("webhook").to_owned();
        post.id = format!("post{:022}", state.serial());
        post.raw = body.clone();
        state.add_post(request, post);
    }
}

/// Returns the readable content of attachments
/// (developers.mattermost.com/integrate/reference/message-attachments).
fn read(attachments: &[Value]) -> Post {
    let mut post = Post::default();
    let mut lines: Vec<&str> = Vec::new();
    for one in attachments {
        lines.extend(["pretext", "text"].iter().filter_map(|name| text_field(one, name)));
        for field in one.get("fields").and_then(Value::as_array).into_iter().flatten() {
            lines.extend(["title", "value"].iter().filter_map(|name| text_field(field, name)));
        }
        post.title = post.title.or_else(|| text_field(one, "title").map(str::to_owned));
        let image = text_field(one, "image_url").filter(|url| is_web(url));
        post.image = post.image.or_else(|| image.map(|url| Picture::at(url, text_field(one, "fallback"))));
        if let Some(url) = text_field(one, "title_link").filter(|url| is_web(url)) {
            post.links.push(url.to_owned());
            let text = text_field(one, "title").unwrap_or(url).to_owned();
            post.buttons.push(Button { text, url: url.to_owned() });
        }
    }
    post.text = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    post
}

#[cfg(test)]
mod tests {
    use fake_server::Kind;

    use super::*;
    use crate::probe::Probe;

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Mattermost, PATH).json(body)
    }

    #[test]
    fn good_messages_are_taken_and_long_ones_split() {
        let mut probe = with(&json!({ "text": "茶", "attachments": [{ "fallback": "x", "title": "Spring",
            "title_link": "https://harbour.example/a", "text": "Tea" }] }));
        assert_eq!(probe.send(), (200, "ok".to_owned()));
        assert_eq!(probe.received()[0].text, "茶\nTea");
        assert_eq!(probe.received()[0].links, ["https://harbour.example/a"]);
        let mut long = with(&json!({ "text": "茶".repeat(MAX_POST_CHARS + 1) }));
        assert_eq!((long.send().0, long.received().len()), (200, 2));
        let form = Probe::post(Kind::Mattermost, PATH).form(&[("payload", "{\"text\":\"x\"}")]);
        assert_eq!({ form }.send().0, 200);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        Probe::table([
            (
                with(&json!({ "text": "x" })).path("/hooks/other"),
                400,
                "web.incoming_webhook.invalid.app_error",
            ),
            (with(&json!({ "text": "x" })).path("/other"), 404, "api.context.404"),
            (with(&json!({ "text": "x" })).method("GET"), 404, "api.context.404"),
            (with(&json!("x")), 400, "parse"),
            (with(&json!({ "text": 1 })), 400, "parse"),
            (with(&json!({ "text": "" })), 400, "No text specified"),
            (with(&json!({ "text": "x", "channel": "other" })), 404, "channel"),
            (with(&json!({ "attachments": [{ "text": "x".repeat(MAX_PROPS_CHARS) }] })), 400, "split"),
        ]);
    }
}
