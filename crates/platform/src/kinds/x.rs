//! X's API v2 (docs.x.com: manage posts, media upload; openapi.json 2.167).

use axum::http::Method;
use fake_server::text::chars;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Received, Reply, Request, VendorError, account,
    ensure, field, required, text_field,
};
use serde_json::{Value, json};

use super::x_text;

const ID: &str = "1600000000000000001";
/// The largest weight of a text.
const MAX_WEIGHT: usize = 280;
/// The largest picture, in bytes.
const MAX_IMAGE_BYTES: usize = 5 << 20;
/// The time in which the same text counts as a duplicate, in milliseconds. The vendor publishes no
/// number.
const DUPLICATE_PERIOD: i64 = 3_600_000;
/// The fields that the request may have (TweetCreateRequest, additionalProperties false).
const KNOWN_FIELDS: [&str; 16] = [
    "text",
    "media",
    "reply",
    "quote_tweet_id",
    "poll",
    "reply_settings",
    "geo",
    "for_super_followers_only",
    "direct_message_deep_link",
    "card_uri",
    "community_id",
    "nullcast",
    "share_with_followers",
    "made_with_ai",
    "paid_partnership",
    "edit_options",
];

/// The server side of X.
#[derive(Debug)]
pub(crate) struct X;

impl FakeNetwork for X {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/2/tweets"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let is_authorized = request.bearer() == Some(required(account(Kind::X).token));
        ensure(is_authorized, || refuse(401, "Unauthorized", "Unauthorized"))?;
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let reply = match (request.method.as_str(), &parts[..]) {
            ("POST", ["2", "tweets"]) => publish(state, request),
            ("GET", ["2", "users", "me"]) => Ok(Reply::json(
                200,
                &json!({ "data": { "id": ID, "name": "Harbour Coffee", "username": "harbourcoffee" } }),
            )),
            ("GET", ["2", "users", id, "tweets"]) if *id == ID => Ok(timeline(state)),
            ("POST", ["2", "media", "upload"]) => upload(state, request),
            ("POST", ["2", "media", "upload", "initialize"]) => initialize(state, request),
            ("POST", ["2", "media", "upload", id, "append"]) => append(state, request, id),
            ("POST", ["2", "media", "upload", id, "finalize"]) => finalize(state, id),
            ("POST", ["2", "media", "metadata"]) => describe(state, request),
            _ => Err(refuse(404, "Not Found", "Not Found")),
        }?;
        let reply = reply.with("x-rate-limit-limit", 100).with("x-rate-limit-remaining", 99);
        Ok(reply.with("x-rate-limit-reset", request.seconds() + 900))
    }

    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => refuse(429, "Too Many Requests", "Too Many Requests")
                .with("x-rate-limit-limit", 100)
                .with("x-rate-limit-remaining", 0)
                .with("x-rate-limit-reset", request.seconds() + i64::from(*seconds)),
            VendorError::Expired => refuse(401, "Unauthorized", "Unauthorized"),
            VendorError::Revoked => refuse(
                403,
                "Forbidden",
                "Your account is suspended and is not permitted to access this feature.",
            ),
            VendorError::Rejected(reason) => refuse(403, "Forbidden", reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 100, window: 900_000, penalty: 0 }]
    }
}

fn refuse(status: u16, title: &str, detail: &str) -> Reply {
    let body = json!({ "title": title, "detail": detail, "type": "about:blank", "status": status });
    Reply::json(status, &body).with_reason(detail)
}

fn invalid(message: &str) -> Reply {
    let body = json!({ "errors": [{ "parameters": {}, "message": message }], "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.twitter.com/2/problems/invalid-request" });
    Reply::json(400, &body).with_reason(message)
}

