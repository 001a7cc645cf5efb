//! Pinterest's API v5 (github pinterest/api-description, PinCreate).

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError, account,
    ensure, required, rfc3339, text_field,
};
use serde_json::{Value, json};

/// The fields that the request may have.
const KNOWN_FIELDS: [&str; 12] = [
    "board_id",
    "board_section_id",
    "media_source",
    "title",
    "description",
    "link",
    "alt_text",
    "dominant_color",
    "note",
    "parent_pin_id",
    "sponsor_id",
    "is_removable",
];

/// The server side of Pinterest.
#[derive(Debug)]
pub(crate) struct Pinterest;

impl FakeNetwork for Pinterest {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/v5/pins"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let is_authorized = request.bearer() == Some(required(account(Kind::Pinterest).token));
        ensure(is_authorized, || refuse(401, 2, "Authentication failed."))?;
        let board = required(account(Kind::Pinterest).room);
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let reply = match (request.method.as_str(), &parts[..]) {
            ("POST", ["v5", "pins"]) => create(state, request),
            ("GET", ["v5", "pins", id]) => {
                let pin = state.received.iter().find(|post| post.id == *id);
                pin.map_or_else(
                    || Err(refuse(404, 50, "Pin not found.")),
                    |pin| Ok(Reply::json(200, &pin.raw)),
                )
            }
            ("GET", ["v5", "user_account"]) => {
                Ok(Reply::json(200, &json!({ "username": "harbourcoffee", "account_type": "BUSINESS" })))
            }
            ("GET", ["v5", "boards", id]) if *id == board => {
                Ok(Reply::json(200, &json!({ "id": board, "name": "Launch", "privacy": "PUBLIC" })))
            }
            ("GET", ["v5", "boards", id, "pins"]) if *id == board => {
                let items: Vec<&Value> = state.received.iter().rev().take(25).map(|post| &post.raw).collect();
                Ok(Reply::json(200, &json!({ "items": items, "bookmark": null })))
            }
            ("GET", ["v5", "boards", ..]) => Err(refuse(404, 40, "Board not found.")),
            _ => Err(refuse(404, 0, "Not found.")),
        }?;
        Ok(reply
            .with("x-ratelimit-limit", "100, 100;w=60")
            .with("x-ratelimit-remaining", 99)
            .with("x-ratelimit-reset", 60))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                refuse(429, 8, "You have exceeded your rate limit. Try again later.")
                    .with("x-ratelimit-limit", "100, 100;w=60")
                    .with("x-ratelimit-remaining", 0)
                    .with("x-ratelimit-reset", seconds)
            }
            VendorError::Expired => refuse(401, 2, "Authentication failed."),
            VendorError::Revoked => refuse(403, 29, "You are not permitted to access that resource."),
            VendorError::Rejected(reason) => refuse(400, 3104, reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 100, window: 60_000, penalty: 0 }]
    }
}

fn refuse(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, &json!({ "code": code, "message": message })).with_reason(format!("{code} {message}"))
}

fn invalid(message: &str) -> Reply {
    refuse(400, 1, &format!("Invalid request: {message}"))
}

