//! A receiver of signed webhooks, by Standard Webhooks 1.0.0.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Picture, Post, Reply, Request, VendorError, account, ensure,
    required, signature, text_field,
};
use serde_json::{Value, json};

/// The largest deviation of the timestamp, in seconds ("to prevent replay attacks"; the libraries'
/// five minutes).
const MAX_CLOCK_SKEW: u64 = 5 * 60;
/// This receiver's largest body, in bytes; the standard recommends less than 20 kB.
const MAX_BODY_BYTES: usize = 64 << 10;

/// The server side of the webhook receiver.
#[derive(Debug)]
pub(crate) struct Webhook;

impl FakeNetwork for Webhook {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST)
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        ensure(request.path == "/campaigns", || refuse(404, "nothing takes webhooks here"))?;
        ensure(request.is(&Method::POST), || refuse(405, "webhooks are posted").with("allow", "POST"))?;
        ensure(request.body.len() <= MAX_BODY_BYTES, || refuse(413, "the body is too large"))?;
        let id = check_signature(request)?;
        let body = request.object().ok_or_else(|| refuse(400, "the body or its content type is not JSON"))?;
        let kind = text_field(&body, "type").filter(|kind| is_event_type(kind));
        ensure(kind.is_some(), || refuse(400, "`type` is to be words joined by full stops"))?;
        let at = text_field(&body, "timestamp").and_then(|at| at.parse::<jiff::Timestamp>().ok());
        ensure(at.is_some(), || refuse(400, "`timestamp` is to be an ISO 8601 instant"))?;
        let data = body.get("data").filter(|data| !data.is_null());
        let data = data.ok_or_else(|| refuse(400, "`data` is missing"))?;
        let reply = Reply::json(200, &json!({ "id": id }));
        if state.replies.get(id).is_some() {
            return Ok(reply);
        }
        state.replies.put(id, (request.at, reply.clone()));
        state.add_post(request, post(id, data, &body));
        Ok(reply)
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => refuse(429, "too many").with("retry-after", seconds),
            VendorError::Expired => refuse(401, "the key is not valid any more"),
            VendorError::Revoked => refuse(410, "this endpoint is gone"),
            VendorError::Rejected(reason) => refuse(422, reason),
        }
    }
}

fn refuse(status: u16, reason: &str) -> Reply {
    Reply::json(status, &json!({ "error": reason })).with_reason(reason)
}

/// Checks that one of the signatures is valid and that the timestamp is near, and returns the
/// message's id.
fn check_signature(request: &Request) -> Result<&str, Reply> {
    let header = |name: &str| {
        let value = request.header(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| refuse(401, &format!("the header {name} is missing")))
    };
    let (id, at, signatures) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let seconds = at.parse::<i64>().map_err(|_| refuse(401, "webhook-timestamp is no Unix time"))?;
    let near = request.seconds().abs_diff(seconds) <= MAX_CLOCK_SKEW;
    ensure(near, || refuse(401, "webhook-timestamp is more than five minutes off"))?;
    let expected = signature(required(account(Kind::Webhook).secret), id, at, &request.body);
    let fits = expected.is_some_and(|expected| signatures.split(' ').any(|one| one == expected));
    ensure(fits, || refuse(401, "no signature fits"))?;
    Ok(id)
}

/// Returns `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (specification, "Signature
/// scheme").
fn signature(secret: &str, id: &str, at: &str, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    let message = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
    Some(format!("v1,{}", STANDARD.encode(signature::hmac_sha256(&key, &message))))
}

/// Returns true for words of letters, digits and underscores, separated by full stops
/// (specification, "Event types").
fn is_event_type(kind: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    kind.split('.').all(word)
}

