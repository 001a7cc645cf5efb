//! LinkedIn:
//! <https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api>,
//! pictures:
//! <https://learn.microsoft.com/linkedin/marketing/community-management/shares/images-api>,
//! versions: <https://learn.microsoft.com/linkedin/marketing/versioning>, errors:
//! <https://learn.microsoft.com/linkedin/shared/api-guide/concepts/error-handling>.

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure, limit, linkedin};
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::idempotency::{self, PostFingerprint};
use crate::json_template;
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct LinkedIn;

/// The version of the API, of July 2026. Each version is served for at least a year; after July
/// 2027 requests with this one are answered with 426.
const VERSION: &str = "202607";
const INITIALIZE: &str = "initialize";
const UPLOAD: &str = "upload";

impl Protocol for LinkedIn {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = match &post.content {
            Content::Json(json) => {
                let mut object = json_template::parse_object(json)?;
                json_template::set_default(&mut object, "author", access.account.as_str());
                Value::Object(object)
            }
            Content::Parts(parts) => {
                if let Some(request) = upload(access, parts, prior)? {
                    return Ok(request);
                }
                share(access, parts, prior)
            }
        };
        let request = Request::json(idempotency::request_name(post), "/rest/posts", body);
        Ok(versioned(access, request).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        match (request.name, answer.status) {
            (FETCH, _) => picture::verdict(answer),
            (LOOK_UP, _) => idempotency::look_up_verdict(answer),
            (INITIALIZE, 200) if upload_url(&json).is_none() => Verdict::rejected(),
            (_, 201) if request.publishes => {
                let id = answer.header("x-restli-id").or_else(|| answer.header("x-linkedin-id"));
                id.map_or(Verdict::Unknown, |id| sent(id.to_owned()))
            }
            (_, 422) if answer.text().contains("DUPLICATE_POST") => {
                let id = duplicate(&json);
                let url = id.as_deref().map(url);
                idempotency::duplicate_refusal(request, id, url)
            }
            (_, 400 | 413 | 422) if is_too_long(&answer.text()) => Verdict::Rejected(RejectReason::TooBig),
            // The version is no longer served: this program cannot publish any post.
            (_, 426) => Verdict::AuthExpired,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limits are 3,000 in the text, 400 in a card's title, and 4,086 in a picture's
    /// alternative text.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let has_picture = parts.picture.is_some();
        let title = parts.title.iter().filter(|_| !has_picture);
        let title = title.map(|title| Measure::Characters.budget("title", title, 400));
        let alt =
            parts.picture.iter().map(|picture| Measure::Characters.budget("image_alt", &picture.alt, 4_086));
        [limit::linkedin(&commentary(parts))].into_iter().chain(title).chain(alt).collect()
    }

    fn look_up(&self, access: &Access, _post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let author = segment(&access.account);
        let target = format!("/rest/posts?author={author}&q=author&count=50&sortBy=LAST_MODIFIED");
        let request = Request::get(LOOK_UP, target).header("x-restli-method", "FINDER");
        Some(versioned(access, request))
    }

    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let text = match &post.content {
            Content::Json(json) => crate::form::field(json, "commentary").unwrap_or_default(),
            Content::Parts(parts) => linkedin::escaped(&commentary(parts)),
        };
        let fingerprint = PostFingerprint::of(post, &text);
        idempotency::search_list(answer, "/elements", |share| {
            let at = share.get("createdAt").and_then(Value::as_i64);
            let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
            let published_text = text_at(share, "/commentary").unwrap_or_default();
            let source = text_at(share, "/content/article/source").unwrap_or_default();
            fingerprint.matches(at, &published_text, &[&source]).then(|| text_at(share, "/id").map(sent))?
        })
    }

    /// Requests the newest post of the author, which needs no more permission than posting as a
    /// page.
    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let target = format!("/rest/posts?author={}&q=author&count=1", segment(&access.account));
        Some(versioned(access, Request::get("examine", target).header("x-restli-method", "FINDER")))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            INITIALIZE => json!({ "value": {
                "uploadUrl": "https://www.linkedin.com/dms-uploads/example",
                "image": "urn:li:image:C4E10AQFoyyAjHPMQuQ",
            } }),
            _ => Value::Null,
        }
    }
}

fn versioned(access: &Access, request: Request) -> Request {
    request
        .bearer(&access.token)
        .header("linkedin-version", VERSION)
        .header("x-restli-protocol-version", "2.0.0")
}

/// Returns the next request for the picture: for an upload URL, then the upload.
fn upload(access: &Access, parts: &Parts, prior: &PriorAnswers) -> Result<Option<Request>, ComposeError> {
    let file = match Upload::of(parts, prior)? {
        Upload::None => return Ok(None),
        Upload::Fetch(request) => return Ok(Some(request)),
        Upload::File(file, _) => file,
    };
    let Some(place) = prior.get(INITIALIZE) else {
        let body = json!({ "initializeUploadRequest": { "owner": access.account } });
        let request = Request::json(INITIALIZE, "/rest/images?action=initializeUpload", body);
        return Ok(Some(versioned(access, request)));
    };
    if prior.get(UPLOAD).is_some() {
        return Ok(None);
    }
    let target = upload_url(&place.json()).ok_or("LinkedIn names no place for its picture")?;
    let body = Body::Bytes(file.media.clone(), file.bytes.clone());
    // The client sends the token to LinkedIn's own hosts only.
    Ok(Some(Request::new(UPLOAD, "PUT", target, body).bearer(&access.token)))
}

