//! A Bluesky PDS (atproto lexicons com.atproto.server.* and com.atproto.repo.*; packages/pds).

use axum::http::Method;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    required, signature, text_field,
};
use serde_json::{Value, json};

use super::bluesky_post;

const DID: &str = "did:plc:harbourcoffee2222222222";
const COLLECTION: &str = "app.bsky.feed.post";
/// The lifetime of an access token, in milliseconds (packages/pds, auth: two hours).
const ACCESS_TOKEN_LIFETIME: i64 = 2 * 3_600_000;
/// The largest blob that the PDS accepts, in bytes.
const MAX_BLOB_BYTES: usize = 5 << 20;

/// The server side of Bluesky.
#[derive(Debug)]
pub(crate) struct Bluesky;

impl FakeNetwork for Bluesky {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST)
            && ["/xrpc/com.atproto.repo.createRecord", "/xrpc/com.atproto.repo.putRecord"]
                .contains(&request.path.as_str())
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let method = request.path.strip_prefix("/xrpc/").unwrap_or_default();
        let reply = match (request.method.as_str(), method) {
            ("POST", "com.atproto.server.createSession") => create_session(state, request),
            ("POST", "com.atproto.server.refreshSession") => refresh_session(state, request),
            ("GET", "com.atproto.server.describeServer") => Ok(Reply::json(
                200,
                &json!({ "did": "did:web:bsky.test", "availableUserDomains": [".bsky.test"] }),
            )),
            ("GET", "com.atproto.repo.getRecord") => get_record(state, request),
            ("GET", "com.atproto.server.getSession") => {
                check_session(state, request)?;
                Ok(Reply::json(200, &json!({ "did": DID, "handle": handle(), "active": true })))
            }
            ("POST", "com.atproto.repo.createRecord") => write(state, request, false),
            ("POST", "com.atproto.repo.putRecord") => write(state, request, true),
            ("POST", "com.atproto.repo.uploadBlob") => upload(state, request),
            (_, "") => Err(refuse(404, "NotFound", "no XRPC method")),
            _ => Err(refuse(501, "MethodNotImplemented", "Method Not Implemented")),
        }?;
        Ok(limits(reply, 4999, request.seconds() + 3600))
    }

    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let reply =
                    refuse(429, "RateLimitExceeded", "Rate Limit Exceeded").with("retry-after", seconds);
                limits(reply, 0, request.seconds() + i64::from(*seconds))
            }
            VendorError::Expired => refuse(400, "ExpiredToken", "Token has expired"),
            VendorError::Revoked => refuse(401, "AccountTakedown", "Account has been taken down"),
            VendorError::Rejected(reason) => refuse(400, "InvalidRequest", reason),
        }
    }

    fn other_rate_limits(&self, request: &Request) -> &'static [RateLimit] {
        let login = request.path.ends_with("com.atproto.server.createSession");
        let few = &[
            RateLimit { max: 30, window: 300_000, penalty: 0 },
            RateLimit { max: 300, window: 86_400_000, penalty: 0 },
        ];
        if login { few } else { &[] }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        // 5000 points an hour, 35000 a day; to create costs three (docs.bsky.app, rate limits).
        &[
            RateLimit { max: 1666, window: 3_600_000, penalty: 0 },
            RateLimit { max: 11_666, window: 86_400_000, penalty: 0 },
        ]
    }
}

fn limits(reply: Reply, left: u32, reset: i64) -> Reply {
    let reply = reply.with("ratelimit-limit", 5000).with("ratelimit-remaining", left);
    reply.with("ratelimit-reset", reset).with("ratelimit-policy", "5000;w=3600")
}

fn refuse(status: u16, error: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "message": message }))
        .with_reason(format!("{error}: {message}"))
}

fn invalid(message: &str) -> Reply {
    refuse(400, "InvalidRequest", message)
}

fn handle() -> &'static str {
    required(account(Kind::Bluesky).account)
}

fn session(state: &mut NetworkState, request: &Request) -> Reply {
    let number = state.serial();
    let (access, refresh) = (format!("access.{number}.jwt"), format!("refresh.{number}.jwt"));
    state.sessions.put(access.clone(), json!(request.at + ACCESS_TOKEN_LIFETIME));
    state.sessions.put(refresh.clone(), json!(true));
    Reply::json(
        200,
        &json!({ "did": DID, "handle": handle(), "accessJwt": access, "refreshJwt": refresh, "active": true }),
    )
}