/// Reads a post from `data`, whose content each receiver defines: the usual names of a text, a
/// headline, a link and a picture.
fn post(id: &str, data: &Value, raw: &Value) -> Post {
    let first = |names: &[&str]| names.iter().find_map(|name| text_field(data, name)).map(str::to_owned);
    let links = [first(&["link", "url"])].into_iter().flatten().collect();
    let picture = data.get("image").and_then(|image| {
        let alt = text_field(image, "alt").or_else(|| text_field(data, "image_alt"));
        Some(Picture::at(image.as_str().or_else(|| text_field(image, "url"))?, alt))
    });
    Post {
        account: text_field(data, "channel").unwrap_or_default().to_owned(),
        id: id.to_owned(),
        idempotency: Some(id.to_owned()),
        text: first(&["text", "body", "message"]).unwrap_or_else(|| data.to_string()),
        title: first(&["headline", "title", "subject"]),
        links,
        image: picture,
        raw: raw.clone(),
        ..Post::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    const AT: i64 = 1_674_087_231;

    fn good() -> Probe {
        let body = json!({ "type": "post.published", "timestamp": "2023-01-19T00:13:51Z",
            "data": { "headline": "Spring", "text": "茶 https://harbour.example/a", "link": "https://harbour.example/a" } });
        with_signature(Probe::post(Kind::Webhook, "/campaigns").at(AT * 1000).json(&body))
    }

    fn with_signature(probe: Probe) -> Probe {
        let secret = required(account(Kind::Webhook).secret);
        let signature = signature(secret, "msg_1", &AT.to_string(), probe.body()).unwrap();
        probe
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", AT)
            .header("webhook-signature", signature)
    }

    #[test]
    fn the_published_vector_is_reproduced() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let tag = signature(secret, id, "1674087231", b"{\"test\": 2432232314}");
        assert_eq!(tag.as_deref(), Some("v1,AQG81rX2n4rTN1fkXoqILSHO9gAOcwya9dP41rhrQDI="));
    }

    #[test]
    fn a_signed_post_is_stored_once_however_often_it_is_sent() {
        let mut probe = good();
        for _ in 0..2 {
            assert_eq!(probe.send(), (200, "{\"id\":\"msg_1\"}".to_owned()));
        }
        let posts = probe.received();
        assert_eq!((posts.len(), posts[0].text.as_str()), (1, "茶 https://harbour.example/a"));
        assert_eq!(posts[0].links, ["https://harbour.example/a"]);
        assert_eq!(posts[0].idempotency.as_deref(), Some("msg_1"));
        let rotated = format!("v1,AAAA {}", good().header_of("webhook-signature"));
        assert_eq!(good().header("webhook-signature", rotated).send().0, 200);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let body =
            |body: Value| with_signature(Probe::post(Kind::Webhook, "/campaigns").at(AT * 1000).json(&body));
        let rows = [
            (good().path("/else"), 404, "nothing takes"),
            (good().method("PUT"), 405, "posted"),
            (good().without("webhook-id"), 401, "webhook-id is missing"),
            (good().header("webhook-signature", ""), 401, "webhook-signature is missing"),
            (good().header("webhook-signature", "v1,AAAA"), 401, "no signature fits"),
            (good().header("webhook-id", "msg_2"), 401, "no signature fits"),
            (good().header("webhook-timestamp", "now"), 401, "no Unix time"),
            (good().header("webhook-timestamp", i64::MIN), 401, "five minutes"),
            (good().at((AT + 301) * 1000), 401, "five minutes"),
            (good().header("content-type", "text/plain"), 400, "content type"),
            (body(json!({ "type": "a b", "timestamp": "2023-01-19T00:13:51Z", "data": {} })), 400, "`type`"),
            (body(json!({ "type": "a", "timestamp": "yesterday", "data": {} })), 400, "`timestamp`"),
            (body(json!({ "type": "a", "timestamp": "2023-01-19T00:13:51Z" })), 400, "`data`"),
            (body(json!({ "type": "a", "data": "x".repeat(MAX_BODY_BYTES) })), 413, "too large"),
        ];
        Probe::table(rows);
    }
}
