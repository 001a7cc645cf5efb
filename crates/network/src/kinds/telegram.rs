//! Telegram, by bot: <https://core.telegram.org/bots/api#sendmessage>, `sendPhoto`,
//! `ResponseParameters`. A photo has no field for alternative text.

use std::time::Duration;

use egress::{Body, Part, Request, Response};
use jiff::Timestamp;
use measure::{LengthBudget, Measure, Unit, limit};
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::html;
use crate::json_template::{parse_object, set_default};
use crate::protocol::{ComposeError, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Telegram;

const POST: &str = "post";
/// The request repeated with the new identifier after a group became a supergroup.
const MOVED: &str = "moved";

impl Protocol for Telegram {
    /// The visible text is counted, without the tags.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let mut budgets = vec![limit::telegram(&html::text(&text(parts)), parts.picture.is_some())];
        if let Some(action) = &parts.action {
            budgets.push(Measure::Bytes.budget("address of the button", &action.url, 2_048));
        }
        if let Some(file) = parts.picture.as_ref().and_then(|picture| picture.file()) {
            budgets.push(LengthBudget::of_things("picture", Unit::Bytes, file.bytes.len(), 10 << 20));
        }
        budgets
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let new_chat_id = prior.text(POST, "/parameters/migrate_to_chat_id");
        let name = if new_chat_id.is_some() { MOVED } else { POST };
        let to = new_chat_id.or_else(|| post.to.clone()).unwrap_or_else(|| access.room.clone());
        if to.is_empty() {
            return Err(ComposeError::from(
                "the channel has no room and the contact no chat: name one of them",
            ));
        }
        let mut fields = match &post.content {
            Content::Json(body) => parse_object(body)?,
            Content::Parts(parts) => fields(parts),
        };
        if name == MOVED {
            fields.insert("chat_id".to_owned(), to.into());
        } else {
            set_default(&mut fields, "chat_id", to);
        }
        let file = post.parts().and_then(|parts| parts.picture.as_ref()?.file());
        let method = if file.is_some() || fields.contains_key("photo") { "sendPhoto" } else { "sendMessage" };
        let body = match file {
            Some(file) => multipart(&fields, crate::picture::part("photo", file)),
            None => Body::Json(fields.into()),
        };
        Ok(Request::new(name, "POST", path(access, method), body).publishes())
    }

    /// Interprets `ok`, whatever the status.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        if json["ok"] == true {
            return match (request.publishes, text_at(&json, "/result/message_id")) {
                (false, _) => Verdict::Ready,
                (true, Some(id)) => Verdict::sent(id, page(&json["result"])),
                (true, None) => Verdict::Unknown,
            };
        }
        let code = json["error_code"].as_i64().unwrap_or_else(|| i64::from(answer.status));
        let reply = json["description"].as_str().unwrap_or_default().to_lowercase();
        let contains = |words: &[&str]| words.iter().any(|word| reply.contains(word));
        let moved = text_at(&json, "/parameters/migrate_to_chat_id").is_some();
        match code {
            400 if moved && request.name == POST => Verdict::Ready,
            429 => {
                let wait = json.pointer("/parameters/retry_after").and_then(Value::as_u64);
                let wait = wait.map(|seconds| Duration::from_secs(seconds).min(egress::MAX_WAIT));
                Verdict::RateLimited(wait.or_else(|| answer.retry_after()))
            }
            // An invalid token gives a path that does not exist.
            401 | 404 => Verdict::AuthExpired,
            403 if is_person(request) => Verdict::Rejected(RejectReason::BadAddress),
            403 => Verdict::Gone,
            400 if contains(&["too long", "media_caption_too_long", "message_too_long"]) => {
                Verdict::Rejected(RejectReason::TooBig)
            }
            400 if contains(&[
                "chat not found",
                "peer_id_invalid",
                "user_deactivated",
                "upgraded to a supergroup",
            ]) =>
            {
                if is_person(request) {
                    Verdict::Rejected(RejectReason::BadAddress)
                } else {
                    Verdict::Gone
                }
            }
            400 if contains(&[
                "not enough rights",
                "have no rights",
                "write_forbidden",
                "administrator rights",
            ]) =>
            {
                Verdict::Gone
            }
            400 => Verdict::rejected(),
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(Request::get("bot", path(access, "getMe")))
    }
}

fn path(access: &Access, method: &str) -> String {
    format!("/bot{}/{method}", access.token)
}