fn upload_url(place: &Value) -> Option<String> {
    text_at(place, "/value/image").and_then(|_| text_at(place, "/value/uploadUrl"))
}

fn share(access: &Access, parts: &Parts, prior: &PriorAnswers) -> Value {
    let mut share = json!({
        "author": access.account,
        "commentary": linkedin::escaped(&commentary(parts)),
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": false,
    });
    if let Some(content) = content(parts, prior) {
        share["content"] = content;
    }
    share
}

/// Returns the picture, or the card of the post's link.
fn content(parts: &Parts, prior: &PriorAnswers) -> Option<Value> {
    if let (Some(picture), Some(id)) = (&parts.picture, prior.text(INITIALIZE, "/value/image")) {
        let alt = Some(&picture.alt).filter(|alt| !alt.is_empty());
        return Some(match alt {
            Some(alt) => json!({ "media": { "id": id, "altText": alt } }),
            None => json!({ "media": { "id": id } }),
        });
    }
    let source = link(parts)?;
    let label = parts.action.as_ref().map(|action| action.label.as_str());
    let title = parts.title.as_deref().or(label).unwrap_or(source);
    Some(match label.filter(|label| *label != title) {
        Some(label) => json!({ "article": { "source": source, "title": title, "description": label } }),
        None => json!({ "article": { "source": source, "title": title } }),
    })
}

fn link(parts: &Parts) -> Option<&str> {
    parts.action.as_ref().map(|action| action.url.as_str()).or(parts.link.as_deref())
}

/// Returns the commentary: title, text and button beside a picture; without the texts that a card
/// shows, if there is a card.
fn commentary(parts: &Parts) -> String {
    let has_card = parts.picture.is_none() && link(parts).is_some();
    let title = parts.title.clone().filter(|_| !has_card);
    let text = Some(parts.text.clone()).filter(|text| !text.is_empty());
    let action = parts.action.as_ref().filter(|_| !has_card);
    let action = action.map(|action| format!("{}: {}", action.label, action.url));
    let texts: Vec<_> = [title, text, action].into_iter().flatten().collect();
    // A card alone still needs a text.
    if texts.is_empty() { parts.title.clone().unwrap_or_default() } else { texts.join("\n\n") }
}

fn sent(id: String) -> Verdict {
    let url = url(&id);
    Verdict::sent(id, url)
}

fn url(id: impl AsRef<str>) -> String {
    format!("https://www.linkedin.com/feed/update/{}/", id.as_ref())
}

/// Returns the post named in "Content is a duplicate of urn:li:share:…".
fn duplicate(json: &Value) -> Option<String> {
    let message = text_at(json, "/message")?;
    let urn = &message[message.find("urn:li:")?..];
    let end = urn.find(|c: char| !c.is_ascii_alphanumeric() && c != ':').unwrap_or(urn.len());
    Some(urn[..end].to_owned())
}

