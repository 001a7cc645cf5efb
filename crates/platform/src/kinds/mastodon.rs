//! A Mastodon instance with its default limits (docs.joinmastodon.org/methods/statuses, /media,
//! /instance).

use axum::http::Method;
use fake_server::text::chars;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    field, required, rfc3339,
};
use serde_json::{Value, json};

use super::mastodon_text;

/// The longest status: `configuration.statuses.max_characters`.
pub(crate) const MAX_STATUS_CHARS: usize = 500;
/// The time for which an Idempotency-Key is remembered, in milliseconds.
const IDEMPOTENCY_PERIOD: i64 = 3_600_000;
/// The longest alternative text: `media_attachments.description_limit`, in characters.
const MAX_ALT_CHARS: usize = 1500;
/// The largest picture: `media_attachments.image_size_limit`, in bytes.
const MAX_IMAGE_BYTES: usize = 16 << 20;
const ID: &str = "109000000000000001";

/// The server side of Mastodon.
#[derive(Debug)]
pub(crate) struct Mastodon;

impl FakeNetwork for Mastodon {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/api/v1/statuses"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        if request.path == "/api/v2/instance" {
            return Ok(Reply::json(200, &instance()));
        }
        let token = required(account(Kind::Mastodon).token);
        ensure(request.bearer() == Some(token), || refuse(401, "The access token is invalid"))?;
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let reply = match (request.method.as_str(), &parts[..]) {
            ("POST", ["api", "v1", "statuses"]) => publish(state, request),
            ("GET", ["api", "v1", "statuses", id]) => state
                .notes
                .get(&format!("status {id}"))
                .map_or_else(|| Err(missing()), |s| Ok(Reply::json(200, s))),
            ("POST", ["api", "v2", "media"]) => upload(state, request),
            ("GET", ["api", "v1", "media", id]) => media_state(state, request, id),
            ("GET", ["api", "v1", "accounts", "verify_credentials"]) => Ok(Reply::json(200, &owner())),
            ("GET", ["api", "v1", "accounts", id, "statuses"]) => timeline(state, id),
            _ => Err(missing()),
        }?;
        let reset = rfc3339(request.at - request.at.rem_euclid(300_000) + 300_000);
        Ok(reply
            .with("x-ratelimit-limit", 300)
            .with("x-ratelimit-remaining", 299)
            .with("x-ratelimit-reset", reset))
    }

    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => refuse(429, "Too many requests")
                .with("x-ratelimit-limit", 300)
                .with("x-ratelimit-remaining", 0)
                .with("x-ratelimit-reset", rfc3339(request.at + i64::from(*seconds) * 1000)),
            VendorError::Expired => refuse(401, "The access token is invalid"),
            VendorError::Revoked => refuse(401, "The access token was revoked"),
            VendorError::Rejected(reason) => refuse(422, &format!("Validation failed: {reason}")),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 300, window: 300_000, penalty: 0 }]
    }

    fn other_rate_limits(&self, request: &Request) -> &'static [RateLimit] {
        let uploads = request.is(&Method::POST) && request.path == "/api/v2/media";
        if uploads { &[RateLimit { max: 30, window: 1_800_000, penalty: 0 }] } else { &[] }
    }
}

fn refuse(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({ "error": error })).with_reason(error)
}

fn missing() -> Reply {
    refuse(404, "Record not found")
}

fn owner() -> Value {
    json!({ "id": ID, "username": "harbour", "acct": "harbour", "display_name": "Harbour Coffee",
        "url": "https://mastodon.test/@harbour", "bot": true, "locked": false, "source": { "privacy": "public" } })
}

fn instance() -> Value {
    json!({ "domain": "mastodon.test", "title": "Mastodon", "version": "4.4.3", "configuration": {
        "statuses": { "max_characters": MAX_STATUS_CHARS, "max_media_attachments": 4,
            "characters_reserved_per_url": 23 },
        "media_attachments": { "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
            "description_limit": MAX_ALT_CHARS, "image_size_limit": MAX_IMAGE_BYTES } } })
}