/// Returns the title in bold, and the text.
fn text(parts: &Parts) -> String {
    let title = parts.title.as_ref().map(|title| {
        let mut bold = String::from("<b>");
        message::escape::html(title, &mut bold);
        bold + "</b>"
    });
    crate::markdown::paragraphs([title.as_deref(), Some(&parts.text)])
}

fn fields(parts: &Parts) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    put("parse_mode", "HTML".into());
    put(if parts.picture.is_some() { "caption" } else { "text" }, text(parts).into());
    if let Some(url) = parts.picture.as_ref().and_then(|picture| picture.url()) {
        put("photo", url.into());
    }
    if let Some(action) = &parts.action {
        put("reply_markup", json!({ "inline_keyboard": [[{ "text": action.label, "url": action.url }]] }));
    }
    fields
}

/// Builds a multipart form; objects in it are JSON.
fn multipart(fields: &Map<String, Value>, photo: Part) -> Body {
    let text = |name: &'static str| {
        Some(match fields.get(name)? {
            Value::String(text) => Part::text(name, text.clone()),
            other => Part::text(name, other.to_string()),
        })
    };
    let names = ["chat_id", "caption", "parse_mode", "reply_markup"];
    Body::Multipart(names.into_iter().filter_map(text).chain([photo]).collect())
}

/// Returns true if the chat is a person's: groups and channels have negative numbers, or names.
fn is_person(request: &Request) -> bool {
    let chat = match &request.body {
        Body::Json(body) => text_at(body, "/chat_id"),
        Body::Multipart(parts) => parts
            .iter()
            .find(|part| part.name == "chat_id")
            .map(|part| String::from_utf8_lossy(&part.bytes).into_owned()),
        _ => None,
    };
    chat.is_some_and(|chat| chat.parse::<u64>().is_ok())
}

