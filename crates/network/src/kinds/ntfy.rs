//! ntfy: <https://docs.ntfy.sh/publish/#publish-as-json>, limits:
//! <https://docs.ntfy.sh/publish/#limitations>, codes: `server/errors.go` of its source. A picture
//! is an attachment by URL, without alternative text.

use egress::{Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure};
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::idempotency;
use crate::json_template::{parse_object, set_default};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Ntfy;

/// The largest difference between the clocks of two machines, in seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 120;

impl Protocol for Ntfy {
    /// The server turns a longer text into an attached file.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        post.parts().map(|parts| Measure::Bytes.budget("text", &parts.text, 4_096)).into_iter().collect()
    }

    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let mut body = match &post.content {
            Content::Json(body) => parse_object(body)?,
            Content::Parts(parts) => message(parts),
        };
        set_default(&mut body, "topic", access.room.clone());
        Ok(with_token(Request::json("post", "/", body.into()), access).publishes())
    }

    /// Interprets `code`, which is the status followed by two digits.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        if request.name == LOOK_UP {
            return idempotency::look_up_verdict(answer);
        }
        match (answer.status, json["code"].as_i64().unwrap_or_default()) {
            (200, _) if !request.publishes => Verdict::Ready,
            (200, _) if json["event"] == "message" => match text_at(&json, "/id") {
                Some(id) => Verdict::sent(id, None),
                None => Verdict::Unknown,
            },
            (429, _) | (_, 42_900..=42_999) => Verdict::RateLimited(answer.retry_after()),
            (_, 41_300..=41_399) => Verdict::Rejected(RejectReason::TooBig),
            // 404: not an ntfy server, or its API is switched off.
            (404, _) => Verdict::Gone,
            // The server's disk is full.
            (507, _) => Verdict::Retryable,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    /// Requests the topic's cached messages; a server keeps them for twelve hours.
    fn look_up(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let since = post.at.as_second().saturating_sub(MAX_CLOCK_SKEW_SECONDS);
        let target = format!("/{}/json?poll=1&since={since}", segment(&access.room));
        Some(with_token(Request::get(LOOK_UP, target), access))
    }

    /// Searches the answer, one message per line, for one with the same text and title. Without
    /// permission to read, the outcome stays unknown.
    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let sent = match &post.content {
            Content::Json(body) => parse_object(body).ok()?,
            Content::Parts(parts) => message(parts),
        };
        if !answer.is_success() || answer.truncated {
            return Some(Verdict::Unknown);
        }
        for line in String::from_utf8_lossy(&answer.body).lines().filter(|line| !line.trim().is_empty()) {
            let Ok(published) = serde_json::from_str::<Value>(line) else { return Some(Verdict::Unknown) };
            let same = |name: &str| sent.get(name).unwrap_or(&Value::Null) == &published[name];
            if published["event"] == "message" && same("message") && same("title") {
                return Some(Verdict::sent(text_at(&published, "/id"), None));
            }
        }
        None
    }

    /// Requests the account of the token, or the anonymous account.
    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(with_token(Request::get("account", "/v1/account"), access))
    }
}

fn with_token(request: Request, access: &Access) -> Request {
    if access.token.is_empty() { request } else { request.bearer(&access.token) }
}