fn create_session(state: &mut NetworkState, request: &Request) -> Answer {
    let body = request.object().ok_or_else(|| invalid("A request body is expected but none was provided"))?;
    let (Some(identifier), Some(password)) = (text_field(&body, "identifier"), text_field(&body, "password"))
    else {
        return Err(invalid("Input must have the properties \"identifier\" and \"password\""));
    };
    let fits = [handle(), DID].contains(&identifier) && password == required(account(Kind::Bluesky).token);
    ensure(fits, || refuse(401, "AuthenticationRequired", "Invalid identifier or password"))?;
    Ok(session(state, request))
}

fn refresh_session(state: &mut NetworkState, request: &Request) -> Answer {
    let token = request.bearer().unwrap_or_default().to_owned();
    let is_valid = state.sessions.get(&token).is_some_and(|active| *active == true);
    ensure(is_valid, || refuse(400, "ExpiredToken", "Token has been revoked"))?;
    state.sessions.put(token, json!(false));
    Ok(session(state, request))
}

fn check_session(state: &NetworkState, request: &Request) -> Result<(), Reply> {
    let token = request.bearer().ok_or_else(|| refuse(401, "AuthMissing", "Authentication Required"))?;
    let until = state.sessions.get(token).and_then(Value::as_i64);
    let until = until.ok_or_else(|| refuse(400, "InvalidToken", "Token could not be verified"))?;
    ensure(request.at < until, || refuse(400, "ExpiredToken", "Token has expired"))
}

/// Returns true for a record key that sorts by time (atproto.com/specs/tid).
fn is_tid(key: &str) -> bool {
    let letter = |c: char| "234567abcdefghijklmnopqrstuvwxyz".contains(c);
    key.len() == 13 && key.chars().all(letter) && key.starts_with(|c| "234567abcdefghij".contains(c))
}

fn tid(number: u64) -> String {
    const LETTERS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
    let letter = |place: u64| LETTERS[usize::try_from(number >> (place * 5) & 31).unwrap_or(0)];
    (0..13).rev().map(|place| char::from(letter(place))).collect()
}

fn write(state: &mut NetworkState, request: &Request, replaces: bool) -> Answer {
    check_session(state, request)?;
    let body = request.object().ok_or_else(|| invalid("A request body is expected but none was provided"))?;
    let get = |name: &str| {
        text_field(&body, name).ok_or_else(|| invalid(&format!("Input must have the property \"{name}\"")))
    };
    let (repo, collection) = (get("repo")?, get("collection")?);
    ensure([DID, handle()].contains(&repo), || invalid(&format!("Could not find repo: {repo}")))?;
    ensure(collection == COLLECTION, || invalid("only app.bsky.feed.post is played here"))?;
    let record = body.get("record").ok_or_else(|| invalid("Input must have the property \"record\""))?;
    let typed = record.get("$type").is_none_or(|kind| *kind == COLLECTION);
    ensure(typed, || invalid(&format!("Invalid $type: expected {COLLECTION}")))?;
    let image = bluesky_post::check_record(state, record)
        .map_err(|reason| invalid(&format!("Invalid {COLLECTION} record: {reason}")))?;
    let rkey = match text_field(&body, "rkey") {
        Some(key) => key.to_owned(),
        None if replaces => return Err(invalid("Input must have the property \"rkey\"")),
        None => tid(state.serial() | 3 << 60),
    };
    ensure(is_tid(&rkey), || invalid(&format!("Invalid rkey for {COLLECTION}: {rkey} is no TID")))?;
    let uri = format!("at://{DID}/{COLLECTION}/{rkey}");
    let known = state.notes.get(&uri).is_some();
    // The PDS's reply for a record key that is taken (bluesky-social/atproto#3718).
    ensure(replaces || !known, || {
        refuse(500, "InternalServerError", "Internal Server Error")
            .with_reason("There is already a value at key")
    })?;
    let cid = signature::cid(0x71, record.to_string().as_bytes());
    state.notes.put(uri.clone(), json!({ "uri": uri, "cid": cid, "value": record }));
    let rev = tid(state.serial() | 3 << 60);
    let answer =
        json!({ "uri": uri, "cid": cid, "commit": { "cid": cid, "rev": rev }, "validationStatus": "valid" });
    if !(replaces && known) {
        let links = bluesky_post::links(record);
        let text = text_field(record, "text").unwrap_or_default().to_owned();
        let card = record.pointer("/embed/external/title").and_then(Value::as_str).map(str::to_owned);
        let idempotency = text_field(&body, "rkey").map(str::to_owned);
        let post = Post {
            account: format!("@{}", handle()),
            id: uri,
            idempotency,
            text,
            title: card,
            links,
            image,
            raw: body.clone(),
            ..Post::default()
        };
        state.add_post(request, post);
    }
    Ok(Reply::json(200, &answer))
}