/// Returns the page of a message in a public channel or group, or the link that works for members.
fn page(message: &Value) -> Option<String> {
    let id = text_at(message, "/message_id")?;
    if let Some(name) = text_at(message, "/chat/username").filter(|_| message["chat"]["type"] != "private") {
        return Some(format!("https://t.me/{name}/{id}"));
    }
    let chat = text_at(message, "/chat/id")?;
    Some(format!("https://t.me/c/{}/{id}", chat.strip_prefix("-100")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, json as body, next, post, post_of, post_with_file, prior, verdict};

    #[test]
    fn a_post_is_a_photo_with_a_button() {
        let request = next("telegram", &post(), &prior(&[]));
        assert_eq!((request.target.as_str(), request.publishes), ("/bottoken-1/sendPhoto", true));
        insta::assert_json_snapshot!(body(&request), @r#"
        {
          "caption": "<b>Spring Tide</b>\n\nCNY 98 for 250 g & a cup",
          "chat_id": "room-1",
          "parse_mode": "HTML",
          "photo": "https://harbour.example/spring.png",
          "reply_markup": {
            "inline_keyboard": [
              [
                {
                  "text": "Choose",
                  "url": "https://news.example/c/1.tok"
                }
              ]
            ]
          }
        }
        "#);
    }

    #[test]
    fn a_file_goes_as_a_form() {
        let request = next("telegram", &post_with_file(), &prior(&[]));
        let Body::Multipart(parts) = &request.body else { panic!("{request:?}") };
        let names: Vec<_> = parts.iter().map(|part| part.name).collect();
        assert_eq!(names, ["chat_id", "caption", "parse_mode", "reply_markup", "photo"]);
        assert_eq!(request.target, "/bottoken-1/sendPhoto");
        let keyboard: Value = serde_json::from_slice(&parts[3].bytes).unwrap();
        assert_eq!(keyboard["inline_keyboard"][0][0]["text"], "Choose");
        assert_eq!(parts[4].bytes, [1, 2, 3, 4]);
        assert!(!is_person(&request));
    }

    #[test]
    fn a_contact_is_sent_to_in_their_chat() {
        let post = Post { to: Some("4711".into()), ..post_of("hello") };
        let request = next("telegram", &post, &prior(&[]));
        assert_eq!(body(&request), json!({ "chat_id": "4711", "parse_mode": "HTML", "text": "hello" }));
        assert_eq!(request.target, "/bottoken-1/sendMessage");
        assert!(is_person(&request));
        let own = Content::Json("{\"text\":\"x\",\"chat_id\":\"@mine\"}".into());
        let request = next("telegram", &Post { content: own, ..post }, &prior(&[]));
        assert_eq!(body(&request), json!({ "chat_id": "@mine", "text": "x" }));
        let nowhere = Access { room: String::new(), ..access("telegram") };
        assert!(Telegram.next(&nowhere, &post_of("x"), &prior(&[])).is_err());
    }

    #[test]
    fn a_group_that_moved_is_followed_once() {
        let moved = "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: group chat was upgraded to a supergroup chat\",\"parameters\":{\"migrate_to_chat_id\":-1001234}}";
        assert_eq!(verdict("telegram", POST, true, 400, &[], moved), Verdict::Ready);
        let request = next("telegram", &post_of("x"), &prior(&[(POST, moved)]));
        assert_eq!((request.name, body(&request)["chat_id"].as_str()), (MOVED, Some("-1001234")));
        assert_eq!(verdict("telegram", MOVED, true, 400, &[], moved), Verdict::Gone);
    }

    #[test]
    fn the_visible_text_is_measured() {
        let budgets =
            crate::sample::budgets("telegram", &post_of(&format!("<b>{}</b>&amp;", "x".repeat(4_095))));
        assert_eq!((budgets[0].measured, budgets[0].allowed), (4_096, 4_096));
        let budgets = crate::sample::budgets("telegram", &post_with_file());
        assert_eq!((budgets[0].what, budgets[0].allowed, budgets.len()), ("caption", 1_024, 3));
    }

    #[test]
    fn people_without_a_chat_are_bad_addresses() {
        let blocked = answer(
            403,
            &[],
            "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked by the user\"}",
        );
        let no_chat = answer(
            400,
            &[],
            "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: chat not found\"}",
        );
        let person = next("telegram", &Post { to: Some("4711".into()), ..post_of("x") }, &prior(&[]));
        let group = next("telegram", &Post { to: Some("-4711".into()), ..post_of("x") }, &prior(&[]));
        for answer in [blocked, no_chat] {
            assert_eq!(Telegram.verdict(&person, &answer), Verdict::Rejected(RejectReason::BadAddress));
            assert_eq!(Telegram.verdict(&group, &answer), Verdict::Gone);
        }
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: u16, text: &str| {
            format!("{{\"ok\":false,\"error_code\":{code},\"description\":\"{text}\"}}")
        };
        let sent = |url: &str| Verdict::sent("7".to_owned(), (!url.is_empty()).then(|| url.to_owned()));
        for (status, reply, expected) in [
            (200, "{\"ok\":true,\"result\":{\"message_id\":7,\"chat\":{\"id\":-1001,\"username\":\"harbour\",\"type\":\"channel\"}}}".to_owned(), sent("https://t.me/harbour/7")),
            (200, "{\"ok\":true,\"result\":{\"message_id\":7,\"chat\":{\"id\":-10055,\"type\":\"supergroup\"}}}".to_owned(), sent("https://t.me/c/55/7")),
            (200, "{\"ok\":true,\"result\":{\"message_id\":7,\"chat\":{\"id\":5,\"username\":\"p\",\"type\":\"private\"}}}".to_owned(), sent("")),
            (200, error(400, "Bad Request: message is too long"), Verdict::Rejected(RejectReason::TooBig)),
            (200, "{\"ok\":tr".to_owned(), Verdict::Unknown),
            (200, String::new(), Verdict::Unknown),
            (400, error(400, "Bad Request: message caption is too long"), Verdict::Rejected(RejectReason::TooBig)),
            (400, error(400, "Bad Request: can't parse entities"), Verdict::rejected()),
            (400, error(400, "Bad Request: not enough rights to send text messages to the chat"), Verdict::Gone),
            (401, error(401, "Unauthorized"), Verdict::AuthExpired),
            (404, error(404, "Not Found"), Verdict::AuthExpired),
            (403, error(403, "Forbidden: bot was kicked from the group chat"), Verdict::Gone),
            (429, "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":35}}".to_owned(), Verdict::RateLimited(Some(Duration::from_secs(35)))),
            (429, String::new(), Verdict::RateLimited(None)),
            (500, error(500, "Internal Server Error"), Verdict::Unknown),
            (502, "<html>".to_owned(), Verdict::Unknown),
            (503, String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("telegram", POST, true, status, &[], &reply), expected, "{status} {reply}");
        }
        assert_eq!(
            verdict("telegram", "bot", false, 200, &[], "{\"ok\":true,\"result\":{\"id\":1}}"),
            Verdict::Ready
        );
    }
}
