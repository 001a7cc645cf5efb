//! Discord's webhooks (discord.com/developers/docs/resources/webhook, resources/message).

use axum::http::Method;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    field, required,
};
use serde_json::{Value, json};

use super::discord_message;

const ID: &str = "1100000000000000001";
/// The largest file in bytes, and the largest number of files.
const MAX_FILE_BYTES: usize = 10 << 20;
const MAX_FILES: usize = 10;

/// The server side of Discord.
#[derive(Debug)]
pub(crate) struct Discord;

impl FakeNetwork for Discord {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path.starts_with("/api/") && request.path.contains("/webhooks/")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !is_version(part)).collect();
        let ["api", "webhooks", id, token, rest @ ..] = &parts[..] else {
            return Err(refuse(404, 0, "404: Not Found"));
        };
        ensure(*id == ID, || refuse(404, 10015, "Unknown Webhook"))?;
        let is_authorized = required(account(Kind::Discord).url).rsplit('/').next() == Some(token);
        ensure(is_authorized, || refuse(401, 50027, "Invalid Webhook Token"))?;
        let reply = match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Reply::json(
                200,
                &json!({ "id": ID, "type": 1, "name": "Harbour Coffee",
                "channel_id": "1100000000000000002", "guild_id": "1100000000000000003", "token": token,
                "avatar": null, "application_id": null }),
            )),
            ("POST", []) => publish(state, request),
            ("GET", ["messages", id]) => {
                let known = state.notes.get(&format!("message {id}"));
                known.map_or_else(
                    || Err(refuse(404, 10008, "Unknown Message")),
                    |known| Ok(Reply::json(200, known)),
                )
            }
            (_, []) => Err(refuse(405, 0, "405: Method Not Allowed")),
            _ => Err(refuse(404, 0, "404: Not Found")),
        }?;
        Ok(limits(reply, 4, request.at, 1.0))
    }

    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let wait = f64::from(*seconds);
                let body =
                    json!({ "message": "You are being rate limited.", "retry_after": wait, "global": false });
                let reply = Reply::json(429, &body)
                    .with_reason("You are being rate limited.")
                    .with("retry-after", seconds);
                limits(reply, 0, request.at, wait).with("x-ratelimit-scope", "user")
            }
            VendorError::Expired => refuse(401, 50027, "Invalid Webhook Token"),
            VendorError::Revoked => refuse(404, 10015, "Unknown Webhook"),
            VendorError::Rejected(reason) => {
                refuse(400, 240_000, &format!("Message blocked by harmful links filter: {reason}"))
            }
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 5, window: 2000, penalty: 0 }, RateLimit { max: 30, window: 60_000, penalty: 0 }]
    }
}

/// Returns true for a version such as `v10`, which may follow `/api`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| number.parse::<u8>().is_ok())
}

fn limits(reply: Reply, left: u32, at: i64, after: f64) -> Reply {
    let reset =
        format!("{}.{:03}", at.div_euclid(1000), at.rem_euclid(1000)).parse::<f64>().unwrap_or_default()
            + after;
    let reply = reply.with("x-ratelimit-limit", 5).with("x-ratelimit-remaining", left);
    reply
        .with("x-ratelimit-reset", format!("{reset:.3}"))
        .with("x-ratelimit-reset-after", format!("{after:.3}"))
        .with("x-ratelimit-bucket", "f0e1d2c3b4a5968778695a4b3c2d1e0f")
}

fn refuse(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message, "code": code })).with_reason(format!("{code} {message}"))
}

fn invalid(fault: &discord_message::FieldError) -> Reply {
    let mut errors = json!({ "_errors": [{ "code": fault.code, "message": fault.message }] });
    for part in fault.path.rsplit('.') {
        errors = json!({ part: errors });
    }
    let body = json!({ "message": "Invalid Form Body", "code": 50035, "errors": errors });
    Reply::json(400, &body).with_reason(format!("50035 {}: {}", fault.path, fault.message))
}

fn publish(state: &mut NetworkState, request: &Request) -> Answer {
    let files: Vec<_> = request.files().into_iter().filter(|part| part.file.is_some()).collect();
    let body = match request.media_type().as_str() {
        "application/json" => request.json(),
        "multipart/form-data" => {
            let fields = request.fields();
            field(&fields, "payload_json").map_or(Some(json!({})), |text| serde_json::from_str(text).ok())
        }
        _ => return Err(refuse(400, 50109, "The request body contains invalid JSON.")),
    };
    let body = body
        .filter(Value::is_object)
        .ok_or_else(|| refuse(400, 50109, "The request body contains invalid JSON."))?;
    ensure(files.len() <= MAX_FILES, || refuse(400, 50035, "Invalid Form Body"))?;
    ensure(files.iter().all(|file| file.body.len() <= MAX_FILE_BYTES), || {
        refuse(413, 40005, "Request entity too large")
    })?;
    let with_components = request.param("with_components") == Some("true");
    let reading = discord_message::read(&body, with_components).map_err(|fault| invalid(&fault))?;
    ensure(!reading.empty || !files.is_empty(), || refuse(400, 50006, "Cannot send an empty message"))?;
    let id = format!("12{:017}", state.serial());
    let mut image = reading.image;
    if let Some(file) = files.first() {
        state.add_upload(&id, file.body.clone(), None);
        image = state.picture(&id, reading.file_alt.as_deref());
    }
    let message = json!({ "id": id, "type": 0, "content": body.get("content").cloned().unwrap_or_default(),
        "channel_id": "1100000000000000002", "webhook_id": ID, "timestamp": request.rfc3339(), "edited_timestamp": null,
        "author": { "id": ID, "username": "Harbour Coffee", "bot": true, "discriminator": "0000" },
        "embeds": body.get("embeds").cloned().unwrap_or_else(|| json!([])), "attachments": [], "mentions": [],
        "mention_roles": [], "mention_everyone": false, "pinned": false, "tts": false, "flags": 0, "components": [] });
    state.notes.put(format!("message {id}"), message.clone());
    let post = Post {
        account: "Harbour Coffee".to_owned(),
        id,
        text: reading.text,
        title: reading.title,
        links: reading.links,
        image,
        buttons: reading.buttons,
        raw: body,
        ..Post::default()
    };
    state.add_post(request, post);
    // Without wait=true the reply does not contain the message.
    Ok(if request.param("wait") == Some("true") { Reply::json(200, &message) } else { Reply::empty(204) })
}