fn publish(state: &mut NetworkState, request: &Request) -> Answer {
    let key = request.header("idempotency-key").map(str::to_owned);
    let known = key.as_deref().and_then(|key| state.replies.get(key));
    if let Some((_, reply)) = known.filter(|(at, _)| request.at - at < IDEMPOTENCY_PERIOD) {
        return Ok(reply.clone());
    }
    let fields = StatusRequest::of(request)
        .ok_or_else(|| refuse(400, "Error occurred while parsing request parameters"))?;
    let image = fields.check(state)?;
    for id in &fields.media {
        state.notes.put(format!("attached {id}"), Value::Bool(true));
    }
    let id = format!("1{:017}", state.serial());
    let status = json!({
        "id": id, "created_at": request.rfc3339(), "in_reply_to_id": null, "sensitive": false,
        "spoiler_text": fields.spoiler, "visibility": fields.visibility, "language": fields.language,
        "uri": format!("https://mastodon.test/users/harbour/statuses/{id}"),
        "url": format!("https://mastodon.test/@harbour/{id}"),
        "replies_count": 0, "reblogs_count": 0, "favourites_count": 0,
        "content": mastodon_text::html(&fields.status), "account": owner(),
        "media_attachments":
            fields.media.iter().map(|id| json!({ "id": id, "type": "image" })).collect::<Vec<_>>(),
        "mentions": [], "tags": [], "emojis": [], "card": null, "poll": null,
    });
    state.notes.put(format!("status {id}"), status.clone());
    let reply = Reply::json(200, &status);
    if let Some(key) = &key {
        state.replies.put(key, (request.at, reply.clone()));
    }
    let title = Some(fields.spoiler).filter(|text| !text.is_empty());
    let post = Post {
        account: "@harbour@mastodon.test".to_owned(),
        id,
        idempotency: key,
        text: fields.status,
        title,
        image,
        raw: status,
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(reply)
}

/// The fields of a request for a new status.
struct StatusRequest {
    status: String,
    spoiler: String,
    visibility: String,
    language: Option<String>,
    media: Vec<String>,
}

impl StatusRequest {
    /// Reads the fields from a form or from JSON.
    fn of(request: &Request) -> Option<Self> {
        let fields = if request.is_json() { flat(&request.object()?)? } else { request.fields() };
        let get = |name: &str| field(&fields, name).map(str::to_owned);
        let media = fields.iter().filter(|(key, _)| key == "media_ids[]").map(|(_, id)| id.clone()).collect();
        Some(Self {
            status: get("status").unwrap_or_default(),
            spoiler: get("spoiler_text").unwrap_or_default(),
            visibility: get("visibility").unwrap_or_else(|| "public".to_owned()),
            language: get("language"),
            media,
        })
    }

    fn check(&self, state: &NetworkState) -> Result<Option<fake_server::Picture>, Reply> {
        let invalid = |what: &str| refuse(422, &format!("Validation failed: {what}"));
        let seen = ["public", "unlisted", "private", "direct"].contains(&self.visibility.as_str());
        ensure(seen, || invalid("Visibility is not included in the list"))?;
        ensure(self.media.len() <= 4, || refuse(422, "Cannot attach more than 4 files"))?;
        ensure(!self.status.trim().is_empty() || !self.media.is_empty(), || invalid("Text can't be blank"))?;
        let length = mastodon_text::length(&format!("{}{}", self.spoiler, self.status));
        ensure(length <= MAX_STATUS_CHARS, || {
            invalid(&format!("Text character limit of {MAX_STATUS_CHARS} exceeded"))
        })?;
        for id in &self.media {
            let free = state.notes.get(&format!("attached {id}")).is_none();
            let upload = state.upload(id).filter(|_| free);
            let upload = upload.ok_or_else(|| {
                refuse(422, &format!("Media {id} not found or already attached to another post"))
            })?;
            ensure(upload.status_requests > 1, || {
                refuse(422, "Cannot attach files that have not finished processing. Try again in a moment!")
            })?;
        }
        Ok(self.media.first().and_then(|id| state.picture(id, None)))
    }
}

/// Flattens JSON to the fields that a form would have.
fn flat(body: &Value) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for (key, value) in body.as_object()? {
        match value {
            Value::Array(items) => {
                let items =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                fields.extend(items.map(|item| (format!("{key}[]"), item)));
            }
            Value::String(text) => fields.push((key.clone(), text.clone())),
            Value::Null => {}
            other => fields.push((key.clone(), other.to_string())),
        }
    }
    Some(fields)
}

/// Accepts an upload at once; it is ready when its state was requested twice: 202, 206, 200.
fn upload(state: &mut NetworkState, request: &Request) -> Answer {
    let files = request.files();
    let file = files.iter().find(|part| part.name == "file" && part.file.is_some());
    let file = file.ok_or_else(|| refuse(422, "Validation failed: File can't be blank"))?;
    let image = fake_server::image_type(&file.body).is_some();
    ensure(image, || refuse(422, "Validation failed: File content type is invalid, File is invalid"))?;
    ensure(file.body.len() <= MAX_IMAGE_BYTES, || {
        refuse(422, "Validation failed: File must be less than 16 MB")
    })?;
    let alt = field(&request.fields(), "description").map(str::to_owned);
    let fits = alt.as_deref().is_none_or(|alt| chars(alt) <= MAX_ALT_CHARS);
    ensure(fits, || refuse(422, "Validation failed: Description is too long (maximum is 1500 characters)"))?;
    let id = format!("2{:017}", state.serial());
    state.add_upload(&id, file.body.clone(), alt.clone());
    Ok(Reply::json(202, &media(&id, None, alt.as_deref())))
}

fn media_state(state: &mut NetworkState, request: &Request, id: &str) -> Answer {
    let upload = state.upload_mut(id).ok_or_else(missing)?;
    upload.status_requests += 1;
    let alt = upload.alt.clone();
    if upload.status_requests < 2 {
        return Ok(Reply::json(206, &media(id, None, alt.as_deref())));
    }
    Ok(Reply::json(200, &media(id, Some(&format!("{}/media/{id}", request.base)), alt.as_deref())))
}

