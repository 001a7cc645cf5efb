//! Threads: <https://developers.facebook.com/docs/threads/posts>, states of a container:
//! <https://developers.facebook.com/docs/threads/troubleshooting>, limits:
//! <https://developers.facebook.com/docs/threads/overview>, errors in `graph`.

use std::time::Duration;

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure, Unit};
use message::{Content, Parts, Post};
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::access::Access;
use crate::idempotency::{self, PostFingerprint};
use crate::kinds::facebook;
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;
use crate::{form, graph};

#[derive(Debug)]
pub(crate) struct Threads;

const CONTAINER: &str = "container";
const STATUS: &str = "status";
/// The pause between two status requests for a container; most are finished at the first.
const STATUS_POLL_INTERVAL: Duration = Duration::from_secs(3);
const MAX_TEXT: usize = 500;

impl Protocol for Threads {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let token = ("access_token", access.token.clone());
        let Some(container) = prior.text(CONTAINER, "/id") else {
            let body = match &post.content {
                Content::Json(json) => form::of(json, vec![token])?,
                Content::Parts(parts) => Body::Form([fields(parts), vec![token]].concat()),
            };
            return Ok(Request::new(CONTAINER, "POST", target(access, "/threads"), body));
        };
        if prior.get(STATUS).is_none() {
            let token = segment(&access.token);
            let target =
                format!("/v1.0/{}?fields=status,error_message&access_token={token}", segment(&container));
            return Ok(Request::get(STATUS, target));
        }
        let fields = vec![("creation_id", container), token];
        Ok(Request::form(idempotency::request_name(post), target(access, "/threads_publish"), fields)
            .publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        match (request.name, answer.status) {
            (LOOK_UP, 403) => idempotency::look_up_verdict(answer),
            (STATUS, 200) => status(&json),
            (CONTAINER, 200) => text_at(&json, "/id").map_or(Verdict::rejected(), |_| Verdict::Ready),
            (_, 200) if request.publishes => {
                text_at(&json, "/id").map_or(Verdict::Unknown, |id| Verdict::sent(id, None))
            }
            (_, 200) => Verdict::Ready,
            _ => graph::refusal(request, answer),
        }
    }

    /// The limit is 500 characters, with each emoji counted by its bytes.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let alt =
            parts.picture.iter().map(|picture| Measure::Characters.budget("image_alt", &picture.alt, 1_000));
        [text(&parts.text)].into_iter().chain(alt).collect()
    }

    fn look_up(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let since = PostFingerprint::of(post, "").since().as_second();
        let token = segment(&access.token);
        let fields = "id,text,timestamp,permalink,link_attachment_url";
        let query = format!("?fields={fields}&since={since}&limit=100&access_token={token}");
        Some(Request::get(LOOK_UP, target(access, "/threads") + &query))
    }

    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let text = match &post.content {
            Content::Json(json) => form::field(json, "text").unwrap_or_default(),
            Content::Parts(parts) => parts.text.clone(),
        };
        let fingerprint = PostFingerprint::of(post, &text);
        idempotency::search_list(answer, "/data", |post| {
            let at = text_at(post, "/timestamp").and_then(|at| facebook::parse_time(&at));
            let published_text = text_at(post, "/text").unwrap_or_default();
            let link = text_at(post, "/link_attachment_url").unwrap_or_default();
            let sent = || Verdict::sent(text_at(post, "/id"), text_at(post, "/permalink"));
            fingerprint.matches(at, &published_text, &[&link]).then(sent)
        })
    }

    /// Requests the used part of the day's 250 posts, which needs the token and posts nothing.
    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let query = format!("?fields=quota_usage,config&access_token={}", segment(&access.token));
        Some(Request::get("examine", target(access, "/threads_publishing_limit") + &query))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            STATUS => json!({ "id": "17889615691921648", "status": "FINISHED" }),
            _ => json!({ "id": "17889615691921648" }),
        }
    }
}

fn target(access: &Access, rest: &str) -> String {
    format!("/v1.0/{}{rest}", segment(&access.account))
}

/// Returns the form fields: a picture with its alternative text, or a text with the card of its
/// link.
fn fields(parts: &Parts) -> Vec<(&'static str, String)> {
    let text = ("text", parts.text.clone());
    match parts.picture.as_ref().and_then(|picture| Some((picture, picture.url()?))) {
        Some((picture, url)) => {
            let alt = Some(("alt_text", picture.alt.clone())).filter(|(_, alt)| !alt.is_empty());
            let fields = [("media_type", "IMAGE".to_owned()), ("image_url", url.to_owned()), text];
            fields.into_iter().chain(alt).collect()
        }
        None => {
            let link = parts.link.clone().map(|link| ("link_attachment", link));
            [("media_type", "TEXT".to_owned()), text].into_iter().chain(link).collect()
        }
    }
}

fn status(json: &Value) -> Verdict {
    match text_at(json, "/status").as_deref() {
        Some("FINISHED" | "PUBLISHED") => Verdict::Ready,
        Some("IN_PROGRESS") => Verdict::Wait(STATUS_POLL_INTERVAL),
        Some("ERROR") => Verdict::rejected(),
        _ => Verdict::Retryable,
    }
}

