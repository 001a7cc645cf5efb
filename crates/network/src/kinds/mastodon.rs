//! Mastodon and compatible servers: <https://docs.joinmastodon.org/methods/statuses/#create>,
//! pictures: <https://docs.joinmastodon.org/methods/media/#v2>, limits of an instance:
//! <https://docs.joinmastodon.org/entities/Instance/>, rate limits:
//! <https://docs.joinmastodon.org/api/rate-limits/>.
//!
//! A server remembers an `Idempotency-Key` for an hour; after that the account's own posts show
//! whether a post was published.

use std::time::Duration;

use egress::{Body, Part, Request, Response, segment};
use jiff::{SignedDuration, Timestamp};
use measure::{LengthBudget, Measure, RESERVED_PER_URL, limit};
use message::{Content, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template::parse_object;
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;
use crate::{html, idempotency, mention};

#[derive(Debug)]
pub(crate) struct Mastodon;

const INSTANCE: &str = "instance";
const ACCOUNT: &str = "account";
const UPLOAD: &str = "upload";
const MEDIA: &str = "media";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The largest difference between the clocks of two machines.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

impl Protocol for Mastodon {
    fn budgets(&self, post: &Post, prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let reported = |key: &str| prior.text(INSTANCE, &format!("/configuration/{key}"))?.parse().ok();
        let max = reported("statuses/max_characters").unwrap_or(500);
        let url = reported("statuses/characters_reserved_per_url").unwrap_or(RESERVED_PER_URL);
        let mut budgets = vec![limit::mastodon(&status(parts), max, url)];
        if let Some(picture) = &parts.picture {
            let max = reported("media_attachments/description_limit").unwrap_or(1_500);
            budgets.push(Measure::Characters.budget("words of the picture", &picture.alt, max));
        }
        budgets
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        if prior.get(INSTANCE).is_none() {
            return Ok(get(access, INSTANCE, "/api/v2/instance").cached_for(DAY));
        }
        let body = match &post.content {
            Content::Json(body) => parse_object(body)?.into(),
            Content::Parts(parts) => {
                let mut status = json!({ "status": status(parts), "language": language(&post.language) });
                match Upload::of(parts, prior)? {
                    Upload::None => {}
                    Upload::Fetch(request) => return Ok(request),
                    Upload::File(file, alt) => match media(access, &file, alt, prior) {
                        Ok(id) => status["media_ids"] = json!([id]),
                        Err(request) => return Ok(*request),
                    },
                }
                status
            }
        };
        let request = Request::json("post", "/api/v1/statuses", body).bearer(&access.token);
        Ok(request.header("idempotency-key", &post.id).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let reply = json["error"].as_str().unwrap_or_default();
        match (request.name, answer.status) {
            (FETCH, _) => picture::verdict(answer),
            (LOOK_UP, _) => idempotency::look_up_verdict(answer),
            (ACCOUNT | UPLOAD, 200 | 202) if text_at(&json, "/id").is_none() => Verdict::Retryable,
            // Compatible servers may not report their limits; the usual ones apply then.
            (INSTANCE, 200 | 400 | 404 | 405 | 422) => Verdict::Ready,
            (MEDIA, 206) => Verdict::Wait(Duration::from_secs(1)),
            ("post", 200) if json["id"].is_string() => Verdict::sent(
                text_at(&json, "/id"),
                text_at(&json, "/url").or_else(|| text_at(&json, "/uri")),
            ),
            (_, 422) if reply.contains("character limit") || reply.contains("too long") => {
                Verdict::Rejected(RejectReason::TooBig)
            }
            (_, 422) if reply.contains("must be less than") => Verdict::Rejected(RejectReason::TooBig),
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    fn look_up(&self, access: &Access, _post: &Post, prior: &PriorAnswers) -> Option<Request> {
        Some(match prior.text(ACCOUNT, "/id") {
            None => get(access, ACCOUNT, "/api/v1/accounts/verify_credentials").cached_for(DAY),
            Some(id) => {
                let target =
                    format!("/api/v1/accounts/{}/statuses?limit=40&exclude_reblogs=true", segment(&id));
                get(access, LOOK_UP, &target)
            }
        })
    }

    /// A status is the post if it has the same text or the same tracked link, and is no older than
    /// the delivery.
    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let parts = post.parts()?;
        let own_text = html::text_without_spaces(&status(parts).replace('&', "&amp;").replace('<', "&lt;"));
        let link = parts.link.as_deref().filter(|link| parts.text.contains(link)).map(str::to_owned);
        let since = post.at.checked_sub(MAX_CLOCK_SKEW).unwrap_or(post.at);
        let is_it = |status: &Value| {
            let at = status["created_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            let shown = html::text_without_spaces(status["content"].as_str().unwrap_or_default());
            at.is_some_and(|at| at >= since)
                && (shown == own_text || link.as_ref().is_some_and(|link| shown.contains(link)))
        };
        idempotency::search_list(answer, "", |status| {
            is_it(status).then(|| Verdict::sent(text_at(status, "/id"), text_at(status, "/url")))
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(get(access, ACCOUNT, "/api/v1/accounts/verify_credentials"))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            INSTANCE => {
                json!({ "configuration": { "statuses": { "max_characters": 500, "characters_reserved_per_url": 23 } } })
            }
            UPLOAD | MEDIA => {
                json!({ "id": "22348641", "type": "image", "url": "https://files.mastodon.example/22348641.png" })
            }
            _ => json!({ "id": "14715" }),
        }
    }
}

/// Returns the text of the status, which mentions no one by accident. After these characters no
/// name is a mention (Mastodon's `Account::MENTION_RE`).
fn status(parts: &message::Parts) -> String {
    mention::prepend(mention::as_text(parts), mention::neutralized(&parts.text, &['/', '=']))
}

fn get(access: &Access, name: &'static str, target: &str) -> Request {
    Request::get(name, target).bearer(&access.token)
}

/// Returns the ISO 639-1 code, which is the first part of a language tag.
fn language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// Returns the identifier of the uploaded picture, or the request to make before there is one.
fn media(
    access: &Access,
    file: &message::PictureFile,
    alt: &str,
    prior: &PriorAnswers,
) -> Result<String, Box<Request>> {
    let Some(id) = prior.text(UPLOAD, "/id") else {
        let parts = vec![picture::part("file", file), Part::text("description", alt)];
        let upload = Request::new(UPLOAD, "POST", "/api/v2/media", Body::Multipart(parts));
        return Err(Box::new(upload.bearer(&access.token)));
    };
    // While the upload has no URL, the server is still processing it.
    if prior.text(UPLOAD, "/url").is_none() && prior.get(MEDIA).is_none() {
        return Err(Box::new(get(access, MEDIA, &format!("/api/v1/media/{}", segment(&id)))));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, json as body, next, post, post_of, post_with_file, prior, verdict};

    const LIMITS: &str = "{\"configuration\":{\"statuses\":{\"max_characters\":1000,\"characters_reserved_per_url\":10},\"media_attachments\":{\"description_limit\":5}}}";

    #[test]
    fn a_picture_is_uploaded_and_waited_for() {
        let post = post_with_file();
        let request = next("mastodon", &post, &prior(&[]));
        assert_eq!(
            (request.method, request.target.as_str(), request.cache_for),
            ("GET", "/api/v2/instance", Some(DAY))
        );
        let request = next("mastodon", &post, &prior(&[(INSTANCE, "{}")]));
        assert_eq!(
            (request.name, request.target.as_str(), request.publishes),
            (UPLOAD, "/api/v2/media", false)
        );
        let Body::Multipart(parts) = &request.body else { panic!("{request:?}") };
        assert_eq!((parts[0].name, parts[0].bytes.as_slice()), ("file", &[1, 2, 3, 4][..]));
        assert_eq!((parts[1].name, parts[1].bytes.as_slice()), ("description", &b"A white cup"[..]));
        let early = prior(&[(INSTANCE, "{}"), (UPLOAD, "{\"id\":\"7\",\"url\":null}")]);
        let request = next("mastodon", &post, &early);
        assert_eq!((request.name, request.target.as_str()), (MEDIA, "/api/v1/media/7"));
        let ready =
            prior(&[(INSTANCE, "{}"), (UPLOAD, "{\"id\":\"7\",\"url\":null}"), (MEDIA, "{\"id\":\"7\"}")]);
        let request = next("mastodon", &post, &ready);
        assert!(request.publishes);
        assert_eq!(
            body(&request),
            json!({ "status": "CNY 98 for 250 g & a cup", "language": "en", "media_ids": ["7"] })
        );
        assert_eq!(request.credentials, [("authorization", "Bearer token-1".to_owned())]);
        assert_eq!(request.headers, [("idempotency-key", "5f2b0c1d".to_owned())]);
        let at_once = prior(&[(INSTANCE, "{}"), (UPLOAD, "{\"id\":\"8\",\"url\":\"https://a\"}")]);
        assert_eq!(body(&next("mastodon", &post, &at_once))["media_ids"], json!(["8"]));
    }

    #[test]
    fn a_picture_elsewhere_is_fetched_and_text_alone_is_posted() {
        let request = next("mastodon", &post(), &prior(&[(INSTANCE, "{}")]));
        assert_eq!((request.name, request.target.as_str()), (FETCH, "https://harbour.example/spring.png"));
        assert!(request.headers.is_empty() && request.credentials.is_empty());
        let plain = Post { language: "zh-CN".into(), ..post_of("茶") };
        let request = next("mastodon", &plain, &prior(&[(INSTANCE, "{}")]));
        assert_eq!(body(&request), json!({ "status": "茶", "language": "zh" }));
        let own = Post {
            content: Content::Json("{\"status\":\"x\",\"visibility\":\"unlisted\"}".into()),
            ..post()
        };
        assert_eq!(body(&next("mastodon", &own, &prior(&[(INSTANCE, "{}")])))["visibility"], "unlisted");
    }

    #[test]
    fn the_instance_sets_the_limits() {
        let usual = crate::sample::budgets("mastodon", &post());
        assert_eq!((usual[0].allowed, usual[1].allowed), (500, 1_500));
        let long = post_of("https://harbour.com/a/long/way");
        let budgets = Mastodon.budgets(&long, &prior(&[(INSTANCE, LIMITS)]));
        assert_eq!((budgets[0].measured, budgets[0].allowed), (10, 1_000));
        let budgets = Mastodon.budgets(&post(), &prior(&[(INSTANCE, LIMITS)]));
        assert!(!budgets[1].fits(), "{budgets:?}");
    }

    #[test]
    fn a_post_is_found_again() {
        let access = access("mastodon");
        let first = Mastodon.look_up(&access, &post(), &prior(&[])).unwrap();
        assert_eq!(first.target, "/api/v1/accounts/verify_credentials");
        let second = Mastodon.look_up(&access, &post(), &prior(&[(ACCOUNT, "{\"id\":\"9\"}")])).unwrap();
        assert_eq!(second.name, LOOK_UP);
        assert_eq!(second.target, "/api/v1/accounts/9/statuses?limit=40&exclude_reblogs=true");
        let status = |at: &str, content: &str| {
            format!("[{{\"id\":\"1\",\"url\":\"u\",\"created_at\":\"{at}\",\"content\":\"{content}\"}}]")
        };
        let published_html = "<p>CNY 98 for 250 g &amp; a cup</p>";
        for (at, content, found) in [
            ("2020-09-13T12:26:41.000Z", published_html, true),
            ("2020-09-13T12:20:00.000Z", published_html, false),
            ("2020-09-13T12:26:41.000Z", "<p>another</p>", false),
            ("soon", published_html, false),
        ] {
            let verdict = Mastodon.find_post(&access, &post(), &answer(200, &[], &status(at, content)));
            assert_eq!(
                verdict,
                found.then(|| Verdict::sent("1".to_owned(), "u".to_owned())),
                "{at} {content}"
            );
        }
        let unread = Mastodon.find_post(&access, &post(), &answer(200, &[], "<html>"));
        assert_eq!(unread, Some(Verdict::Unknown));
        let mut linked = post();
        if let Content::Parts(parts) = &mut linked.content {
            parts.text = "@friend@elsewhere https://news.example/c/1.tok".into();
        }
        let shown =
            "<p>@friend <a><span>https://</span><span>news.example/c</span><span>/1.tok</span></a></p>";
        let answer = answer(200, &[], &status("2020-09-13T12:26:41.000Z", shown));
        assert!(Mastodon.find_post(&access, &linked, &answer).is_some());
    }

    #[test]
    fn every_answer_means_something() {
        let error = |text: &str| format!("{{\"error\":\"{text}\"}}");
        let reset = &[("x-ratelimit-reset", "2020-09-13T12:27:10.000Z")][..];
        for (name, status, headers, reply, expected) in [
            (
                "post",
                200,
                &[][..],
                "{\"id\":\"1\",\"url\":\"https://m/@a/1\"}".to_owned(),
                Verdict::sent("1".to_owned(), "https://m/@a/1".to_owned()),
            ),
            ("post", 200, &[], "{\"id\":".to_owned(), Verdict::Unknown),
            ("post", 200, &[], "<html>".to_owned(), Verdict::Unknown),
            ("post", 401, &[], error("The access token is invalid"), Verdict::AuthExpired),
            ("post", 403, &[], error("This action is outside the authorized scopes"), Verdict::AuthExpired),
            (
                "post",
                422,
                &[],
                error("Validation failed: Text character limit of 500 exceeded"),
                Verdict::Rejected(RejectReason::TooBig),
            ),
            ("post", 422, &[], error("Validation failed: Text can't be blank"), Verdict::rejected()),
            (
                "post",
                429,
                reset,
                error("Too many requests"),
                Verdict::RateLimited(Some(Duration::from_secs(30))),
            ),
            ("post", 410, &[], String::new(), Verdict::Gone),
            ("post", 500, &[], String::new(), Verdict::Unknown),
            ("post", 503, &[], error("Remote data could not be fetched"), Verdict::Retryable),
            (UPLOAD, 202, &[], "{\"id\":\"1\",\"url\":null}".to_owned(), Verdict::Ready),
            (
                UPLOAD,
                422,
                &[],
                error("Validation failed: File must be less than 16 MB"),
                Verdict::Rejected(RejectReason::TooBig),
            ),
            (UPLOAD, 500, &[], error("Error processing thumbnail for uploaded media"), Verdict::Retryable),
            (
                MEDIA,
                206,
                &[],
                "{\"id\":\"1\",\"url\":null}".to_owned(),
                Verdict::Wait(Duration::from_secs(1)),
            ),
            (MEDIA, 200, &[], "{\"id\":\"1\"}".to_owned(), Verdict::Ready),
            (INSTANCE, 404, &[], String::new(), Verdict::Ready),
            (INSTANCE, 503, &[], String::new(), Verdict::Retryable),
            (FETCH, 404, &[], String::new(), Verdict::rejected()),
            (ACCOUNT, 200, &[], "{\"id\":\"9\"}".to_owned(), Verdict::Ready),
            (ACCOUNT, 200, &[], "{\"id\":\"\"}".to_owned(), Verdict::Retryable),
            (UPLOAD, 202, &[], "<html>".to_owned(), Verdict::Retryable),
            (LOOK_UP, 401, &[], String::new(), Verdict::AuthExpired),
        ] {
            assert_eq!(
                verdict("mastodon", name, name == "post", status, headers, &reply),
                expected,
                "{name} {status} {reply}"
            );
        }
    }
}
