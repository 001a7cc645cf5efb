//! A Matrix home server (spec.matrix.org, client-server API v1.x).

use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    required, signature, text_field,
};
use serde_json::{Value, json};

/// The largest event in bytes, less the part that the server adds (specification, "Size limits").
const MAX_EVENT_BYTES: usize = 65_536 - 1024;
/// The largest upload in bytes: `m.upload.size`.
const MAX_UPLOAD_BYTES: usize = 20 << 20;

/// The server side of Matrix.
#[derive(Debug)]
pub(crate) struct Matrix;

impl FakeNetwork for Matrix {
    fn publishes(&self, request: &Request) -> bool {
        request.method == "PUT" && request.path.contains("/send/")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        if request.path == "/_matrix/client/versions" {
            return Ok(Reply::json(200, &json!({ "versions": ["v1.1", "v1.11"], "unstable_features": {} })));
        }
        let token = request.bearer().ok_or_else(|| refuse(401, "M_MISSING_TOKEN", "Missing access token"))?;
        let is_authorized = token == required(account(Kind::Matrix).token);
        ensure(is_authorized, || refuse(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."))?;
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["_matrix", "client", "v3", "account", "whoami"]) => Ok(Reply::json(
                200,
                &json!({ "user_id": "@harbour:harbour.example", "device_id": "CHORUS", "is_guest": false }),
            )),
            ("GET", ["_matrix", "client", "v3", "joined_rooms"]) => {
                Ok(Reply::json(200, &json!({ "joined_rooms": [required(account(Kind::Matrix).room)] })))
            }
            ("POST", ["_matrix", "media", "v3", "upload"]) => upload(state, request),
            (
                "GET",
                ["_matrix", "client", "v1", "media", "config"] | ["_matrix", "media", "v3", "config"],
            ) => Ok(Reply::json(200, &json!({ "m.upload.size": MAX_UPLOAD_BYTES }))),
            ("PUT", ["_matrix", "client", "v3", "rooms", id, "send", kind, txn]) => {
                send(state, request, id, kind, txn)
            }
            (_, ["_matrix", "client", "v3", "rooms", _, "send", ..]) => {
                Err(refuse(405, "M_UNRECOGNIZED", "Unrecognized request"))
            }
            _ => Err(refuse(404, "M_UNRECOGNIZED", "Unrecognized request")),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let wait = u64::from(*seconds) * 1000;
                let body = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": wait });
                Reply::json(429, &body).with_reason("M_LIMIT_EXCEEDED").with("retry-after", seconds)
            }
            VendorError::Expired => {
                let body = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Access token has expired", "soft_logout": true });
                Reply::json(401, &body).with_reason("M_UNKNOWN_TOKEN")
            }
            VendorError::Revoked => refuse(403, "M_FORBIDDEN", "User @harbour:harbour.example not in room"),
            VendorError::Rejected(reason) => refuse(403, "M_FORBIDDEN", reason),
        }
    }

    fn rate_limit_key(&self, request: &Request) -> String {
        // The path of every transaction is different.
        request.path.split("/send/").next().unwrap_or_default().to_owned()
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        // Synapse's rc_message: a burst of ten, then one in five seconds.
        &[RateLimit { max: 10, window: 50_000, penalty: 0 }]
    }
}

fn refuse(status: u16, code: &str, error: &str) -> Reply {
    Reply::json(status, &json!({ "errcode": code, "error": error })).with_reason(format!("{code}: {error}"))
}

fn send(state: &mut NetworkState, request: &Request, id: &str, kind: &str, txn: &str) -> Answer {
    let room = required(account(Kind::Matrix).room);
    ensure(id == room, || {
        refuse(403, "M_FORBIDDEN", &format!("User @harbour:harbour.example not in room {id}"))
    })?;
    ensure(kind == "m.room.message", || refuse(403, "M_FORBIDDEN", "only m.room.message is supported here"))?;
    // The same transaction of the same device is the same event, whatever its body is.
    if let Some((_, reply)) = state.replies.get(txn) {
        return Ok(reply.clone());
    }
    ensure(request.body.len() <= MAX_EVENT_BYTES, || refuse(413, "M_TOO_LARGE", "event too large"))?;
    let content = request.json().ok_or_else(|| refuse(400, "M_NOT_JSON", "Content not JSON."))?;
    let wrong = |what: &str| refuse(400, "M_BAD_JSON", what);
    ensure(content.is_object() && is_canonical(&content), || {
        wrong("Content must be a JSON object, without floats")
    })?;
    let body = text_field(&content, "body")
        .filter(|body| !body.is_empty())
        .ok_or_else(|| wrong("'body' not in content"))?;
    let msgtype = text_field(&content, "msgtype").ok_or_else(|| wrong("'msgtype' not in content"))?;
    let html = text_field(&content, "formatted_body");
    let format = text_field(&content, "format") == Some("org.matrix.custom.html");
    ensure(html.is_none() || format, || wrong("'formatted_body' without its 'format'"))?;
    let image = match msgtype {
        "m.text" | "m.notice" | "m.emote" => None,
        "m.image" => {
            let media =
                text_field(&content, "url").and_then(|url| url.strip_prefix("mxc://harbour.example/"));
            let picture = media.and_then(|media| state.picture(media, Some(body)));
            Some(picture.ok_or_else(|| wrong("'url' is no media of this server"))?)
        }
        _ => return Err(wrong("'msgtype' is not known")),
    };
    let event =
        format!("${}", signature::base32(&signature::sha256(format!("{txn} {}", state.serial()).as_bytes())));
    let reply = Reply::json(200, &json!({ "event_id": event }));
    state.replies.put(txn, (request.at, reply.clone()));
    let links = html.map(hrefs).unwrap_or_default();
    let text = if msgtype == "m.image" && text_field(&content, "filename").is_none() {
        String::new()
    } else {
        body.to_owned()
    };
    let post = Post {
        account: "@harbour:harbour.example".to_owned(),
        id: event,
        idempotency: Some(txn.to_owned()),
        text,
        links,
        image,
        raw: content.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(reply)
}

/// Returns true if the value fits canonical JSON: no floats, and integers within ±(2⁵³ - 1)
/// (specification, "Canonical JSON").
fn is_canonical(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| n.abs() < 1 << 53),
        Value::Array(items) => items.iter().all(is_canonical),
        Value::Object(fields) => fields.values().all(is_canonical),
        _ => true,
    }
}