fn get_record(state: &NetworkState, request: &Request) -> Answer {
    let get = |name: &str| {
        request
            .param(name)
            .ok_or_else(|| invalid(&format!("Error: Params must have the property \"{name}\"")))
    };
    let (repo, collection, rkey) = (get("repo")?, get("collection")?, get("rkey")?);
    ensure([DID, handle()].contains(&repo), || invalid(&format!("Could not find repo: {repo}")))?;
    let uri = format!("at://{DID}/{collection}/{rkey}");
    let record = state.notes.get(&uri);
    let record =
        record.ok_or_else(|| refuse(400, "RecordNotFound", &format!("Could not locate record: {uri}")))?;
    Ok(Reply::json(200, record))
}

fn upload(state: &mut NetworkState, request: &Request) -> Answer {
    check_session(state, request)?;
    let kind = request.media_type();
    ensure(!kind.is_empty(), || invalid("Request encoding (Content-Type) required but not provided"))?;
    ensure(!request.body.is_empty(), || invalid("A request body is expected but none was provided"))?;
    ensure(request.body.len() <= MAX_BLOB_BYTES, || {
        refuse(413, "PayloadTooLarge", "request entity too large")
    })?;
    let id = signature::cid(0x55, &request.body);
    state.add_upload(&id, request.body.clone(), None);
    let blob =
        json!({ "$type": "blob", "ref": { "$link": id }, "mimeType": kind, "size": request.body.len() });
    Ok(Reply::json(200, &json!({ "blob": blob })))
}

#[cfg(test)]
mod tests {
    use fake_server::Fault;

    use super::*;
    use crate::probe::{NOW, Probe};

    const RKEY: &str = "3lxvbbbbbb222";

    fn login() -> Probe {
        let body = json!({ "identifier": handle(), "password": "abcd-efgh-ijkl-mnop" });
        let mut probe = Probe::post(Kind::Bluesky, "/xrpc/com.atproto.server.createSession").json(&body);
        assert_eq!(probe.value()["accessJwt"], "access.1.jwt");
        probe
    }

    fn create(record: &Value) -> Probe {
        create_with(record, "createRecord", RKEY)
    }

    fn create_with(record: &Value, method: &str, rkey: &str) -> Probe {
        let body = json!({ "repo": handle(), "collection": COLLECTION, "rkey": rkey, "record": record });
        let post = Probe::post(Kind::Bluesky, &format!("/xrpc/com.atproto.repo.{method}")).json(&body);
        login().then(post.header("authorization", "Bearer access.1.jwt"))
    }

    fn record(text: &str) -> Value {
        json!({ "$type": COLLECTION, "text": text, "createdAt": "2026-08-22T10:00:00.000Z" })
    }

    #[test]
    fn a_record_is_created_once_per_key_and_can_be_read_back() {
        let mut probe = create(&record("茶"));
        let made = probe.value();
        assert_eq!(made["uri"], format!("at://{DID}/{COLLECTION}/{RKEY}"));
        assert_eq!(
            probe.send(),
            (500, "{\"error\":\"InternalServerError\",\"message\":\"Internal Server Error\"}".to_owned())
        );
        assert_eq!(probe.received().len(), 1);
        let path = format!("/xrpc/com.atproto.repo.getRecord?repo={DID}&collection={COLLECTION}&rkey=");
        let mut read = probe.then(Probe::get(Kind::Bluesky, &format!("{path}{RKEY}")));
        assert_eq!((&read.value()["cid"], &read.value()["value"]["text"]), (&made["cid"], &json!("茶")));
        let mut other = read.then(Probe::get(Kind::Bluesky, &format!("{path}3lxvbbbbbb223")));
        assert_eq!((other.send().0, other.value()["error"].as_str()), (400, Some("RecordNotFound")));
        let mut put = create_with(&record("茶"), "putRecord", RKEY);
        assert_eq!((put.send().0, put.send().0, put.received().len()), (200, 200, 1));
        assert_eq!(tid(3 << 60).len(), 13);
        assert!(is_tid(&tid(3 << 60 | 77)));
    }