fn publish(state: &mut NetworkState, request: &Request) -> Answer {
    let body = request
        .object()
        .ok_or_else(|| invalid("Requests with bodies must have content-type of application/json."))?;
    let fields = body.as_object().into_iter().flatten();
    if let Some((other, _)) = fields.into_iter().find(|(key, _)| !KNOWN_FIELDS.contains(&key.as_str())) {
        return Err(invalid(&format!(
            "$.{other}: is not defined in the schema and the schema does not allow additional properties"
        )));
    }
    let text = match body.get("text") {
        None => "",
        Some(text) => text.as_str().ok_or_else(|| invalid("$.text: type found, string expected"))?,
    };
    let media = match body.get("media") {
        None => Vec::new(),
        Some(media) => media_ids(media)?,
    };
    ensure(!text.trim().is_empty() || !media.is_empty(), || {
        invalid("$: must have at least one of text, media, poll, card_uri")
    })?;
    let weight = x_text::weight(text);
    ensure(weight <= MAX_WEIGHT, || {
        refuse(403, "Forbidden", "You are not permitted to perform this action.")
            .with_reason(format!("the text weighs {weight}, {MAX_WEIGHT} at most"))
    })?;
    let mut image = None;
    for id in &media {
        let ready = state.notes.get(&format!("ready {id}")).is_some();
        let picture = state.picture(id, None).filter(|_| ready);
        let picture = picture.ok_or_else(|| invalid("Your media IDs are invalid."))?;
        image.get_or_insert(picture);
    }
    let is_recent_copy = |post: &Received| post.text == text && request.at - post.at < DUPLICATE_PERIOD;
    let twice = state.received.iter().rev().any(is_recent_copy);
    ensure(!twice, || {
        refuse(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
    })?;
    let id = format!("19{:017}", state.serial());
    let post = Post {
        account: "@harbourcoffee".to_owned(),
        id: id.clone(),
        text: text.to_owned(),
        image,
        raw: body.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(Reply::json(201, &json!({ "data": { "id": id, "text": text, "edit_history_tweet_ids": [id] } })))
}

/// Reads one to four media ids.
fn media_ids(media: &Value) -> Result<Vec<String>, Reply> {
    let fields = media.as_object().ok_or_else(|| invalid("$.media: object expected"))?;
    let known = fields.keys().all(|key| key == "media_ids" || key == "tagged_user_ids");
    ensure(known, || invalid("$.media: the schema does not allow additional properties"))?;
    let ids = fields.get("media_ids").and_then(Value::as_array).filter(|ids| (1..=4).contains(&ids.len()));
    let ids = ids.ok_or_else(|| invalid("$.media.media_ids: there must be 1 to 4 items in the array"))?;
    let digits =
        |id: &Value| id.as_str().filter(|id| id.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned);
    ids.iter()
        .map(|id| {
            digits(id).ok_or_else(|| {
                invalid("$.media.media_ids[0]: does not match the regex pattern ^[0-9]{1,19}$")
            })
        })
        .collect()
}

fn timeline(state: &NetworkState) -> Reply {
    let newest = state.received.iter().rev().take(10);
    let data: Vec<Value> = newest
        .map(|post| json!({ "id": post.id, "text": post.text, "created_at": fake_server::rfc3339(post.at), "edit_history_tweet_ids": [post.id] }))
        .collect();
    let count = data.len();
    if count == 0 {
        return Reply::json(200, &json!({ "meta": { "result_count": 0 } }));
    }
    Reply::json(200, &json!({ "data": data, "meta": { "result_count": count } }))
}

fn stored(state: &mut NetworkState, id: &str, bytes: axum::body::Bytes) -> Reply {
    let size = bytes.len();
    state.add_upload(id, bytes, None);
    state.notes.put(format!("ready {id}"), Value::Bool(true));
    Reply::json(
        200,
        &json!({ "data": { "id": id, "media_key": format!("3_{id}"), "size": size, "expires_after_secs": 86_400 } }),
    )
}

fn picture(bytes: &[u8]) -> Result<(), Reply> {
    ensure(fake_server::image_type(bytes).is_some(), || invalid("media type unrecognized."))?;
    ensure(bytes.len() <= MAX_IMAGE_BYTES, || refuse(413, "Payload Too Large", "file size exceeds limit"))
}

/// Stores an upload in one request: `media` and `media_category` as multipart.
fn upload(state: &mut NetworkState, request: &Request) -> Answer {
    let files = request.files();
    let media =
        files.iter().find(|part| part.name == "media").ok_or_else(|| invalid("$.media: is missing"))?;
    let fields = request.fields();
    let category = field(&fields, "media_category").or(request.param("media_category"));
    ensure(category.is_some_and(|category| ["tweet_image", "tweet_gif"].contains(&category)), || {
        invalid("$.media_category: is missing")
    })?;
    picture(&media.body)?;
    let id = format!("18{:017}", state.serial());
    Ok(stored(state, &id, media.body.clone()))
}

fn initialize(state: &mut NetworkState, request: &Request) -> Answer {
    let body = request.object().ok_or_else(|| invalid("the body is no JSON object"))?;
    let bytes = body
        .get("total_bytes")
        .and_then(Value::as_u64)
        .ok_or_else(|| invalid("$.total_bytes: is missing"))?;
    let kind = text_field(&body, "media_type").ok_or_else(|| invalid("$.media_type: is missing"))?;
    ensure(kind.starts_with("image/"), || invalid("$.media_type: only pictures are supported here"))?;
    let id = format!("18{:017}", state.serial());
    state.notes.put(format!("total {id}"), json!(bytes));
    Ok(Reply::json(
        200,
        &json!({ "data": { "id": id, "media_key": format!("3_{id}"), "expires_after_secs": 86_400 } }),
    ))
}

fn append(state: &mut NetworkState, request: &Request, id: &str) -> Answer {
    ensure(state.notes.get(&format!("total {id}")).is_some(), || invalid("media id is not known"))?;
    let fields = request.fields();
    let index = field(&fields, "segment_index").and_then(|index| index.parse::<u16>().ok());
    index.ok_or_else(|| invalid("$.segment_index: is missing"))?;
    let files = request.files();
    let media =
        files.iter().find(|part| part.name == "media").ok_or_else(|| invalid("$.media: is missing"))?;
    let before = state.upload(id).map(|upload| upload.bytes.to_vec()).unwrap_or_default();
    state.add_upload(id, [before.as_slice(), &media.body].concat().into(), None);
    Ok(Reply::json(200, &json!({ "data": { "expires_at": request.seconds() + 86_400 } })))
}

fn finalize(state: &mut NetworkState, id: &str) -> Answer {
    let total = state.notes.get(&format!("total {id}")).and_then(Value::as_u64);
    let bytes = state.upload(id).map(|upload| upload.bytes.clone()).unwrap_or_default();
    let whole = total.is_some() && total == u64::try_from(bytes.len()).ok();
    ensure(whole, || invalid("the media is not complete"))?;
    picture(&bytes)?;
    Ok(stored(state, id, bytes))
}

/// Sets the alternative text of an upload.
fn describe(state: &mut NetworkState, request: &Request) -> Answer {
    let body = request.object().ok_or_else(|| invalid("the body is no JSON object"))?;
    let alt = body.pointer("/metadata/alt_text/text").and_then(Value::as_str);
    let alt = alt
        .filter(|alt| (1..=1000).contains(&chars(alt)))
        .ok_or_else(|| invalid("$.metadata.alt_text.text: must be 1 to 1000 characters long"))?;
    let id = text_field(&body, "id").unwrap_or_default().to_owned();
    let upload = state.upload_mut(&id).ok_or_else(|| invalid("media id is not known"))?;
    upload.alt = Some(alt.to_owned());
    Ok(Reply::json(
        200,
        &json!({ "data": { "id": id, "associated_metadata": { "alt_text": { "text": alt } } } }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::X, "/2/tweets").bearer().json(body)
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    #[test]
    fn a_post_is_made_and_found_again() {
        let mut probe = with(&json!({ "text": "春".repeat(140) }));
        let made = probe.value();
        assert_eq!(made["data"]["edit_history_tweet_ids"], json!([made["data"]["id"]]));
        assert_eq!(probe.send().0, 403);
        let mut list = probe.then(Probe::get(Kind::X, &format!("/2/users/{ID}/tweets")).bearer());
        assert_eq!(list.value()["data"][0]["id"], made["data"]["id"]);
        assert_eq!(Probe::get(Kind::X, "/2/users/me").bearer().value()["data"]["id"], ID);
    }

    #[test]
    fn pictures_are_uploaded_whole_or_in_pieces() {
        let upload = Probe::post(Kind::X, "/2/media/upload").bearer();
        let mut probe = upload.multipart(&[("media_category", "tweet_image")], Some(("media", PNG)));
        let id = probe.value()["data"]["id"].as_str().unwrap().to_owned();
        let alt = json!({ "id": id, "metadata": { "alt_text": { "text": "A cup" } } });
        let mut probe = probe.then(Probe::post(Kind::X, "/2/media/metadata").bearer().json(&alt));
        assert_eq!(probe.send().0, 200);
        let mut probe = probe.then(with(&json!({ "text": "x", "media": { "media_ids": [id] } })));
        assert_eq!(
            (probe.send().0, probe.received()[0].image.as_ref().unwrap().alt.as_deref()),
            (201, Some("A cup"))
        );
        let start =
            json!({ "media_type": "image/png", "total_bytes": PNG.len(), "media_category": "tweet_image" });
        let mut probe = Probe::post(Kind::X, "/2/media/upload/initialize").bearer().json(&start);
        let id = probe.value()["data"]["id"].as_str().unwrap().to_owned();
        for (index, piece) in PNG.chunks(5).enumerate() {
            let piece_of = Probe::post(Kind::X, &format!("/2/media/upload/{id}/append")).bearer();
            probe = probe
                .then(piece_of.multipart(&[("segment_index", &index.to_string())], Some(("media", piece))));
            assert_eq!(probe.send().0, 200);
        }
        let mut probe = probe.then(Probe::post(Kind::X, &format!("/2/media/upload/{id}/finalize")).bearer());
        assert_eq!(probe.value()["data"]["size"], PNG.len());
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        Probe::table([
            (with(&json!({ "text": "x" })).without("authorization"), 401, "Unauthorized"),
            (with(&json!({ "text": "x" })).header("content-type", "text/plain"), 400, "content-type"),
            (with(&json!({ "text": "x", "visibility": "all" })), 400, "$.visibility"),
            (with(&json!({ "text": 1 })), 400, "$.text"),
            (with(&json!({})), 400, "at least one"),
            (with(&json!({ "text": "春".repeat(141) })), 403, "not permitted"),
            (with(&json!({ "text": "x", "media": { "media_ids": [] } })), 400, "1 to 4"),
            (
                with(&json!({ "text": "x", "media": { "media_ids": ["1", "2", "3", "4", "5"] } })),
                400,
                "1 to 4",
            ),
            (with(&json!({ "text": "x", "media": { "media_ids": ["1"] } })), 400, "media IDs are invalid"),
            (with(&json!({ "text": "x", "media": { "alt": "x" } })), 400, "additional properties"),
            (with(&json!({ "text": "x" })).path("/2/posts"), 404, "Not Found"),
        ]);
    }
}