fn create(state: &mut NetworkState, request: &Request) -> Answer {
    let body = request.object().ok_or_else(|| invalid("the body is no JSON object"))?;
    let mut fields = body.as_object().into_iter().flatten();
    if let Some((other, _)) = fields.find(|(key, _)| !KNOWN_FIELDS.contains(&key.as_str())) {
        return Err(invalid(&format!("'{other}' was unexpected")));
    }
    for (name, max) in [("title", 100), ("description", 800), ("link", 2048), ("alt_text", 500)] {
        let value = body.get(name).filter(|value| !value.is_null());
        let fits = value.is_none_or(|value| value.as_str().is_some_and(|text| chars(text) <= max));
        ensure(fits, || invalid(&format!("{name} is too long (max {max})")))?;
    }
    let link = text_field(&body, "link");
    ensure(link.is_none_or(is_web), || invalid("link is not a valid URL"))?;
    let board = text_field(&body, "board_id").ok_or_else(|| invalid("'board_id' is a required property"))?;
    ensure(board == required(account(Kind::Pinterest).room), || refuse(404, 40, "Board not found."))?;
    let source = body.get("media_source").ok_or_else(|| invalid("'media_source' is a required property"))?;
    let id = format!("8132{:014}", state.serial());
    let image = media(state, &id, source, text_field(&body, "alt_text"))?;
    let mut pin = json!({ "id": id, "created_at": rfc3339(request.at), "board_id": board, "creative_type": "REGULAR",
        "board_owner": { "username": "harbourcoffee" }, "is_owner": true });
    for name in ["title", "description", "link", "alt_text"] {
        pin[name] = body.get(name).cloned().unwrap_or_default();
    }
    let post = Post {
        account: "harbourcoffee · Launch".to_owned(),
        id,
        title: text_field(&body, "title").map(str::to_owned),
        text: text_field(&body, "description").unwrap_or_default().to_owned(),
        links: link.map(str::to_owned).into_iter().collect(),
        image: Some(image),
        raw: pin.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(Reply::json(201, &pin))
}

/// Reads the picture, without which there is no pin.
fn media(state: &mut NetworkState, id: &str, source: &Value, alt: Option<&str>) -> Result<Picture, Reply> {
    match text_field(source, "source_type").unwrap_or_default() {
        "image_url" => {
            let url = text_field(source, "url").filter(|url| is_web(url));
            Ok(Picture::at(url.ok_or_else(|| invalid("media_source.url is not a valid URL"))?, alt))
        }
        "image_base64" => {
            let kind =
                text_field(source, "content_type").filter(|kind| ["image/jpeg", "image/png"].contains(kind));
            let bytes = text_field(source, "data").and_then(|data| STANDARD.decode(data).ok());
            let fits = bytes.filter(|bytes| fake_server::image_type(bytes) == kind && kind.is_some());
            let bytes =
                fits.ok_or_else(|| refuse(400, 235, "Sorry, we could not read the image you provided."))?;
            state.add_upload(id, bytes.into(), alt.map(str::to_owned));
            state.picture(id, alt).ok_or_else(|| invalid("media_source"))
        }
        _ => Err(invalid("media_source.source_type is not one of the known ones")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    fn body() -> Value {
        json!({ "board_id": "549755885175", "title": "春茶", "description": "Tea", "link": "https://harbour.example/a",
            "alt_text": "A cup", "media_source": { "source_type": "image_base64", "content_type": "image/png",
            "data": STANDARD.encode(b"\x89PNG") } })
    }

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Pinterest, "/v5/pins").bearer().json(body)
    }

    #[test]
    fn a_pin_is_made_and_found_again() {
        let mut probe = with(&body());
        let pin = probe.value();
        assert_eq!(probe.received()[0].image.as_ref().unwrap().alt.as_deref(), Some("A cup"));
        let mut list = probe.then(Probe::get(Kind::Pinterest, "/v5/boards/549755885175/pins").bearer());
        assert_eq!(list.value()["items"][0]["id"], pin["id"]);
        let me = Probe::get(Kind::Pinterest, "/v5/user_account").bearer();
        assert_eq!({ me }.value()["username"], "harbourcoffee");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let field = |name: &str, value: Value| {
            let mut body = body();
            body[name] = value;
            with(&body)
        };
        Probe::table([
            (with(&body()).without("authorization"), 401, "\"code\":2"),
            (with(&body()).header("content-type", "text/plain"), 400, "JSON"),
            (field("colour", json!("red")), 400, "unexpected"),
            (field("title", json!("茶".repeat(101))), 400, "title"),
            (field("description", json!("茶".repeat(801))), 400, "description"),
            (field("alt_text", json!("茶".repeat(501))), 400, "alt_text"),
            (field("link", json!("x")), 400, "link"),
            (field("board_id", json!("1")), 404, "Board not found"),
            (field("media_source", json!({ "source_type": "image_url", "url": "x" })), 400, "media_source"),
            (
                field(
                    "media_source",
                    json!({ "source_type": "image_base64", "content_type": "image/png", "data": "eA==" }),
                ),
                400,
                "235",
            ),
            (field("media_source", Value::Null), 400, "media_source"),
        ]);
    }
}