    #[test]
    fn tokens_expire_and_are_refreshed_once() {
        let mut probe = create(&record("x")).at(NOW + ACCESS_TOKEN_LIFETIME);
        assert_eq!((probe.reply().status, probe.value()["error"].as_str()), (400, Some("ExpiredToken")));
        let refresh = Probe::post(Kind::Bluesky, "/xrpc/com.atproto.server.refreshSession");
        let mut probe = probe.then(refresh.header("authorization", "Bearer refresh.1.jwt"));
        assert_eq!((probe.send().0, probe.send().0), (200, 400));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let facet = |from: i64, to: i64| {
            let mut record = record("茶 https://a.example/");
            record["facets"] = json!([{ "index": { "byteStart": from, "byteEnd": to },
                "features": [{ "$type": "app.bsky.richtext.facet#link", "uri": "https://a.example/" }] }]);
            create(&record)
        };
        assert_eq!(facet(4, 22).send().0, 200);
        assert_eq!(create(&record(&"👨‍👩‍👧‍👦".repeat(100))).send().0, 200);
        let field = |name: &str, value: Value| {
            let mut record = record("x");
            record[name] = value;
            create(&record)
        };
        let card =
            |card: Value| field("embed", json!({ "$type": "app.bsky.embed.external", "external": card }));
        assert_eq!(
            card(json!({ "uri": "https://a.example/", "title": "", "description": "" })).send().0,
            200
        );
        let picture = json!({ "$type": "app.bsky.embed.images", "images": [{ "alt": "x", "image": { "$type": "blob",
            "ref": { "$link": "bafkrei" }, "mimeType": "image/png", "size": 1 } }] });
        Probe::table([
            (create(&record("x")).without("authorization"), 401, "AuthMissing"),
            (create(&record("x")).header("authorization", "Bearer other"), 400, "InvalidToken"),
            (create(&record("x")).header("content-type", "text/plain"), 400, "body is expected"),
            (create_with(&record("x"), "createRecord", "launch"), 400, "no TID"),
            (create(&record(&"a".repeat(301))), 400, "text must not be longer than 300 graphemes"),
            (create(&record(&"👨‍👩‍👧‍👦".repeat(200))), 400, "text must not be longer than 3000 characters"),
            (field("createdAt", json!("today")), 400, "createdAt"),
            (field("createdAt", Value::Null), 400, "createdAt"),
            (field("$type", json!("other")), 400, "$type"),
            (field("langs", json!(["en", "zh", "de", "fr"])), 400, "langs"),
            (facet(1, 22), 400, "char"),
            (facet(4, 23), 400, "facet"),
            (facet(4, 4), 400, "facet"),
            (facet(-1, 4), 400, "byteStart"),
            (card(json!({ "uri": "https://a.example/", "title": "" })), 400, "description"),
            (field("embed", picture), 400, "Could not find blob"),
            (create(&record("x")).path("/xrpc/com.atproto.repo.makeRecord"), 501, "MethodNotImplemented"),
        ]);
        let wrong = json!({ "identifier": handle(), "password": "x" });
        let login = Probe::post(Kind::Bluesky, "/xrpc/com.atproto.server.createSession").json(&wrong);
        Probe::table([(login, 401, "AuthenticationRequired")]);
    }

    #[test]
    fn an_expired_token_is_refused_with_400() {
        let reply = create(&record("x")).error_reply(&Fault::ExpiredToken);
        assert_eq!(
            (reply.status, &reply.body[..]),
            (400, &b"{\"error\":\"ExpiredToken\",\"message\":\"Token has expired\"}"[..])
        );
    }
}