fn media(id: &str, url: Option<&str>, alt: Option<&str>) -> Value {
    json!({ "id": id, "type": "image", "url": url, "preview_url": url, "description": alt, "meta": {} })
}

fn timeline(state: &NetworkState, id: &str) -> Answer {
    ensure(id == ID, missing)?;
    let newest: Vec<&Value> = state.received.iter().rev().take(20).map(|post| &post.raw).collect();
    Ok(Reply::json(200, &json!(newest)))
}

#[cfg(test)]
mod tests {
    use fake_server::Fault;

    use super::*;
    use crate::probe::{NOW, Probe};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    fn with(fields: &[(&str, &str)]) -> Probe {
        Probe::post(Kind::Mastodon, "/api/v1/statuses").bearer().form(fields)
    }

    #[test]
    fn a_status_is_taken_once_per_key_within_an_hour() {
        let status = with(&[("status", "茶 & https://harbour.example/a")]).header("idempotency-key", "k");
        let mut probe = status;
        let first = probe.value();
        assert_eq!(
            first["url"].as_str().unwrap(),
            format!("https://mastodon.test/@harbour/{}", first["id"].as_str().unwrap())
        );
        assert_eq!(
            first["content"],
            "<p>茶 &amp; <a href=\"https://harbour.example/a\">https://harbour.example/a</a></p>"
        );
        assert_eq!(probe.value()["id"], first["id"]);
        assert_eq!((probe.received().len(), probe.received()[0].idempotency.as_deref()), (1, Some("k")));
        let mut late = probe.at(NOW + IDEMPOTENCY_PERIOD);
        assert_ne!(late.value()["id"], first["id"]);
        let mut list =
            late.then(Probe::get(Kind::Mastodon, &format!("/api/v1/accounts/{ID}/statuses")).bearer());
        assert_eq!(list.value()[1]["id"], first["id"]);
        let json = Probe::post(Kind::Mastodon, "/api/v1/statuses")
            .bearer()
            .json(&json!({ "status": "x", "media_ids": [] }));
        assert_eq!({ json }.send().0, 200);
    }

    #[test]
    fn a_picture_is_attached_when_it_is_ready() {
        let form = |probe: Probe| probe.multipart(&[("description", "A cup")], Some(("file", PNG)));
        let mut probe = form(Probe::post(Kind::Mastodon, "/api/v2/media").bearer());
        let (status, body) = probe.send();
        assert_eq!(status, 202);
        let id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned();
        let post = || with(&[("status", "Tea"), ("media_ids[]", &id)]);
        let mut early = probe.then(post());
        assert_eq!(early.send().0, 422);
        let mut request = early.then(Probe::get(Kind::Mastodon, &format!("/api/v1/media/{id}")).bearer());
        assert_eq!((request.send().0, request.send().0), (206, 200));
        let mut ready = request.then(post());
        assert_eq!(ready.send().0, 200);
        let image = ready.received()[0].image.clone().unwrap();
        assert_eq!((image.bytes, image.alt.as_deref()), (PNG.len(), Some("A cup")));
        assert_eq!(ready.then(post()).send().0, 422);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let family = "👨‍👩‍👧‍👦".repeat(500);
        assert_eq!(with(&[("status", &family)]).send().0, 200);
        let link = format!("https://harbour.example/{}", "x".repeat(600));
        assert_eq!(with(&[("status", &format!("{} {link}", "x".repeat(476)))]).send().0, 200);
        let over = format!("{} {link}", "x".repeat(477));
        let long = "x".repeat(501);
        let media = |alt: &str, bytes: &[u8]| {
            let probe = Probe::post(Kind::Mastodon, "/api/v2/media").bearer();
            probe.multipart(&[("description", alt)], Some(("file", bytes)))
        };
        Probe::table([
            (
                with(&[("status", "x")]).header("authorization", "Bearer other"),
                401,
                "access token is invalid",
            ),
            (with(&[("status", "x")]).without("authorization"), 401, "access token is invalid"),
            (with(&[]), 422, "can't be blank"),
            (with(&[("status", &long)]), 422, "character limit of 500"),
            (with(&[("status", &over)]), 422, "character limit of 500"),
            (with(&[("status", "x"), ("spoiler_text", &long)]), 422, "character limit of 500"),
            (with(&[("status", "x"), ("visibility", "all")]), 422, "Visibility"),
            (with(&[("status", "x"), ("media_ids[]", "9")]), 422, "not found"),
            (with(&[("status", "x")]).bytes("application/json", "{"), 400, "parsing"),
            (with(&[("status", "x")]).path("/api/v1/toots"), 404, "not found"),
            (media(&"x".repeat(1501), PNG), 422, "Description"),
            (media("", b"<svg>"), 422, "content type"),
        ]);
    }

    #[test]
    fn the_limit_ends_at_an_instant() {
        let reply = with(&[("status", "x")]).error_reply(&Fault::RateLimited { seconds: 60 });
        let reset = ("x-ratelimit-reset", "2026-08-22T10:01:00.000Z".to_owned());
        assert!(reply.status == 429 && reply.headers.contains(&reset), "{:?}", reply.headers);
    }
}
