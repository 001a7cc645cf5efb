//! Matrix:
//! <https://spec.matrix.org/v1.12/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>,
//! pictures with captions: <https://spec.matrix.org/v1.12/client-server-api/#media-captions>. A
//! picture has no field for alternative text beside its caption, so the caption ends with it.
//!
//! The transaction identifier is derived from the delivery, so a server recognises a second
//! attempt.

use std::time::Duration;

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Unit};
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template::{parse_object, set_default};
use crate::mention;
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Matrix;

const ROOM: &str = "room";
const UPLOAD: &str = "upload";
/// The largest event that is sent, in bytes: an event may have 65,536, and the server's own fields
/// fit into the rest.
const MAX_EVENT_BYTES: usize = 60_000;

impl Protocol for Matrix {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let bytes = match &post.content {
            Content::Json(body) => body.len(),
            Content::Parts(parts) => text(parts).to_string().len(),
        };
        vec![LengthBudget::of_things("message", Unit::Bytes, bytes, MAX_EVENT_BYTES)]
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let room = match prior.text(ROOM, "/room_id") {
            Some(room) => room,
            None if access.room.starts_with('#') => {
                let target = format!("/_matrix/client/v3/directory/room/{}", segment(&access.room));
                let request = Request::get(ROOM, target).bearer(&access.token);
                return Ok(request.cached_for(Duration::from_secs(60 * 60)));
            }
            None => access.room.clone(),
        };
        let event = match &post.content {
            Content::Json(body) => {
                let mut event = parse_object(body)?;
                set_default(&mut event, "m.mentions", json!({}));
                event.into()
            }
            Content::Parts(parts) => match Upload::of(parts, prior)? {
                Upload::None => text(parts),
                Upload::Fetch(request) => return Ok(request),
                Upload::File(file, _) => match prior.text(UPLOAD, "/content_uri") {
                    None => {
                        let target = format!("/_matrix/media/v3/upload?filename={}", segment(&file.name));
                        let body = Body::Bytes(file.media.clone(), file.bytes.clone());
                        return Ok(Request::new(UPLOAD, "POST", target, body).bearer(&access.token));
                    }
                    Some(uri) => {
                        let mut event = text(parts);
                        event["msgtype"] = "m.image".into();
                        event["url"] = uri.into();
                        event["filename"] = file.name.clone().into();
                        event["info"] = json!({ "mimetype": file.media, "size": file.bytes.len() });
                        event
                    }
                },
            },
        };
        let (room, id) = (segment(&room), segment(&post.id));
        let target = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{id}");
        Ok(Request::new("post", "PUT", target, Body::Json(event)).bearer(&access.token).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        if request.name == FETCH {
            return picture::verdict(answer);
        }
        let json = answer.json();
        match (answer.status, json["errcode"].as_str().unwrap_or_default()) {
            (200, _) if request.publishes => match text_at(&json, "/event_id") {
                Some(id) => Verdict::sent(id.clone(), page(request, &id)),
                None => Verdict::Unknown,
            },
            (200, _) if request.name == UPLOAD && text_at(&json, "/content_uri").is_none() => {
                Verdict::Retryable
            }
            (200, _) if request.name == ROOM && text_at(&json, "/room_id").is_none() => Verdict::Retryable,
            (_, "M_LIMIT_EXCEEDED") => {
                let wait = json["retry_after_ms"].as_u64().map(Duration::from_millis);
                let wait = wait.map(|wait| wait.min(egress::MAX_WAIT));
                Verdict::RateLimited(wait.or_else(|| answer.retry_after()))
            }
            (
                _,
                "M_UNKNOWN_TOKEN"
                | "M_MISSING_TOKEN"
                | "M_USER_DEACTIVATED"
                | "M_USER_LOCKED"
                | "M_USER_SUSPENDED"
                | "M_CONSENT_NOT_GIVEN",
            ) => Verdict::AuthExpired,
            (_, "M_TOO_LARGE") => Verdict::Rejected(RejectReason::TooBig),
            (404, "M_NOT_FOUND") => Verdict::Gone,
            // Not in the room, or no permission to write there; otherwise the text is refused, for
            // example as spam.
            (403, "M_FORBIDDEN") => match json["error"].as_str().unwrap_or_default() {
                reply
                    if ["room", "permission", "power level", "join", "invite"]
                        .iter()
                        .any(|word| reply.contains(word)) =>
                {
                    Verdict::Gone
                }
                _ => Verdict::Rejected(RejectReason::Policy),
            },
            // The server recognises the post by its transaction identifier.
            (500..=599, _) if answer.status == 503 || answer.retry_after().is_none() => Verdict::Retryable,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(Request::get("account", "/_matrix/client/v3/account/whoami").bearer(&access.token))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            ROOM => json!({ "room_id": "!harbour:example.org" }),
            UPLOAD => json!({ "content_uri": "mxc://example.org/AQwafuaFswefuhsfAFAgsw" }),
            _ => Value::Null,
        }
    }
}