fn is_too_long(words: &str) -> bool {
    ["FIELD_LENGTH_TOO_LONG", "exceeds the maximum", "is longer than", "TOO_LONG"]
        .iter()
        .any(|too_long| words.contains(too_long))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, json, next, post, post_of, post_with_file, prior, verdict};

    const PLACE: (&str, &str) =
        (INITIALIZE, r#"{"value":{"uploadUrl":"https://www.linkedin.com/dms/1","image":"urn:li:image:7"}}"#);

    fn without_picture(mut post: Post) -> Post {
        if let Content::Parts(parts) = &mut post.content {
            parts.picture = None;
        }
        post
    }

    #[test]
    fn a_link_is_a_card() {
        let request = next("linkedin", &without_picture(post()), &prior(&[]));
        assert_eq!((request.name, request.target.as_str()), ("post", "/rest/posts"));
        assert_eq!(
            request.headers,
            [("linkedin-version", VERSION.to_owned()), ("x-restli-protocol-version", "2.0.0".to_owned())]
        );
        assert_eq!(request.credentials, [("authorization", "Bearer token-1".to_owned())]);
        insta::assert_json_snapshot!(json(&request));
    }

    #[test]
    fn a_picture_is_uploaded_and_has_all_the_words_beside_it() {
        let post = post_with_file();
        let place = next("linkedin", &post, &prior(&[]));
        assert_eq!((place.name, &*place.target), (INITIALIZE, "/rest/images?action=initializeUpload"));
        assert_eq!(json(&place), json!({ "initializeUploadRequest": { "owner": "account-1" } }));
        let upload = next("linkedin", &post, &prior(&[PLACE]));
        assert_eq!((upload.method, &*upload.target), ("PUT", "https://www.linkedin.com/dms/1"));
        assert_eq!(upload.body, Body::Bytes("image/png".into(), vec![1, 2, 3, 4]));
        assert_eq!(upload.credentials, [("authorization", "Bearer token-1".to_owned())]);
        let share = next("linkedin", &post, &prior(&[PLACE, (UPLOAD, "")]));
        assert!(share.publishes);
        insta::assert_json_snapshot!(json(&share));
    }

    #[test]
    fn reserved_characters_are_escaped_and_hashtags_kept() {
        let body = json(&next("linkedin", &post_of("A (new) cup_1 #Spring | 5*"), &prior(&[])));
        assert_eq!(body["commentary"], "A \\(new\\) cup\\_1 {hashtag|\\#|Spring} \\| 5\\*");
        let own = Post { content: Content::Json(r#"{"commentary":"a"}"#.into()), ..post() };
        let body = json(&next("linkedin", &own, &prior(&[])));
        assert_eq!(body, json!({ "author": "account-1", "commentary": "a" }));
    }

    #[test]
    fn every_answer_means_something() {
        let duplicate = r#"{"message":"…: Content is a duplicate of urn:li:share:71411","errorDetails":{"inputErrors":[{"code":"DUPLICATE_POST"}]},"status":422}"#;
        let id = [("x-restli-id", "urn:li:share:6844785523593134080")];
        let found_post = sent("urn:li:share:6844785523593134080".into());
        for (name, status, headers, body, expected) in [
            ("post", 201, &id[..], "", found_post),
            ("post", 201, &[], "", Verdict::Unknown),
            ("post", 200, &[], "<html>", Verdict::Unknown),
            ("post", 400, &[], r#"{"message":"bad","status":400}"#, Verdict::rejected()),
            (
                "post",
                422,
                &[],
                r#"{"errorDetails":{"inputErrors":[{"code":"FIELD_LENGTH_TOO_LONG"}]}}"#,
                Verdict::Rejected(RejectReason::TooBig),
            ),
            ("post", 422, &[], duplicate, Verdict::rejected()),
            ("again", 422, &[], duplicate, sent("urn:li:share:71411".into())),
            ("post", 401, &[], r#"{"serviceErrorCode":65601,"message":"revoked"}"#, Verdict::AuthExpired),
            ("post", 403, &[], r#"{"code":"ACCESS_DENIED"}"#, Verdict::AuthExpired),
            ("post", 426, &[], r#"{"code":"NONEXISTENT_VERSION"}"#, Verdict::AuthExpired),
            ("post", 429, &[], r#"{"code":"TOO_MANY_REQUESTS"}"#, Verdict::RateLimited(None)),
            ("post", 500, &[], "", Verdict::Unknown),
            ("post", 504, &[], "", Verdict::Unknown),
            ("post", 503, &[], "", Verdict::Retryable),
        ] {
            assert_eq!(verdict("linkedin", name, true, status, headers, body), expected, "{status} {body}");
        }
        assert_eq!(verdict("linkedin", INITIALIZE, false, 200, &[], PLACE.1), Verdict::Ready);
        assert_eq!(verdict("linkedin", INITIALIZE, false, 200, &[], "{}"), Verdict::rejected());
        assert_eq!(verdict("linkedin", UPLOAD, false, 201, &[], ""), Verdict::Ready);
    }

    #[test]
    fn a_post_is_looked_up_among_the_authors() {
        let request = LinkedIn.look_up(&access("linkedin"), &post(), &prior(&[])).unwrap();
        assert!(request.target.starts_with("/rest/posts?author=account-1&q=author"), "{}", request.target);
        let found = |source: &str, at: i64| {
            let share = json!({ "elements": [{ "id": "urn:li:share:1", "createdAt": at, "commentary": "other",
                "content": { "article": { "source": source } } }] });
            LinkedIn.find_post(&access("linkedin"), &post(), &answer(200, &[], &share.to_string()))
        };
        let found_post = Some(sent("urn:li:share:1".into()));
        assert_eq!(found("https://news.example/c/1.tok", 1_600_000_000_001), found_post);
        assert_eq!(found("https://news.example/c/1.tok", 1_500_000_000_000), None);
        assert_eq!(found("https://news.example/c/2.tok", 1_600_000_000_001), None);
        let unreadable = answer(403, &[], "{}");
        assert_eq!(LinkedIn.find_post(&access("linkedin"), &post(), &unreadable), Some(Verdict::Unknown));
    }

    #[test]
    fn the_text_is_measured_as_it_is_read() {
        let over = |text: &str| {
            LinkedIn
                .budgets(&post_of(text), &crate::sample::prior(&[]))
                .into_iter()
                .find(|budget| !budget.fits())
        };
        assert_eq!(over(&"*".repeat(3_000)), None);
        assert_eq!(over(&"*".repeat(3_001)).unwrap().over_at, Some(3_000));
    }
}