fn hrefs(html: &str) -> Vec<String> {
    let all = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    all.map(fake_server::text::unescaped).filter(|href| fake_server::text::is_web(href)).collect()
}

fn upload(state: &mut NetworkState, request: &Request) -> Answer {
    ensure(request.body.len() <= MAX_UPLOAD_BYTES, || {
        refuse(413, "M_TOO_LARGE", "Upload request body is too large")
    })?;
    ensure(!request.body.is_empty(), || refuse(400, "M_UNKNOWN", "Request must specify a Content-Length"))?;
    let id = format!("media{}", state.serial());
    state.add_upload(&id, request.body.clone(), None);
    Ok(Reply::json(200, &json!({ "content_uri": format!("mxc://harbour.example/{id}") })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    const SEND: &str = "/_matrix/client/v3/rooms/%21launch%3Aharbour.example/send/m.room.message/t1";

    fn with(content: &Value) -> Probe {
        Probe::new(Kind::Matrix, axum::http::Method::PUT, SEND).bearer().json(content)
    }

    fn text() -> Value {
        json!({ "msgtype": "m.text", "body": "茶", "format": "org.matrix.custom.html",
            "formatted_body": "<a href=\"https://harbour.example/a?x&amp;y\">茶</a>" })
    }

    #[test]
    fn a_transaction_is_one_event() {
        let mut probe = with(&text());
        let first = probe.value();
        assert!(first["event_id"].as_str().unwrap().starts_with('$'));
        assert_eq!(probe.value(), first);
        assert_eq!(probe.received().len(), 1);
        assert_eq!(probe.received()[0].links, ["https://harbour.example/a?x&y"]);
        let mut media = probe
            .then(Probe::post(Kind::Matrix, "/_matrix/media/v3/upload").bearer().bytes("image/png", "x"));
        let uri = media.value()["content_uri"].as_str().unwrap().to_owned();
        let image = json!({ "msgtype": "m.image", "body": "A cup", "url": uri });
        let mut image = media.then(with(&image).path(&SEND.replace("t1", "t2")));
        assert_eq!(image.send().0, 200);
        assert_eq!(image.received()[1].image.as_ref().unwrap().alt.as_deref(), Some("A cup"));
        let whoami = Probe::get(Kind::Matrix, "/_matrix/client/v3/account/whoami").bearer();
        assert_eq!({ whoami }.value()["user_id"], "@harbour:harbour.example");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        Probe::table([
            (with(&text()).without("authorization"), 401, "M_MISSING_TOKEN"),
            (with(&text()).header("authorization", "Bearer x"), 401, "M_UNKNOWN_TOKEN"),
            (with(&text()).path(&SEND.replace("launch", "other")), 403, "M_FORBIDDEN"),
            (with(&text()).method("POST"), 405, "M_UNRECOGNIZED"),
            (with(&text()).path("/_matrix/client/r0/sync"), 404, "M_UNRECOGNIZED"),
            (with(&text()).bytes("application/json", "{"), 400, "M_NOT_JSON"),
            (with(&json!([])), 400, "M_BAD_JSON"),
            (with(&json!({ "msgtype": "m.text", "body": "x", "n": 1.5 })), 400, "M_BAD_JSON"),
            (with(&json!({ "msgtype": "m.text" })), 400, "'body'"),
            (with(&json!({ "body": "x" })), 400, "'msgtype'"),
            (with(&json!({ "msgtype": "m.text", "body": "x", "formatted_body": "x" })), 400, "'format'"),
            (
                with(&json!({ "msgtype": "m.image", "body": "x", "url": "mxc://harbour.example/none" })),
                400,
                "'url'",
            ),
            (with(&json!({ "msgtype": "m.text", "body": "x".repeat(MAX_EVENT_BYTES) })), 413, "M_TOO_LARGE"),
        ]);
    }
}