/// Builds the text, plain and as HTML, ending with the picture's alternative text.
fn text(parts: &Parts) -> Value {
    let alt = parts.picture.as_ref().map(|picture| picture.alt.as_str()).filter(|alt| !alt.is_empty());
    let shown = alt.map(|alt| {
        let mut shown = String::from("<em>");
        message::escape::html(alt, &mut shown);
        shown + "</em>"
    });
    let html =
        crate::markdown::paragraphs([Some(parts.text.as_str()), shown.as_deref()]).replace('\n', "<br>");
    let plain = crate::markdown::paragraphs([Some(parts.plain.as_str()), alt]);
    // Without the field, servers search the text for names:
    // <https://spec.matrix.org/v1.12/client-server-api/#user-and-room-mentions>.
    let mentions = if parts.mention.is_empty() { json!({}) } else { json!({ "room": true }) };
    let (plain, html) = match mention::as_text(parts) {
        Some(call) => (format!("{call}\n{plain}"), format!("{call}<br>{html}")),
        None => (plain, html),
    };
    json!({
        "msgtype": "m.text", "body": plain, "format": "org.matrix.custom.html", "formatted_body": html,
        "m.mentions": mentions,
    })
}

/// Returns a link to the event, which opens in any client.
fn page(request: &Request, event: &str) -> Option<String> {
    let room = request.target.strip_prefix("/_matrix/client/v3/rooms/")?.split('/').next()?;
    Some(format!("https://matrix.to/#/{room}/{}", segment(event)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, json as body, next, post, post_of, post_with_file, prior, verdict};

    #[test]
    fn a_text_is_plain_and_html() {
        let request = next("matrix", &post_of("a\nb"), &prior(&[]));
        assert_eq!((request.method, request.publishes), ("PUT", true));
        assert_eq!(request.target, "/_matrix/client/v3/rooms/room-1/send/m.room.message/5f2b0c1d");
        assert_eq!(request.credentials, [("authorization", "Bearer token-1".to_owned())]);
        let expected = json!({ "msgtype": "m.text", "body": "a\nb", "format": "org.matrix.custom.html", "formatted_body": "a<br>b", "m.mentions": {} });
        assert_eq!(body(&request), expected);
        let own =
            Post { content: Content::Json("{\"msgtype\":\"m.notice\",\"body\":\"x\"}".into()), ..post() };
        assert_eq!(body(&next("matrix", &own, &prior(&[])))["msgtype"], "m.notice");
    }

    #[test]
    fn a_picture_is_uploaded_and_has_a_caption() {
        let request = next("matrix", &post_with_file(), &prior(&[]));
        assert_eq!(
            (request.name, request.target.as_str()),
            (UPLOAD, "/_matrix/media/v3/upload?filename=spring.png")
        );
        assert_eq!(request.body, Body::Bytes("image/png".into(), vec![1, 2, 3, 4]));
        let request =
            next("matrix", &post_with_file(), &prior(&[(UPLOAD, "{\"content_uri\":\"mxc://a/b\"}")]));
        insta::assert_json_snapshot!(body(&request), @r#"
        {
          "body": "Spring Tide\n\nCNY 98 for 250 g & a cup\n\nChoose: https://news.example/c/1.tok\n\nA white cup",
          "filename": "spring.png",
          "format": "org.matrix.custom.html",
          "formatted_body": "CNY 98 for 250 g & a cup<br><br><em>A white cup</em>",
          "info": {
            "mimetype": "image/png",
            "size": 4
          },
          "m.mentions": {},
          "msgtype": "m.image",
          "url": "mxc://a/b"
        }
        "#);
        assert_eq!(next("matrix", &post(), &prior(&[])).name, FETCH);
    }

    #[test]
    fn a_name_of_a_room_is_looked_up() {
        let named = Access { room: "#harbour:a.example".into(), ..access("matrix") };
        let request = Matrix.next(&named, &post_of("x"), &prior(&[])).unwrap();
        assert_eq!(request.target, "/_matrix/client/v3/directory/room/%23harbour%3Aa.example");
        assert!(request.cache_for.is_some());
        let request =
            Matrix.next(&named, &post_of("x"), &prior(&[(ROOM, "{\"room_id\":\"!r:a.example\"}")])).unwrap();
        assert!(
            request.target.starts_with("/_matrix/client/v3/rooms/%21r%3Aa.example/send/"),
            "{}",
            request.target
        );
    }

    #[test]
    fn the_event_is_measured() {
        assert!(crate::sample::budgets("matrix", &post())[0].fits());
        assert!(!crate::sample::budgets("matrix", &post_of(&"x".repeat(MAX_EVENT_BYTES)))[0].fits());
    }

    #[test]
    fn the_event_has_a_public_url() {
        let request = next("matrix", &post_of("x"), &prior(&[]));
        let answer = crate::sample::answer(200, &[], "{\"event_id\":\"$e:1\"}");
        let url = "https://matrix.to/#/room-1/%24e%3A1".to_owned();
        assert_eq!(Matrix.verdict(&request, &answer), Verdict::sent("$e:1".to_owned(), url));
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: &str| format!("{{\"errcode\":\"{code}\",\"error\":\"m\"}}");
        let limited = |millis: u64| Verdict::RateLimited(Some(Duration::from_millis(millis)));
        for (name, status, headers, reply, expected) in [
            ("post", 200, &[][..], "{\"event_id\":\"$1\"}".to_owned(), Verdict::sent("$1".to_owned(), None)),
            ("post", 200, &[], "{\"event".to_owned(), Verdict::Unknown),
            ("post", 200, &[], String::new(), Verdict::Unknown),
            ("post", 401, &[], error("M_UNKNOWN_TOKEN"), Verdict::AuthExpired),
            (
                "post",
                403,
                &[],
                "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"User @a:b not in room !r\"}".to_owned(),
                Verdict::Gone,
            ),
            (
                "post",
                403,
                &[],
                "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"You don't have permission to post that\"}"
                    .to_owned(),
                Verdict::Gone,
            ),
            (
                "post",
                403,
                &[],
                "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"probable spam\"}".to_owned(),
                Verdict::Rejected(RejectReason::Policy),
            ),
            ("post", 403, &[], error("M_CONSENT_NOT_GIVEN"), Verdict::AuthExpired),
            (ROOM, 404, &[], error("M_NOT_FOUND"), Verdict::Gone),
            (ROOM, 200, &[], "<html>".to_owned(), Verdict::Retryable),
            ("post", 400, &[], error("M_BAD_JSON"), Verdict::rejected()),
            ("post", 413, &[], error("M_TOO_LARGE"), Verdict::Rejected(RejectReason::TooBig)),
            (UPLOAD, 413, &[], error("M_TOO_LARGE"), Verdict::Rejected(RejectReason::TooBig)),
            (UPLOAD, 200, &[], "{\"content_uri\":\"mxc://a/b\"}".to_owned(), Verdict::Ready),
            (
                "post",
                429,
                &[],
                "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":1500}".to_owned(),
                limited(1_500),
            ),
            ("post", 429, &[("retry-after", "3")], error("M_LIMIT_EXCEEDED"), limited(3_000)),
            ("post", 500, &[], error("M_UNKNOWN"), Verdict::Retryable),
            ("post", 502, &[], String::new(), Verdict::Retryable),
            ("account", 200, &[], "{\"user_id\":\"@a:b\"}".to_owned(), Verdict::Ready),
        ] {
            assert_eq!(
                verdict("matrix", name, name == "post", status, headers, &reply),
                expected,
                "{name} {status} {reply}"
            );
        }
    }
}