#[cfg(test)]
mod tests {
    use fake_server::Fault;

    use super::*;
    use crate::probe::Probe;

    const PATH: &str = "/api/webhooks/1100000000000000001/harbour-coffee-webhook-token";

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Discord, &format!("{PATH}?wait=true")).json(body)
    }

    fn embed(embed: &Value) -> Probe {
        with(&json!({ "embeds": [embed] }))
    }

    #[test]
    fn a_message_is_taken_and_can_be_read_back() {
        let mut probe = with(&json!({ "content": "茶", "embeds": [{ "title": "Spring", "description": "Tea",
            "url": "https://harbour.example/a", "image": { "url": "https://img.example/a.png" } }],
            "allowed_mentions": { "parse": [] } }));
        let id = probe.value()["id"].as_str().unwrap().to_owned();
        let post = &probe.received()[0];
        assert_eq!(
            (post.title.as_deref(), post.text.as_str(), post.links.len()),
            (Some("Spring"), "茶\nTea", 1)
        );
        let mut read = probe.then(Probe::get(Kind::Discord, &format!("{PATH}/messages/{id}")));
        assert_eq!(read.value()["content"], "茶");
        assert_eq!(
            Probe::post(Kind::Discord, PATH).json(&json!({ "content": "x" })).send(),
            (204, String::new())
        );
        assert_eq!(Probe::get(Kind::Discord, PATH).value()["name"], "Harbour Coffee");
        let file = Probe::post(Kind::Discord, &PATH.replace("/api", "/api/v10"));
        let mut file = file.multipart(
            &[("payload_json", "{\"attachments\":[{\"id\":0,\"description\":\"A cup\"}]}")],
            Some(("files[0]", b"\x89PNG")),
        );
        assert_eq!(file.send().0, 204);
        assert_eq!(file.received()[0].image.as_ref().unwrap().alt.as_deref(), Some("A cup"));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = |length: usize| "茶".repeat(length);
        assert_eq!(with(&json!({ "content": long(2000) })).send().0, 200);
        let field = |name: &str| json!({ "name": name, "value": "x" });
        let sum = json!({ "embeds": [{ "description": long(4096) }, { "description": long(1905) }] });
        let button =
            json!([{ "type": 1, "components": [{ "type": 2, "style": 1, "label": "x", "custom_id": "y" }] }]);
        let components = Probe::post(Kind::Discord, &format!("{PATH}?wait=true&with_components=true"));
        Probe::table([
            (with(&json!({ "content": "x" })).path("/api/webhooks/2/x"), 404, "10015"),
            (with(&json!({ "content": "x" })).path(&format!("/api/webhooks/{ID}/x")), 401, "50027"),
            (with(&json!({ "content": "x" })).method("PUT"), 405, "405"),
            (with(&json!([])), 400, "50109"),
            (with(&json!({ "content": "x" })).header("content-type", "text/plain"), 400, "50109"),
            (with(&json!({})), 400, "50006"),
            (
                with(&json!({ "content": long(2001) })),
                400,
                "\"content\":{\"_errors\":[{\"code\":\"BASE_TYPE_MAX_LENGTH\"",
            ),
            (with(&json!({ "content": "x", "username": "Clyde the cat" })), 400, "USERNAME_INVALID_CONTAINS"),
            (with(&json!({ "content": "x", "username": "x".repeat(81) })), 400, "1 and 80"),
            (with(&json!({ "embeds": vec![json!({ "title": "x" }); 11] })), 400, "10"),
            (embed(&json!({ "title": long(257) })), 400, "256"),
            (embed(&json!({ "description": long(4097) })), 400, "4096"),
            (embed(&json!({ "footer": { "text": long(2049) } })), 400, "2048"),
            (embed(&json!({ "author": { "name": long(257) } })), 400, "256"),
            (embed(&json!({ "fields": vec![field("x"); 26] })), 400, "25"),
            (embed(&json!({ "fields": [field(&long(257))] })), 400, "256"),
            (embed(&json!({ "fields": [{ "name": "x" }] })), 400, "BASE_TYPE_REQUIRED"),
            (embed(&json!({ "title": "x", "url": "javascript:x" })), 400, "URL_TYPE_INVALID"),
            (with(&sum), 400, "6000"),
            (components.json(&json!({ "content": "x", "components": button })), 400, "style"),
        ]);
    }

    #[test]
    fn a_rate_limit_is_reported_in_three_places() {
        let reply = with(&json!({})).error_reply(&Fault::RateLimited { seconds: 3 });
        let header = |name: &str| reply.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        assert_eq!(
            (header("retry-after").as_str(), header("x-ratelimit-reset-after").as_str()),
            ("3", "3.000")
        );
        assert_eq!(header("x-ratelimit-reset"), "1787392803.000");
        assert!(String::from_utf8_lossy(&reply.body).contains("\"retry_after\":3.0"));
    }
}
