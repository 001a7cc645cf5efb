//! X: <https://docs.x.com/x-api/posts/create-post>, pictures:
//! <https://docs.x.com/x-api/media/upload-media> and
//! <https://docs.x.com/x-api/media/create-media-metadata>, rate limits:
//! <https://docs.x.com/x-api/fundamentals/rate-limits>, errors:
//! <https://docs.x.com/x-api/fundamentals/response-codes-and-errors>.

use std::time::Duration;

use egress::{Body, Part, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure, limit};
use message::{Content, Parts, PictureFile, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::idempotency::{self, PostFingerprint};
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct X;

const MEDIA: &str = "media";
const ALT: &str = "alt";
const ME: &str = "me";
/// The time for which the account's identifier is reused: it does not change, and each request
/// costs.
const USER_ID_CACHE_TIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Protocol for X {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = match &post.content {
            Content::Json(json) => Body::JsonText(json.clone()),
            Content::Parts(parts) => {
                if let Some(request) = upload(access, parts, prior)? {
                    return Ok(request);
                }
                Body::Json(tweet(parts, prior))
            }
        };
        Ok(Request::new(idempotency::request_name(post), "POST", "/2/tweets", body)
            .bearer(&access.token)
            .publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        match (request.name, answer.status) {
            (FETCH, _) => picture::verdict(answer),
            (LOOK_UP, _) => idempotency::look_up_verdict(answer),
            (MEDIA | ME, 200..=299) if text_at(&answer.json(), "/data/id").is_none() => Verdict::rejected(),
            (_, 201) if request.publishes => match text_at(&answer.json(), "/data/id") {
                Some(id) => sent(id),
                None => Verdict::Unknown,
            },
            (_, 429) => Verdict::RateLimited(wait(answer)),
            (_, 400 | 403) => refusal(request, answer),
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limits are 280, weighted, and 1,000 characters in a picture's alternative text.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let alt =
            parts.picture.iter().map(|picture| Measure::Characters.budget("image_alt", &picture.alt, 1_000));
        [limit::x(&parts.text)].into_iter().chain(alt).collect()
    }

    /// Searches the account's own timeline, since the post fell due.
    fn look_up(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Option<Request> {
        let Some(id) = prior.text(ME, "/data/id") else {
            return Some(
                Request::get(ME, "/2/users/me").bearer(&access.token).cached_for(USER_ID_CACHE_TIME),
            );
        };
        let since = PostFingerprint::of(post, "").since().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let fields = "tweet.fields=created_at,entities&exclude=replies,retweets&max_results=100";
        let target = format!("/2/users/{}/tweets?{fields}&start_time={}", segment(&id), segment(&since));
        Some(Request::get(LOOK_UP, target).bearer(&access.token))
    }

    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        // An empty result is `{"meta":{"result_count":0}}`, without a list.
        if text_at(&answer.json(), "/meta/result_count").as_deref() == Some("0") {
            return None;
        }
        let text = text(post)?;
        let fingerprint = PostFingerprint::of(post, &text);
        idempotency::search_list(answer, "/data", |tweet| {
            let at = text_at(tweet, "/created_at").and_then(|at| at.parse().ok());
            let urls = tweet.pointer("/entities/urls").and_then(Value::as_array);
            let links = urls.into_iter().flatten().filter_map(|url| url.get("expanded_url")?.as_str());
            let published_text = text_at(tweet, "/text").unwrap_or_default();
            fingerprint
                .matches(at, &published_text, &links.collect::<Vec<_>>())
                .then(|| text_at(tweet, "/id").map(sent))?
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(Request::get("examine", "/2/users/me").bearer(&access.token))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            ME => json!({ "data": { "id": "2244994945", "username": "brand" } }),
            _ => json!({ "data": { "id": "1880028106020515840", "media_key": "3_1880028106020515840" } }),
        }
    }
}

/// Returns the next request for the picture: its upload, then its alternative text.
fn upload(access: &Access, parts: &Parts, prior: &PriorAnswers) -> Result<Option<Request>, ComposeError> {
    Ok(match (Upload::of(parts, prior)?, prior.text(MEDIA, "/data/id")) {
        (Upload::None, _) => None,
        (Upload::Fetch(request), _) => Some(request),
        (Upload::File(file, _), None) => Some(media(&file).bearer(&access.token)),
        (Upload::File(_, alt), Some(id)) if !alt.is_empty() && prior.get(ALT).is_none() => {
            let words = json!({ "id": id, "metadata": { "alt_text": { "text": alt } } });
            Some(Request::json(ALT, "/2/media/metadata", words).bearer(&access.token))
        }
        (Upload::File(..), Some(_)) => None,
    })
}

fn media(file: &PictureFile) -> Request {
    let parts = vec![
        Part::text("media_category", "tweet_image"),
        Part::text("media_type", &*file.media),
        picture::part("media", file),
    ];
    Request::new(MEDIA, "POST", "/2/media/upload", Body::Multipart(parts))
}

fn tweet(parts: &Parts, prior: &PriorAnswers) -> Value {
    match prior.text(MEDIA, "/data/id") {
        Some(id) => json!({ "text": parts.text, "media": { "media_ids": [id] } }),
        None => json!({ "text": parts.text }),
    }
}

fn text(post: &Post) -> Option<String> {
    match &post.content {
        Content::Json(json) => crate::form::field(json, "text"),
        Content::Parts(parts) => Some(parts.text.clone()),
    }
}

fn sent(id: String) -> Verdict {
    let url = format!("https://x.com/i/web/status/{id}");
    Verdict::sent(id, url)
}

/// Returns the wait until the window of 15 minutes ends, or the day if the daily limit is used up.
fn wait(answer: &Response) -> Option<Duration> {
    const DAYS: [(&str, &str); 2] = [
        ("x-user-limit-24hour-remaining", "x-user-limit-24hour-reset"),
        ("x-app-limit-24hour-remaining", "x-app-limit-24hour-reset"),
    ];
    let day = DAYS.iter().find(|(left, _)| answer.header(left) == Some("0"));
    day.and_then(|(_, reset)| answer.retry_after_in(reset)).or_else(|| answer.retry_after())
}

/// Interprets a problem (RFC 9457), which names the error in `type`, or only in its text.
fn refusal(request: &Request, answer: &Response) -> Verdict {
    const ACCESS_PROBLEMS: [&str; 5] = [
        "client-forbidden",
        "client-not-enrolled",
        "unsupported-authentication",
        "oauth1-permissions",
        "not-authorized-for-resource",
    ];
    let json = answer.json();
    let kind = text_at(&json, "/type").unwrap_or_default();
    let words = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    match () {
        () if words.contains("duplicate content") => idempotency::duplicate_refusal(request, None, None),
        () if words.contains("too long") => Verdict::Rejected(RejectReason::TooBig),
        () if ACCESS_PROBLEMS.iter().any(|problem_kind| kind.ends_with(problem_kind)) => Verdict::AuthExpired,
        () if answer.status == 403 && words.contains("account is") => Verdict::AuthExpired,
        () if answer.status == 403 && !request.publishes => Verdict::AuthExpired,
        () if answer.status == 403 => Verdict::Rejected(RejectReason::Policy),
        () => Verdict::rejected(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, json, next, post, post_of, post_with_file, prior, verdict};

    #[test]
    fn a_post_with_a_picture_takes_three_requests() {
        let post = post_with_file();
        let media = next("x", &post, &prior(&[]));
        assert_eq!((media.name, media.target.as_str(), media.publishes), (MEDIA, "/2/media/upload", false));
        let Body::Multipart(parts) = &media.body else { panic!() };
        assert_eq!(parts[2].bytes, [1, 2, 3, 4]);
        let answers = [(MEDIA, r#"{"data":{"id":"77"}}"#), (ALT, "{}")];
        let words = next("x", &post, &prior(&answers[..1]));
        assert_eq!((words.name, words.target.as_str()), (ALT, "/2/media/metadata"));
        assert_eq!(
            json(&words),
            json!({ "id": "77", "metadata": { "alt_text": { "text": "A white cup" } } })
        );
        let tweet = next("x", &post, &prior(&answers));
        assert_eq!(
            json(&tweet),
            json!({ "text": "CNY 98 for 250 g & a cup", "media": { "media_ids": ["77"] } })
        );
        assert_eq!(tweet.credentials, [("authorization", "Bearer token-1".to_owned())]);
        assert!(tweet.publishes);
    }

    #[test]
    fn a_post_is_its_text_and_a_picture_elsewhere_is_fetched() {
        assert_eq!(json(&next("x", &post_of("春"), &prior(&[]))), json!({ "text": "春" }));
        assert_eq!(next("x", &post(), &prior(&[])).name, FETCH);
        let own = Post { content: Content::Json(r#"{"text":"a","poll":{}}"#.into()), ..post() };
        assert_eq!(json(&next("x", &own, &prior(&[]))), json!({ "text": "a", "poll": {} }));
    }

    #[test]
    fn every_answer_means_something() {
        let problem = |kind: &str, detail: &str| json!({ "type": kind, "detail": detail }).to_string();
        let blank = "about:blank";
        let problem_kind = "https://api.twitter.com/2/problems/client-forbidden";
        let duplicate = problem(blank, "You are not allowed to create a Tweet with duplicate content.");
        let minute = Some(Duration::from_secs(60));
        for (name, status, headers, body, expected) in [
            ("post", 201, &[][..], r#"{"data":{"id":"9","text":"a"}}"#.to_owned(), sent("9".into())),
            ("post", 201, &[], "{\"da".into(), Verdict::Unknown),
            ("post", 200, &[], "<html>".into(), Verdict::Unknown),
            (
                "post",
                400,
                &[],
                problem(blank, "One or more parameters to your request was invalid."),
                Verdict::rejected(),
            ),
            (
                "post",
                403,
                &[],
                problem(blank, "Your Tweet text is too long."),
                Verdict::Rejected(RejectReason::TooBig),
            ),
            (
                "post",
                403,
                &[],
                problem(blank, "You are not permitted to perform this action."),
                Verdict::Rejected(RejectReason::Policy),
            ),
            ("post", 403, &[], problem(problem_kind, "no"), Verdict::AuthExpired),
            ("post", 403, &[], duplicate.clone(), Verdict::rejected()),
            ("again", 403, &[], duplicate, Verdict::sent(None, None)),
            ("post", 401, &[], problem(blank, "Unauthorized"), Verdict::AuthExpired),
            (
                "post",
                429,
                &[("x-rate-limit-reset", "1600000060")],
                String::new(),
                Verdict::RateLimited(minute),
            ),
            (
                "post",
                429,
                &[
                    ("x-rate-limit-reset", "1600000060"),
                    ("x-user-limit-24hour-remaining", "0"),
                    ("x-user-limit-24hour-reset", "1600003600"),
                ],
                String::new(),
                Verdict::RateLimited(Some(Duration::from_secs(3_600))),
            ),
            ("post", 500, &[], String::new(), Verdict::Unknown),
            ("post", 503, &[], String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("x", name, true, status, headers, &body), expected, "{name} {status} {body}");
        }
        assert_eq!(verdict("x", MEDIA, false, 200, &[], "{}"), Verdict::rejected());
        assert_eq!(verdict("x", MEDIA, false, 500, &[], ""), Verdict::Retryable);
        assert_eq!(verdict("x", LOOK_UP, false, 403, &[], ""), Verdict::Ready);
    }

    #[test]
    fn a_post_is_looked_up_in_the_accounts_timeline_by_its_link() {
        assert_eq!(X.look_up(&access("x"), &post(), &prior(&[])).unwrap().name, ME);
        let request = X.look_up(&access("x"), &post(), &prior(&[(ME, r#"{"data":{"id":"5"}}"#)])).unwrap();
        assert_eq!(request.name, LOOK_UP);
        assert!(request.target.starts_with("/2/users/5/tweets?"), "{}", request.target);
        assert!(request.target.ends_with("start_time=2020-09-13T12%3A24%3A40Z"), "{}", request.target);
        let found = |body: Value| X.find_post(&access("x"), &post(), &answer(200, &[], &body.to_string()));
        let tweet = |url: &str| {
            json!({ "data": [{ "id": "9", "text": "Spring https://t.co/a", "created_at": "2020-09-13T12:26:41.000Z",
                "entities": { "urls": [{ "url": "https://t.co/a", "expanded_url": url }] } }] })
        };
        assert_eq!(found(tweet("https://news.example/c/1.tok")), Some(sent("9".into())));
        assert_eq!(found(tweet("https://news.example/c/2.tok")), None);
        assert_eq!(found(json!({ "meta": { "result_count": 0 } })), None);
        assert_eq!(found(json!({})), Some(Verdict::Unknown));
    }

    #[test]
    fn the_text_is_measured_by_weight() {
        let over = |text: &str| {
            X.budgets(&post_of(text), &crate::sample::prior(&[])).into_iter().find(|budget| !budget.fits())
        };
        assert_eq!(over(&"春".repeat(140)), None);
        assert_eq!(over(&"春".repeat(141)).unwrap().over_at, Some(420));
    }
}
