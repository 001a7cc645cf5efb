//! A Matrix home server (spec.matrix.org, client-server API v1.x).

use serde_json::{Value, json};

use crate::Kind;
use crate::account::{account, known};
use crate::answer::{Answer, Reply, must};
use crate::ask::{Ask, said};
use crate::fault::Trouble;
use crate::network::Network;
use crate::pace::Ceiling;
use crate::room::{Post, Room};
use crate::sign;

/// Bytes of an event; what the server adds takes a part of it (specification, "Size limits").
const EVENT: usize = 65_536 - 1024;
/// Bytes of an upload, as `m.upload.size` says.
const UPLOAD: usize = 20 << 20;

/// Matrix.
#[derive(Debug)]
pub(crate) struct Matrix;

impl Network for Matrix {
    fn publishes(&self, ask: &Ask) -> bool {
        ask.method == "PUT" && ask.path.contains("/send/")
    }

    fn play(&self, room: &mut Room, ask: &Ask) -> Answer {
        if ask.path == "/_matrix/client/versions" {
            return Ok(Reply::json(200, &json!({ "versions": ["v1.1", "v1.11"], "unstable_features": {} })));
        }
        let token = ask.bearer().ok_or_else(|| refuse(401, "M_MISSING_TOKEN", "Missing access token"))?;
        let right = token == known(account(Kind::Matrix).token);
        must(right, || refuse(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."))?;
        let parts = ask.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (ask.method.as_str(), &parts[..]) {
            ("GET", ["_matrix", "client", "v3", "account", "whoami"]) => Ok(Reply::json(
                200,
                &json!({ "user_id": "@harbour:harbour.example", "device_id": "CHORUS", "is_guest": false }),
            )),
            ("GET", ["_matrix", "client", "v3", "joined_rooms"]) => {
                Ok(Reply::json(200, &json!({ "joined_rooms": [known(account(Kind::Matrix).room)] })))
            }
            ("POST", ["_matrix", "media", "v3", "upload"]) => upload(room, ask),
            (
                "GET",
                ["_matrix", "client", "v1", "media", "config"] | ["_matrix", "media", "v3", "config"],
            ) => Ok(Reply::json(200, &json!({ "m.upload.size": UPLOAD }))),
            ("PUT", ["_matrix", "client", "v3", "rooms", id, "send", kind, txn]) => {
                send(room, ask, id, kind, txn)
            }
            (_, ["_matrix", "client", "v3", "rooms", _, "send", ..]) => {
                Err(refuse(405, "M_UNRECOGNIZED", "Unrecognized request"))
            }
            _ => Err(refuse(404, "M_UNRECOGNIZED", "Unrecognized request")),
        }
    }

    fn trouble(&self, trouble: &Trouble, _: &Ask) -> Reply {
        match trouble {
            Trouble::RateLimited(seconds) => {
                let wait = u64::from(*seconds) * 1000;
                let body = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": wait });
                Reply::json(429, &body).because("M_LIMIT_EXCEEDED").with("retry-after", seconds)
            }
            Trouble::Expired => {
                let body = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Access token has expired", "soft_logout": true });
                Reply::json(401, &body).because("M_UNKNOWN_TOKEN")
            }
            Trouble::Revoked => refuse(403, "M_FORBIDDEN", "User @harbour:harbour.example not in room"),
            Trouble::Rejected(reason) => refuse(403, "M_FORBIDDEN", reason),
        }
    }

    fn paced_by(&self, ask: &Ask) -> String {
        // Every transaction has an address of its own.
        ask.path.split("/send/").next().unwrap_or_default().to_owned()
    }

    fn ceilings(&self) -> &'static [Ceiling] {
        // Synapse's rc_message: a burst of ten, then one in five seconds.
        &[Ceiling { most: 10, window: 50_000, penalty: 0 }]
    }
}

fn refuse(status: u16, code: &str, error: &str) -> Reply {
    Reply::json(status, &json!({ "errcode": code, "error": error })).because(format!("{code}: {error}"))
}

fn send(room: &mut Room, ask: &Ask, id: &str, kind: &str, txn: &str) -> Answer {
    let here = known(account(Kind::Matrix).room);
    must(id == here, || {
        refuse(403, "M_FORBIDDEN", &format!("User @harbour:harbour.example not in room {id}"))
    })?;
    must(kind == "m.room.message", || refuse(403, "M_FORBIDDEN", "only m.room.message is played here"))?;
    // The same transaction of the same device: the same event, whatever the body says.
    if let Some((_, reply)) = room.once.get(txn) {
        return Ok(reply.clone());
    }
    must(ask.body.len() <= EVENT, || refuse(413, "M_TOO_LARGE", "event too large"))?;
    let content = ask.json().ok_or_else(|| refuse(400, "M_NOT_JSON", "Content not JSON."))?;
    let wrong = |what: &str| refuse(400, "M_BAD_JSON", what);
    must(content.is_object() && canonical(&content), || {
        wrong("Content must be a JSON object, without floats")
    })?;
    let body = said(&content, "body")
        .filter(|body| !body.is_empty())
        .ok_or_else(|| wrong("'body' not in content"))?;
    let msgtype = said(&content, "msgtype").ok_or_else(|| wrong("'msgtype' not in content"))?;
    let html = said(&content, "formatted_body");
    let format = said(&content, "format") == Some("org.matrix.custom.html");
    must(html.is_none() || format, || wrong("'formatted_body' without its 'format'"))?;
    let image = match msgtype {
        "m.text" | "m.notice" | "m.emote" => None,
        "m.image" => {
            let media = said(&content, "url").and_then(|url| url.strip_prefix("mxc://harbour.example/"));
            let picture = media.and_then(|media| room.picture(media, Some(body)));
            Some(picture.ok_or_else(|| wrong("'url' is no media of this server"))?)
        }
        _ => return Err(wrong("'msgtype' is not known")),
    };
    let event = format!("${}", sign::base32(&sign::sha256(format!("{txn} {}", room.serial()).as_bytes())));
    let reply = Reply::json(200, &json!({ "event_id": event }));
    room.once.put(txn, (ask.at, reply.clone()));
    let links = html.map(hrefs).unwrap_or_default();
    let text = if msgtype == "m.image" && said(&content, "filename").is_none() {
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
    room.keep(ask, post);
    Ok(reply)
}

/// Canonical JSON has no floats, and integers within ±(2⁵³ - 1) (specification, "Canonical JSON").
fn canonical(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| n.abs() < 1 << 53),
        Value::Array(items) => items.iter().all(canonical),
        Value::Object(fields) => fields.values().all(canonical),
        _ => true,
    }
}

fn hrefs(html: &str) -> Vec<String> {
    let all = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    all.map(crate::text::unescaped).filter(|href| crate::text::is_web(href)).collect()
}

fn upload(room: &mut Room, ask: &Ask) -> Answer {
    must(ask.body.len() <= UPLOAD, || refuse(413, "M_TOO_LARGE", "Upload request body is too large"))?;
    must(!ask.body.is_empty(), || refuse(400, "M_UNKNOWN", "Request must specify a Content-Length"))?;
    let id = format!("media{}", room.serial());
    room.upload(&id, ask.body.clone(), None);
    Ok(Reply::json(200, &json!({ "content_uri": format!("mxc://harbour.example/{id}") })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::probe::Probe;

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
        let who = Probe::get(Kind::Matrix, "/_matrix/client/v3/account/whoami").bearer();
        assert_eq!({ who }.value()["user_id"], "@harbour:harbour.example");
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
            (with(&json!({ "msgtype": "m.text", "body": "x".repeat(EVENT) })), 413, "M_TOO_LARGE"),
        ]);
    }
}