/// "For the post character limit, emojis are counted as the number of UTF-8 bytes."
fn text(text: &str) -> LengthBudget {
    let (mut measured, mut over_at) = (0, None);
    for (at, seen) in text.grapheme_indices(true) {
        let is_emoji = emojis::get(seen).is_some();
        measured += if is_emoji { seen.len() } else { seen.chars().count() };
        if measured > MAX_TEXT && over_at.is_none() {
            over_at = Some(at);
        }
    }
    LengthBudget { what: "text", unit: Unit::Characters, measured, allowed: MAX_TEXT, over_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, next, post, post_of, prior, verdict};

    fn form(request: &Request) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&request.body.encoded().1).into_owned().collect()
    }

    fn field(request: &Request, name: &str) -> Option<String> {
        form(request).into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    #[test]
    fn a_post_is_contained_waited_for_and_published() {
        let request = next("threads", &post(), &prior(&[]));
        assert_eq!((request.name, &*request.target), (CONTAINER, "/v1.0/account-1/threads"));
        insta::assert_json_snapshot!(form(&request));
        let answers = [(CONTAINER, r#"{"id":"17"}"#), (STATUS, r#"{"status":"FINISHED"}"#)];
        let request = next("threads", &post(), &prior(&answers[..1]));
        assert_eq!(request.target, "/v1.0/17?fields=status,error_message&access_token=token-1");
        let request = next("threads", &post(), &prior(&answers));
        assert_eq!((&*request.target, request.publishes), ("/v1.0/account-1/threads_publish", true));
        assert_eq!(field(&request, "creation_id").as_deref(), Some("17"));
    }

    #[test]
    fn a_text_has_a_card() {
        let mut post = post();
        let Content::Parts(parts) = &mut post.content else { panic!() };
        parts.picture = None;
        let request = next("threads", &post, &prior(&[]));
        assert_eq!(field(&request, "media_type").as_deref(), Some("TEXT"));
        assert_eq!(field(&request, "link_attachment").as_deref(), Some("https://news.example/c/1.tok"));
        let own = Post { content: Content::Json(r#"{"media_type":"TEXT","text":"a"}"#.into()), ..post };
        let request = next("threads", &own, &prior(&[]));
        assert_eq!(field(&request, "text").as_deref(), Some("a"));
        assert_eq!(field(&request, "access_token").as_deref(), Some("token-1"));
    }

    #[test]
    fn every_answer_means_something() {
        for (name, publishes, status, body, expected) in [
            ("post", true, 200, r#"{"id":"18"}"#, Verdict::sent("18".to_owned(), None)),
            ("post", true, 200, "{", Verdict::Unknown),
            ("post", true, 400, r#"{"error":{"code":24,"error_subcode":4279009}}"#, Verdict::Retryable),
            ("post", true, 400, r#"{"error":{"code":190}}"#, Verdict::AuthExpired),
            ("post", true, 400, r#"{"error":{"code":100}}"#, Verdict::rejected()),
            ("post", true, 403, r#"{"error":{"code":4}}"#, Verdict::RateLimited(None)),
            ("post", true, 500, r#"{"error":{"code":1}}"#, Verdict::Unknown),
            ("post", true, 503, "", Verdict::Retryable),
            (CONTAINER, false, 200, r#"{"id":"17"}"#, Verdict::Ready),
            (CONTAINER, false, 200, "{}", Verdict::rejected()),
            (CONTAINER, false, 500, "", Verdict::Retryable),
            (STATUS, false, 200, r#"{"status":"IN_PROGRESS"}"#, Verdict::Wait(STATUS_POLL_INTERVAL)),
            (STATUS, false, 200, r#"{"status":"FINISHED"}"#, Verdict::Ready),
            (STATUS, false, 200, r#"{"status":"ERROR","error_message":"UNKNOWN"}"#, Verdict::rejected()),
            (STATUS, false, 200, r#"{"status":"EXPIRED"}"#, Verdict::Retryable),
            (LOOK_UP, false, 200, r#"{"data":[]}"#, Verdict::Ready),
        ] {
            assert_eq!(verdict("threads", name, publishes, status, &[], body), expected, "{name} {body}");
        }
    }

    #[test]
    fn a_post_is_looked_up_by_its_link() {
        let request = Threads.look_up(&access("threads"), &post(), &prior(&[])).unwrap();
        assert!(request.target.contains("since=1599999880"), "{}", request.target);
        let found = |text: &str| {
            let body = json!({ "data": [{ "id": "18", "text": text, "timestamp": "2020-09-13T12:26:41+0000",
                "permalink": "https://www.threads.net/@a/post/1" }] });
            Threads.find_post(&access("threads"), &post(), &answer(200, &[], &body.to_string()))
        };
        let url = "https://www.threads.net/@a/post/1".to_owned();
        assert_eq!(
            found("See https://news.example/c/1.tok"),
            Some(Verdict::sent("18".to_owned(), url.clone()))
        );
        assert_eq!(found("CNY 98 for 250 g &amp; a cup"), Some(Verdict::sent("18".to_owned(), url)));
        assert_eq!(found("See https://news.example/c/2.tok"), None);
    }

    #[test]
    fn emoji_count_their_bytes() {
        let over = |text: &str| {
            Threads
                .budgets(&post_of(text), &crate::sample::prior(&[]))
                .into_iter()
                .find(|budget| !budget.fits())
        };
        assert_eq!(over(&"春".repeat(500)), None);
        assert_eq!(over(&"春".repeat(501)).unwrap().over_at, Some(1_500));
        assert_eq!(Threads.budgets(&post_of("a👨‍👩‍👧‍👦"), &crate::sample::prior(&[]))[0].measured, 26);
    }
}
