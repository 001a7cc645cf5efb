//! A Facebook page: <https://developers.facebook.com/docs/pages-api/posts>, pictures:
//! <https://developers.facebook.com/docs/graph-api/reference/page/photos>, errors in `graph`.

use egress::{Body, Part, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure};
use message::{Content, Parts, Picture, PictureSource, Post};
use serde_json::{Value, json};

use crate::access::Access;
use crate::idempotency::{self, PostFingerprint};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;
use crate::{graph, json_template};

#[derive(Debug)]
pub(crate) struct Facebook;

/// The version of the Graph API, of July 2026; each version is served for two years.
const VERSION: &str = "v26.0";
const PHOTO: &str = "photo";

impl Protocol for Facebook {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let mut body = match &post.content {
            Content::Json(json) => json_template::parse_object(json)?,
            Content::Parts(parts) => {
                if let (Some(picture), None) = (&parts.picture, prior.get(PHOTO)) {
                    return Ok(photo(access, picture));
                }
                json_template::parse_object(&feed(parts, prior).to_string())?
            }
        };
        body.insert("access_token".to_owned(), access.token.as_str().into());
        let target = target(access, "/feed");
        Ok(Request::json(idempotency::request_name(post), target, Value::Object(body)).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let id = || text_at(&answer.json(), "/id");
        match (request.name, answer.status) {
            (LOOK_UP, 200) => Verdict::Ready,
            (LOOK_UP, 403) => idempotency::look_up_verdict(answer),
            (PHOTO, 200) => id().map_or(Verdict::rejected(), |_| Verdict::Ready),
            (_, 200) if request.publishes => id().map_or(Verdict::Unknown, sent),
            (_, 200) => Verdict::Ready,
            _ => graph::refusal(request, answer),
        }
    }

    /// The limit is 63,206 characters.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let text = post.parts().map(|parts| Measure::Characters.budget("text", &parts.text, 63_206));
        text.into_iter().collect()
    }

    fn look_up(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let fields = segment("id,message,created_time,attachments{unshimmed_url,url}");
        let since = PostFingerprint::of(post, "").since().as_second();
        let token = segment(&access.token);
        let query = format!("?fields={fields}&since={since}&limit=100&access_token={token}");
        Some(Request::get(LOOK_UP, target(access, "/feed") + &query))
    }

    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let text = match &post.content {
            Content::Json(json) => crate::form::field(json, "message").unwrap_or_default(),
            Content::Parts(parts) => parts.text.clone(),
        };
        let fingerprint = PostFingerprint::of(post, &text);
        idempotency::search_list(answer, "/data", |post| {
            let at = text_at(post, "/created_time").and_then(|at| parse_time(&at));
            let attachments = post.pointer("/attachments/data").and_then(Value::as_array);
            let links =
                attachments.into_iter().flatten().filter_map(|one| one.get("unshimmed_url")?.as_str());
            let published_text = text_at(post, "/message").unwrap_or_default();
            fingerprint
                .matches(at, &published_text, &links.collect::<Vec<_>>())
                .then(|| text_at(post, "/id").map(sent))?
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let query = format!("?fields=id,name&access_token={}", segment(&access.token));
        Some(Request::get("examine", target(access, "") + &query))
    }

    fn example_answer(&self, _name: &str) -> Value {
        json!({ "id": "1001234567890" })
    }
}

/// Parses a time like `2026-11-22T01:02:03+0000`.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok()
}

fn target(access: &Access, rest: &str) -> String {
    format!("/{VERSION}/{}{rest}", segment(&access.account))
}

/// Uploads the picture, not published yet, with its alternative text.
fn photo(access: &Access, picture: &Picture) -> Request {
    let target = target(access, "/photos");
    let file = match &picture.source {
        PictureSource::Url(url) => {
            let mut body = json!({ "url": url, "published": false, "access_token": access.token });
            if !picture.alt.is_empty() {
                body["alt_text_custom"] = picture.alt.as_str().into();
            }
            return Request::json(PHOTO, target, body);
        }
        PictureSource::File(file) => file,
    };
    let mut parts = vec![Part::text("published", "false"), Part::text("access_token", &*access.token)];
    if !picture.alt.is_empty() {
        parts.push(Part::text("alt_text_custom", &*picture.alt));
    }
    parts.push(crate::picture::part("source", file));
    Request::new(PHOTO, "POST", target, Body::Multipart(parts))
}