fn message(parts: &Parts) -> Map<String, Value> {
    let mut message = Map::new();
    let mut put = |key: &str, value: Value| message.insert(key.to_owned(), value);
    // For a message without a text the server writes "triggered".
    put("message", if parts.text.is_empty() { &parts.plain } else { &parts.text }.clone().into());
    put("markdown", true.into());
    if let Some(title) = &parts.title {
        put("title", title.clone().into());
    }
    if let Some(action) = &parts.action {
        put("click", action.url.clone().into());
        put("actions", json!([{ "action": "view", "label": action.label, "url": action.url }]));
    }
    if let Some(url) = parts.picture.as_ref().and_then(|picture| picture.url()) {
        put("attach", url.into());
    }
    message
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sample::{access, json as body, next, post, post_of, prior, verdict};

    #[test]
    fn a_post_is_a_notification_with_a_button() {
        let request = next("ntfy", &post(), &prior(&[]));
        assert_eq!((request.method, request.target.as_str(), request.publishes), ("POST", "/", true));
        assert_eq!(request.credentials, [("authorization", "Bearer token-1".to_owned())]);
        insta::assert_json_snapshot!(body(&request), @r#"
        {
          "actions": [
            {
              "action": "view",
              "label": "Choose",
              "url": "https://news.example/c/1.tok"
            }
          ],
          "attach": "https://harbour.example/spring.png",
          "click": "https://news.example/c/1.tok",
          "markdown": true,
          "message": "CNY 98 for 250 g & a cup",
          "title": "Spring Tide",
          "topic": "room-1"
        }
        "#);
        let own = Post { content: Content::Json("{\"message\":\"x\",\"priority\":4}".into()), ..post() };
        assert_eq!(
            body(&next("ntfy", &own, &prior(&[]))),
            json!({ "message": "x", "priority": 4, "topic": "room-1" })
        );
        let open = Access { token: String::new(), ..access("ntfy") };
        assert!(Ntfy.next(&open, &post(), &prior(&[])).unwrap().credentials.is_empty());
    }

    #[test]
    fn a_post_is_found_again() {
        let access = access("ntfy");
        let request = Ntfy.look_up(&access, &post(), &prior(&[])).unwrap();
        assert_eq!(request.target, "/room-1/json?poll=1&since=1599999880");
        let line = |text: &str| {
            format!(
                "{{\"id\":\"a\",\"event\":\"message\",\"title\":\"Spring Tide\",\"message\":\"{text}\"}}\n"
            )
        };
        let sent_text = "CNY 98 for 250 g & a cup";
        for (status, body, expected) in [
            (200, line("other") + &line(sent_text), Some(Verdict::sent("a".to_owned(), None))),
            (200, line("other"), None),
            (200, String::new(), None),
            (200, line(sent_text).replace("Spring Tide", "other"), None),
            (200, "<html>".to_owned(), Some(Verdict::Unknown)),
            (403, "{\"code\":40301}".to_owned(), Some(Verdict::Unknown)),
        ] {
            let answer = crate::sample::answer(status, &[], &body);
            assert_eq!(Ntfy.find_post(&access, &post(), &answer), expected, "{body}");
        }
        assert_eq!(verdict("ntfy", LOOK_UP, false, 403, &[], ""), Verdict::Ready);
    }

    #[test]
    fn the_text_is_measured_in_bytes() {
        let budgets = crate::sample::budgets("ntfy", &post_of(&"茶".repeat(1_366)));
        assert_eq!((budgets[0].measured, budgets[0].over_at), (4_098, Some(4_095)));
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: u32| format!("{{\"code\":{code},\"http\":{},\"error\":\"m\"}}", code / 100);
        for (status, headers, reply, expected) in [
            (
                200,
                &[][..],
                "{\"id\":\"hwQ2YpKdmg\",\"event\":\"message\",\"topic\":\"t\"}".to_owned(),
                Verdict::sent("hwQ2YpKdmg".to_owned(), None),
            ),
            (200, &[], "{\"id\":\"hw".to_owned(), Verdict::Unknown),
            (200, &[], "<html>".to_owned(), Verdict::Unknown),
            (400, &[], error(40_009), Verdict::rejected()),
            (400, &[], error(40_024), Verdict::rejected()),
            (401, &[], error(40_101), Verdict::AuthExpired),
            (403, &[], error(40_301), Verdict::AuthExpired),
            (404, &[], error(40_401), Verdict::Gone),
            (413, &[], error(41_301), Verdict::Rejected(RejectReason::TooBig)),
            (429, &[], error(42_901), Verdict::RateLimited(None)),
            (429, &[("retry-after", "9")], error(42_908), Verdict::RateLimited(Some(Duration::from_secs(9)))),
            (500, &[], error(50_001), Verdict::Unknown),
            (503, &[], String::new(), Verdict::Retryable),
            (507, &[], error(50_701), Verdict::Retryable),
        ] {
            assert_eq!(verdict("ntfy", "post", true, status, headers, &reply), expected, "{status} {reply}");
        }
        assert_eq!(verdict("ntfy", "account", false, 200, &[], "{\"username\":\"*\"}"), Verdict::Ready);
    }
}
