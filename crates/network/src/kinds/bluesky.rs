//! Bluesky, or any PDS of the AT Protocol: <https://docs.bsky.app/docs/advanced-guides/posts>,
//! sessions: <https://docs.bsky.app/docs/api/com-atproto-server-create-session>, rate limits:
//! <https://docs.bsky.app/docs/advanced-guides/rate-limits>, record keys:
//! <https://atproto.com/specs/tid>.
//!
//! The record key is derived from the delivery, so that a second attempt can look for the record of
//! the first.

mod record;

use std::time::Duration;

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Unit, limit};
use message::{Content, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template::{parse_object, set_default};
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;
use record::{COLLECTION, record, rich_text, rkey};

#[derive(Debug)]
pub(crate) struct Bluesky;

const SESSION: &str = "session";
const UPLOAD: &str = "upload";
/// The time for which a session is reused: an access token is valid for two hours, and a day allows
/// 300 sessions.
const SESSION_CACHE_TIME: Duration = Duration::from_secs(90 * 60);
/// The largest picture, in bytes (app.bsky.embed.images).
const MAX_PICTURE_BYTES: usize = 2_000_000;

impl Protocol for Bluesky {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let mut budgets = limit::bluesky(&rich_text(parts).text).to_vec();
        if let Some(file) = parts.picture.as_ref().and_then(|picture| picture.file()) {
            let bytes = file.bytes.len();
            budgets.push(LengthBudget::of_things("picture", Unit::Bytes, bytes, MAX_PICTURE_BYTES));
        }
        budgets
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let Some(token) = prior.text(SESSION, "/accessJwt") else {
            let login = json!({ "identifier": access.account, "password": access.token });
            let session = Request::json(SESSION, "/xrpc/com.atproto.server.createSession", login);
            return Ok(session.cached_for(SESSION_CACHE_TIME));
        };
        let record = match &post.content {
            Content::Json(body) => {
                let mut record = parse_object(body)?;
                set_default(&mut record, "$type", COLLECTION);
                set_default(&mut record, "createdAt", post.at.to_string());
                record.into()
            }
            Content::Parts(parts) => {
                let blob = match Upload::of(parts, prior)? {
                    Upload::None => None,
                    Upload::Fetch(request) => return Ok(request),
                    Upload::File(file, alt) => match prior.get(UPLOAD).map(Response::json) {
                        Some(answer) => Some((answer["blob"].clone(), alt)),
                        None => return upload(&file, &token),
                    },
                };
                record(parts, post, blob)
            }
        };
        let did = prior.text(SESSION, "/did").unwrap_or_else(|| access.account.clone());
        let body = json!({ "repo": did, "collection": COLLECTION, "rkey": rkey(post), "record": record });
        Ok(Request::json("post", "/xrpc/com.atproto.repo.createRecord", body).bearer(&token).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        if request.name == FETCH {
            return picture::verdict(answer);
        }
        let json = answer.json();
        let reply = json["message"].as_str().unwrap_or_default();
        match (answer.status, json["error"].as_str().unwrap_or_default()) {
            (200, _) if request.publishes => match json["uri"].as_str() {
                Some(uri) => Verdict::sent(uri.to_owned(), page(uri)),
                None => Verdict::Unknown,
            },
            (200, _) if request.name == SESSION && text_at(&json, "/accessJwt").is_none() => {
                Verdict::Retryable
            }
            (200, _) if request.name == UPLOAD && !json["blob"].is_object() => Verdict::Retryable,
            (400 | 404, _) if request.name == LOOK_UP => Verdict::Ready,
            // An expired token is answered with 400.
            (
                _,
                "ExpiredToken"
                | "InvalidToken"
                | "AuthMissing"
                | "AuthenticationRequired"
                | "AccountTakedown"
                | "AccountDeactivated"
                | "AccountSuspended"
                | "AuthFactorTokenRequired",
            ) => Verdict::AuthExpired,
            (_, "RateLimitExceeded") => Verdict::RateLimited(answer.retry_after()),
            (_, "BlobTooLarge" | "PayloadTooLarge") => Verdict::Rejected(RejectReason::TooBig),
            (400, _) if reply.contains("must not be longer") || reply.contains("too large") => {
                Verdict::Rejected(RejectReason::TooBig)
            }
            (_, _) if reply.contains("already a value at key") => {
                Verdict::sent(uri(request), uri(request).as_deref().and_then(page))
            }
            // A record key that is taken also gives a 500 without more detail; only posts with an
            // unknown outcome are looked up.
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    fn look_up(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let (login, key) = (segment(&access.account), rkey(post));
        let target =
            format!("/xrpc/com.atproto.repo.getRecord?repo={login}&collection={COLLECTION}&rkey={key}");
        Some(Request::get(LOOK_UP, target))
    }

    fn find_post(&self, _access: &Access, _post: &Post, answer: &Response) -> Option<Verdict> {
        let json = answer.json();
        let reply = json["message"].as_str().unwrap_or_default();
        if let Some(uri) = text_at(&json, "/uri").filter(|_| answer.is_success()) {
            let url = page(&uri);
            return Some(Verdict::sent(uri, url));
        }
        let missing = json["error"] == "RecordNotFound" || reply.contains("Could not locate record");
        if missing { None } else { Some(Verdict::Unknown) }
    }

    /// Creating a session posts nothing and tests the credentials.
    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let login = json!({ "identifier": access.account, "password": access.token });
        Some(Request::json(SESSION, "/xrpc/com.atproto.server.createSession", login))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            SESSION => {
                json!({ "did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "accessJwt": "token", "refreshJwt": "token" })
            }
            UPLOAD => {
                json!({ "blob": { "$type": "blob", "ref": { "$link": "bafkreibabalobzn6cd366ukcsjycp4yymjymgfxcv6xczmlgpemzkz3cfa" }, "mimeType": "image/png", "size": 760_898 } })
            }
            _ => Value::Null,
        }
    }
}

fn upload(file: &message::PictureFile, token: &str) -> Result<Request, ComposeError> {
    if file.bytes.len() > MAX_PICTURE_BYTES {
        let bytes = file.bytes.len();
        return Err(ComposeError::from(format!(
            "its picture has {bytes} bytes, and Bluesky takes {MAX_PICTURE_BYTES}: make it smaller"
        )));
    }
    let body = Body::Bytes(file.media.clone(), file.bytes.clone());
    Ok(Request::new(UPLOAD, "POST", "/xrpc/com.atproto.repo.uploadBlob", body).bearer(token))
}

/// Returns the AT URI of the record that a request creates.
fn uri(request: &Request) -> Option<String> {
    let Body::Json(body) = &request.body else { return None };
    Some(format!("at://{}/{COLLECTION}/{}", body["repo"].as_str()?, body["rkey"].as_str()?))
}

/// Returns the public page of a record.
fn page(uri: &str) -> Option<String> {
    let (login, rest) = uri.strip_prefix("at://")?.split_once('/')?;
    let key = rest.strip_prefix(COLLECTION)?.strip_prefix('/')?;
    Some(format!("https://bsky.app/profile/{login}/post/{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, json as body, next, post, post_of, post_with_file, prior, verdict};
    use message::dialect::{SPAN_END, SPAN_SEPARATOR, SPAN_START};

    const SESSION_ANSWER: &str = "{\"did\":\"did:plc:abc\",\"accessJwt\":\"jwt-1\",\"refreshJwt\":\"jwt-2\"}";
    const BLOB: &str = "{\"blob\":{\"$type\":\"blob\",\"size\":4}}";

    #[test]
    fn a_session_is_made_and_kept() {
        let request = next("bluesky", &post_of("x"), &prior(&[]));
        assert_eq!(
            (request.target.as_str(), request.cache_for),
            ("/xrpc/com.atproto.server.createSession", Some(SESSION_CACHE_TIME))
        );
        assert_eq!(body(&request), json!({ "identifier": "account-1", "password": "token-1" }));
    }

    #[test]
    fn a_picture_is_uploaded_and_has_its_words() {
        let request = next("bluesky", &post_with_file(), &prior(&[(SESSION, SESSION_ANSWER)]));
        assert_eq!((request.name, request.target.as_str()), (UPLOAD, "/xrpc/com.atproto.repo.uploadBlob"));
        assert_eq!(request.body, Body::Bytes("image/png".into(), vec![1, 2, 3, 4]));
        assert_eq!(request.credentials, [("authorization", "Bearer jwt-1".to_owned())]);
        let answers = [(SESSION, SESSION_ANSWER), (UPLOAD, BLOB)];
        let request = next("bluesky", &post_with_file(), &prior(&answers));
        assert!(request.publishes);
        insta::assert_json_snapshot!(body(&request));
        let request = next("bluesky", &post(), &prior(&[(SESSION, SESSION_ANSWER)]));
        assert_eq!((request.name, request.target.as_str()), (FETCH, "https://harbour.example/spring.png"));
    }

    #[test]
    fn a_link_without_a_picture_is_a_card() {
        let mut post = post();
        if let Content::Parts(parts) = &mut post.content {
            parts.picture = None;
            parts.text = format!("春 {SPAN_START}the shop{SPAN_SEPARATOR}https://a.example/{SPAN_END}!");
        }
        let record = body(&next("bluesky", &post, &prior(&[(SESSION, SESSION_ANSWER)])))["record"].clone();
        assert_eq!(record["text"], "Spring Tide\n\n春 the shop!\n\nChoose");
        insta::assert_json_snapshot!(record["facets"], @r##"
        [
          {
            "features": [
              {
                "$type": "app.bsky.richtext.facet#link",
                "uri": "https://a.example/"
              }
            ],
            "index": {
              "byteEnd": 25,
              "byteStart": 17
            }
          },
          {
            "features": [
              {
                "$type": "app.bsky.richtext.facet#link",
                "uri": "https://news.example/c/1.tok"
              }
            ],
            "index": {
              "byteEnd": 34,
              "byteStart": 28
            }
          }
        ]
        "##);
        let external =
            json!({ "uri": "https://news.example/c/1.tok", "title": "Spring Tide", "description": "Choose" });
        assert_eq!(record["embed"], json!({ "$type": "app.bsky.embed.external", "external": external }));
        let alone =
            body(&next("bluesky", &post_of("only text"), &prior(&[(SESSION, SESSION_ANSWER)])))["record"]
                .clone();
        assert!(alone.get("embed").is_none() && alone.get("facets").is_none());
    }

    #[test]
    fn own_json_is_the_record() {
        let own = Post { content: Content::Json("{\"text\":\"x\"}".into()), ..post() };
        let record = body(&next("bluesky", &own, &prior(&[(SESSION, SESSION_ANSWER)])))["record"].clone();
        assert_eq!(record, json!({ "$type": COLLECTION, "text": "x", "createdAt": "2020-09-13T12:26:40Z" }));
    }

    #[test]
    fn a_post_is_found_again() {
        let request = Bluesky.look_up(&access("bluesky"), &post(), &prior(&[])).unwrap();
        let key = rkey(&post());
        assert_eq!(
            request.target,
            format!(
                "/xrpc/com.atproto.repo.getRecord?repo=account-1&collection=app.bsky.feed.post&rkey={key}"
            )
        );
        let found_answer = answer(
            200,
            &[],
            "{\"uri\":\"at://did:plc:abc/app.bsky.feed.post/3k\",\"cid\":\"c\",\"value\":{}}",
        );
        let page = "https://bsky.app/profile/did:plc:abc/post/3k".to_owned();
        let sent = Verdict::sent("at://did:plc:abc/app.bsky.feed.post/3k".to_owned(), page);
        assert_eq!(Bluesky.find_post(&access("bluesky"), &post(), &found_answer), Some(sent));
        let missing = answer(400, &[], "{\"error\":\"RecordNotFound\"}");
        assert_eq!(Bluesky.find_post(&access("bluesky"), &post(), &missing), None);
        let cut = answer(200, &[], "{\"uri\":\"at");
        assert_eq!(Bluesky.find_post(&access("bluesky"), &post(), &cut), Some(Verdict::Unknown));
        assert_eq!(
            verdict("bluesky", LOOK_UP, false, 400, &[], "{\"error\":\"RecordNotFound\"}"),
            Verdict::Ready
        );
    }

    #[test]
    fn text_and_picture_are_measured() {
        let family = post_of(&"👨‍👩‍👧‍👦".repeat(200));
        let budgets = crate::sample::budgets("bluesky", &family);
        assert!(budgets[0].fits() && !budgets[1].fits(), "{budgets:?}");
        let budgets = crate::sample::budgets("bluesky", &post_with_file());
        assert_eq!((budgets[2].measured, budgets[2].allowed), (4, MAX_PICTURE_BYTES));
        let large = message::PictureFile {
            name: "a".into(),
            media: "image/png".into(),
            bytes: vec![0; MAX_PICTURE_BYTES + 1],
        };
        assert!(upload(&large, "t").unwrap_err().to_string().contains("2000001 bytes"));
    }

    #[test]
    fn a_key_that_is_taken_is_our_post() {
        let request = next("bluesky", &post_of("x"), &prior(&[(SESSION, SESSION_ANSWER)]));
        let answer = answer(
            500,
            &[],
            "{\"error\":\"InternalServerError\",\"message\":\"There is already a value at key: x\"}",
        );
        let Verdict::Sent { id: Some(id), url: Some(url) } = Bluesky.verdict(&request, &answer) else {
            panic!()
        };
        assert_eq!(id, format!("at://did:plc:abc/app.bsky.feed.post/{}", rkey(&post())));
        assert!(url.starts_with("https://bsky.app/profile/did:plc:abc/post/3"), "{url}");
    }

    #[test]
    fn every_answer_means_something() {
        let error = |name: &str, reply: &str| format!("{{\"error\":\"{name}\",\"message\":\"{reply}\"}}");
        let limited = Verdict::RateLimited(Some(Duration::from_secs(60)));
        for (name, status, headers, reply, expected) in [
            (
                "post",
                200,
                &[][..],
                "{\"uri\":\"at://did:plc:a/app.bsky.feed.post/3k\",\"cid\":\"c\"}".to_owned(),
                Verdict::sent(
                    "at://did:plc:a/app.bsky.feed.post/3k".to_owned(),
                    "https://bsky.app/profile/did:plc:a/post/3k".to_owned(),
                ),
            ),
            ("post", 200, &[], "{\"uri\":\"at".to_owned(), Verdict::Unknown),
            ("post", 200, &[], String::new(), Verdict::Unknown),
            ("post", 400, &[], error("ExpiredToken", "Token has expired"), Verdict::AuthExpired),
            ("post", 400, &[], error("InvalidToken", "Token could not be verified"), Verdict::AuthExpired),
            (
                SESSION,
                401,
                &[],
                error("AuthenticationRequired", "Invalid identifier or password"),
                Verdict::AuthExpired,
            ),
            (
                "post",
                400,
                &[],
                error("InvalidRequest", "Invalid record: text must not be longer than 300 graphemes"),
                Verdict::Rejected(RejectReason::TooBig),
            ),
            ("post", 400, &[], error("InvalidRequest", "Invalid record"), Verdict::rejected()),
            (UPLOAD, 400, &[], error("BlobTooLarge", "x"), Verdict::Rejected(RejectReason::TooBig)),
            (UPLOAD, 200, &[], BLOB.to_owned(), Verdict::Ready),
            (UPLOAD, 200, &[], "{\"blob\":".to_owned(), Verdict::Retryable),
            (SESSION, 200, &[], SESSION_ANSWER.to_owned(), Verdict::Ready),
            (SESSION, 200, &[], "<html>".to_owned(), Verdict::Retryable),
            (
                "post",
                429,
                &[("ratelimit-reset", "1600000060")],
                error("RateLimitExceeded", "Rate Limit Exceeded"),
                limited.clone(),
            ),
            (SESSION, 429, &[("retry-after", "60")], error("RateLimitExceeded", "x"), limited),
            ("post", 500, &[], error("InternalServerError", "Internal Server Error"), Verdict::Unknown),
            ("post", 502, &[], error("UpstreamFailure", "x"), Verdict::Unknown),
            (SESSION, 500, &[], error("InternalServerError", "Internal Server Error"), Verdict::Retryable),
            ("post", 503, &[], String::new(), Verdict::Retryable),
            ("post", 401, &[], error("AccountTakedown", "x"), Verdict::AuthExpired),
            (FETCH, 404, &[], String::new(), Verdict::rejected()),
        ] {
            assert_eq!(
                verdict("bluesky", name, name == "post", status, headers, &reply),
                expected,
                "{name} {status} {reply}"
            );
        }
    }
}