/// Builds the post: the text with its picture, or with the card of its link; it cannot have both.
fn feed(parts: &Parts, prior: &PriorAnswers) -> Value {
    match (prior.text(PHOTO, "/id"), &parts.link) {
        (Some(id), _) => json!({ "message": parts.text, "attached_media": [{ "media_fbid": id }] }),
        (None, Some(link)) => json!({ "message": parts.text, "link": link }),
        (None, None) => json!({ "message": parts.text }),
    }
}

fn sent(id: String) -> Verdict {
    let url = format!("https://www.facebook.com/{id}");
    Verdict::sent(id, url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, json, next, post, post_of, post_with_file, prior, verdict};

    #[test]
    fn a_picture_goes_first_and_is_attached() {
        let first = next("facebook", &post(), &prior(&[]));
        assert_eq!((first.name, &*first.target, first.publishes), (PHOTO, "/v26.0/account-1/photos", false));
        assert_eq!(
            json(&first),
            json!({ "url": "https://harbour.example/spring.png", "published": false,
                "alt_text_custom": "A white cup", "access_token": "token-1" })
        );
        let file = next("facebook", &post_with_file(), &prior(&[]));
        let Body::Multipart(parts) = &file.body else { panic!() };
        let names: Vec<_> = parts.iter().map(|part| part.name).collect();
        assert_eq!(names, ["published", "access_token", "alt_text_custom", "source"]);
        let feed = next("facebook", &post(), &prior(&[(PHOTO, r#"{"id":"77"}"#)]));
        assert!(feed.publishes);
        assert_eq!(feed.target, "/v26.0/account-1/feed");
        assert_eq!(
            json(&feed),
            json!({ "message": "CNY 98 for 250 g & a cup", "attached_media": [{ "media_fbid": "77" }],
                "access_token": "token-1" })
        );
    }

    #[test]
    fn a_link_is_a_card() {
        let mut post = post();
        let Content::Parts(parts) = &mut post.content else { panic!() };
        parts.picture = None;
        let body = json(&next("facebook", &post, &prior(&[])));
        assert_eq!(body["link"], "https://news.example/c/1.tok");
        assert_eq!(json(&next("facebook", &post_of("a"), &prior(&[]))).get("link"), None);
        let own = Post { content: Content::Json(r#"{"message":"a","access_token":"x"}"#.into()), ..post };
        let body = json(&next("facebook", &own, &prior(&[])));
        assert_eq!(body, json!({ "message": "a", "access_token": "token-1" }));
    }

    #[test]
    fn every_answer_means_something() {
        for (name, publishes, status, body, expected) in [
            ("post", true, 200, r#"{"id":"1_2"}"#, sent("1_2".into())),
            ("post", true, 200, "{\"i", Verdict::Unknown),
            ("post", true, 200, "<html>", Verdict::Unknown),
            ("post", true, 400, r#"{"error":{"code":190}}"#, Verdict::AuthExpired),
            ("post", true, 400, r#"{"error":{"code":506}}"#, Verdict::rejected()),
            ("again", true, 400, r#"{"error":{"code":506}}"#, Verdict::sent(None, None)),
            ("post", true, 400, r#"{"error":{"code":32}}"#, Verdict::RateLimited(None)),
            ("post", true, 404, r#"{"error":{"code":803}}"#, Verdict::Gone),
            ("post", true, 500, "", Verdict::Unknown),
            ("post", true, 503, "", Verdict::Retryable),
            (PHOTO, false, 200, r#"{"id":"7"}"#, Verdict::Ready),
            (PHOTO, false, 200, "{}", Verdict::rejected()),
            (PHOTO, false, 400, r#"{"error":{"code":1}}"#, Verdict::Retryable),
            (LOOK_UP, false, 403, r#"{"error":{"code":10}}"#, Verdict::Ready),
        ] {
            assert_eq!(verdict("facebook", name, publishes, status, &[], body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_post_is_looked_up_on_the_page() {
        let request = Facebook.look_up(&access("facebook"), &post(), &prior(&[])).unwrap();
        assert!(request.target.contains("since=1599999880"), "{}", request.target);
        let found = |url: &str, at: &str| {
            let body = json!({ "data": [{ "id": "1_2", "message": "m", "created_time": at,
                "attachments": { "data": [{ "unshimmed_url": url }] } }] });
            Facebook.find_post(&access("facebook"), &post(), &answer(200, &[], &body.to_string()))
        };
        let found_post = Some(sent("1_2".into()));
        assert_eq!(found("https://news.example/c/1.tok", "2020-09-13T12:26:41+0000"), found_post);
        assert_eq!(found("https://news.example/c/1.tok", "2020-09-13T11:26:41+0000"), None);
        assert_eq!(found("https://news.example/c/2.tok", "2020-09-13T12:26:41+0000"), None);
    }
}
