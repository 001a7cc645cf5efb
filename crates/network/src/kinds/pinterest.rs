//! Pinterest: <https://developers.pinterest.com/docs/api/v5/pins-create/>, limits:
//! <https://developers.pinterest.com/docs/reference/rate-limits/>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure};
use message::{Content, Parts, PictureSource, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::idempotency::{self, PostFingerprint};
use crate::json_template;
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Pinterest;

impl Protocol for Pinterest {
    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let mut body = match &post.content {
            Content::Json(json) => json_template::parse_object(json)?,
            Content::Parts(parts) => json_template::parse_object(&pin(parts)?.to_string())?,
        };
        json_template::set_default(&mut body, "board_id", access.room.as_str());
        let request = Request::json(idempotency::request_name(post), "/v5/pins", Value::Object(body));
        Ok(request.bearer(&access.token).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        match (request.name, answer.status) {
            (LOOK_UP, _) => idempotency::look_up_verdict(answer),
            (_, 201) if request.publishes => text_at(&answer.json(), "/id").map_or(Verdict::Unknown, sent),
            // The board does not exist.
            (_, 404) => Verdict::Gone,
            (_, 400) if answer.text().contains("is too long") => Verdict::Rejected(RejectReason::TooBig),
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limits of `PinCreate` in the API's description: title 100, description 800, link 2,048,
    /// alternative text 500.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let measured = |what: &'static str, text: Option<&str>, max: usize| {
            text.map(|text| Measure::Characters.budget(what, text, max))
        };
        let alt = parts.picture.as_ref().map(|picture| picture.alt.as_str());
        [
            measured("title", parts.title.as_deref(), 100),
            measured("text", Some(&parts.text), 800),
            measured("link", link(parts), 2_048),
            measured("image_alt", alt, 500),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn look_up(&self, access: &Access, _post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let target = format!("/v5/boards/{}/pins?page_size=250", segment(&access.room));
        Some(Request::get(LOOK_UP, target).bearer(&access.token))
    }

    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let text = match &post.content {
            Content::Json(json) => crate::form::field(json, "description").unwrap_or_default(),
            Content::Parts(parts) => parts.text.clone(),
        };
        let fingerprint = PostFingerprint::of(post, &text);
        idempotency::search_list(answer, "/items", |pin| {
            // The time is UTC, without saying so.
            let at = text_at(pin, "/created_at").map(|at| format!("{}Z", at.trim_end_matches('Z')));
            let at = at.and_then(|at| at.parse().ok());
            let description = text_at(pin, "/description");
            let link = text_at(pin, "/link").unwrap_or_default();
            fingerprint
                .matches(at, &description.unwrap_or_default(), &[&link])
                .then(|| text_at(pin, "/id").map(sent))?
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let target = format!("/v5/boards/{}", segment(&access.room));
        Some(Request::get("examine", target).bearer(&access.token))
    }

    fn example_answer(&self, _name: &str) -> Value {
        Value::Null
    }
}

fn pin(parts: &Parts) -> Result<Value, ComposeError> {
    let Some(picture) = &parts.picture else {
        return Err(ComposeError::from(
            "Pinterest takes no pin without a picture: give the message an image",
        ));
    };
    let source = match &picture.source {
        PictureSource::Url(url) => json!({ "source_type": "image_url", "url": url }),
        PictureSource::File(file) if matches!(&*file.media, "image/png" | "image/jpeg") => json!({
            "source_type": "image_base64", "content_type": file.media, "data": STANDARD.encode(&file.bytes)
        }),
        PictureSource::File(file) => {
            return Err(ComposeError::from(format!(
                "Pinterest takes PNG and JPEG, and {} is {}",
                file.name, file.media
            )));
        }
    };
    let mut pin = json!({ "media_source": source });
    let alt = Some(picture.alt.as_str());
    let text = Some(parts.text.as_str());
    let fields =
        [("title", parts.title.as_deref()), ("description", text), ("link", link(parts)), ("alt_text", alt)];
    for (name, text) in fields {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            pin[name] = text.into();
        }
    }
    Ok(pin)
}

fn link(parts: &Parts) -> Option<&str> {
    parts.action.as_ref().map(|action| action.url.as_str()).or(parts.link.as_deref())
}

fn sent(id: String) -> Verdict {
    let url = format!("https://www.pinterest.com/pin/{id}/");
    Verdict::sent(id, url)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sample::{access, answer, json, next, post, post_of, post_with_file, prior, verdict};

    #[test]
    fn a_post_is_a_pin() {
        let request = next("pinterest", &post(), &prior(&[]));
        assert_eq!((&*request.target, request.publishes), ("/v5/pins", true));
        assert_eq!(request.credentials, [("authorization", "Bearer token-1".to_owned())]);
        insta::assert_json_snapshot!(json(&request));
        let file = json(&next("pinterest", &post_with_file(), &prior(&[])));
        assert_eq!(
            file["media_source"],
            json!({ "source_type": "image_base64", "content_type": "image/png", "data": "AQIDBA==" })
        );
        assert!(
            Pinterest
                .next(&access("pinterest"), &post_of("a"), &prior(&[]))
                .unwrap_err()
                .to_string()
                .contains("picture")
        );
        let own = Post { content: Content::Json(r#"{"board_section_id":"5"}"#.into()), ..post() };
        let own = json(&next("pinterest", &own, &prior(&[])));
        assert_eq!(own, json!({ "board_section_id": "5", "board_id": "room-1" }));
    }

    #[test]
    fn every_answer_means_something() {
        for (status, headers, body, expected) in [
            (201, &[][..], r#"{"id":"813744226420795884"}"#, sent("813744226420795884".into())),
            (201, &[], "{\"id", Verdict::Unknown),
            (200, &[], "<html>", Verdict::Unknown),
            (400, &[], r#"{"code":1,"message":"Invalid request"}"#, Verdict::rejected()),
            (400, &[], r#"{"code":1,"message":"'…' is too long"}"#, Verdict::Rejected(RejectReason::TooBig)),
            (401, &[], r#"{"code":2,"message":"Authentication failed."}"#, Verdict::AuthExpired),
            (403, &[], r#"{"code":7,"message":"not authorized"}"#, Verdict::AuthExpired),
            (404, &[], r#"{"code":40,"message":"Board not found."}"#, Verdict::Gone),
            (429, &[("x-ratelimit-reset", "7")], "", Verdict::RateLimited(Some(Duration::from_secs(7)))),
            (429, &[], r#"{"code":8}"#, Verdict::RateLimited(None)),
            (500, &[], "", Verdict::Unknown),
            (502, &[], "", Verdict::Unknown),
            (503, &[], "", Verdict::Retryable),
        ] {
            assert_eq!(
                verdict("pinterest", "post", true, status, headers, body),
                expected,
                "{status} {body}"
            );
        }
        assert_eq!(verdict("pinterest", "examine", false, 200, &[], "{}"), Verdict::Ready);
        assert_eq!(verdict("pinterest", "examine", false, 404, &[], "{}"), Verdict::Gone);
    }

    #[test]
    fn a_pin_is_looked_up_on_its_board() {
        let request = Pinterest.look_up(&access("pinterest"), &post(), &prior(&[])).unwrap();
        assert_eq!(request.target, "/v5/boards/room-1/pins?page_size=250");
        let found = |link: &str, at: &str| {
            let body =
                json!({ "items": [{ "id": "8", "link": link, "created_at": at, "description": "d" }] });
            Pinterest.find_post(&access("pinterest"), &post(), &answer(200, &[], &body.to_string()))
        };
        assert_eq!(found("https://news.example/c/1.tok", "2020-09-13T12:26:41"), Some(sent("8".into())));
        assert_eq!(found("https://news.example/c/1.tok", "2020-09-13T11:26:41Z"), None);
        assert_eq!(found("https://news.example/c/2.tok", "2020-09-13T12:26:41"), None);
    }

    #[test]
    fn all_fields_are_measured() {
        let whats: Vec<_> = Pinterest
            .budgets(&post(), &crate::sample::prior(&[]))
            .iter()
            .map(|b| (b.what, b.allowed))
            .collect();
        assert_eq!(whats, [("title", 100), ("text", 800), ("link", 2_048), ("image_alt", 500)]);
        assert!(!Pinterest.budgets(&post_of(&"a".repeat(801)), &crate::sample::prior(&[]))[0].fits());
    }
}
