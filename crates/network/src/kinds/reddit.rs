//! Reddit: <https://www.reddit.com/dev/api#POST_api_submit>, the required user agent:
//! <https://github.com/reddit-archive/reddit/wiki/API>, errors:
//! <https://github.com/reddit-archive/reddit/blob/master/r2/r2/lib/errors.py>.

use std::time::Duration;

use egress::{Body, Request, Response, segment};
use jiff::{SignedDuration, Timestamp};
use measure::{LengthBudget, Measure};
use message::flavor::Flavor;
use message::{Content, Parts, Post, RejectReason};
use serde_json::Value;

use crate::access::Access;
use crate::form;
use crate::idempotency::{self, PostFingerprint};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Reddit;

const MAX_TITLE: usize = 300;

impl Protocol for Reddit {
    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let fixed = vec![
            ("api_type", "json".to_owned()),
            ("sr", without_prefix(&access.room, "r/").to_owned()),
            ("resubmit", "false".to_owned()),
        ];
        let body = match &post.content {
            Content::Json(json) => form::of(json, fixed)?,
            Content::Parts(parts) => Body::Form([fixed, fields(parts)?].concat()),
        };
        let request = Request::new(idempotency::request_name(post), "POST", "/api/submit", body);
        Ok(authorized(access, request).publishes())
    }

    /// Interprets `json.errors`, such as `["RATELIMIT", "…", "ratelimit"]`; errors have status 200.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let error = text_at(&json, "/json/errors/0/0");
        match (request.name, answer.status, error) {
            (LOOK_UP, ..) => idempotency::look_up_verdict(answer),
            (_, 200, Some(error)) => refusal(&error, &json, request),
            (_, 200, None) if request.publishes => sent_verdict(&json),
            (_, 200, None) => Verdict::Ready,
            (_, 403, _) if text_at(&json, "/reason").is_some() => Verdict::Gone,
            (_, 404, _) => Verdict::Gone,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limits are 300 characters in a title and 40,000 in a text.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        let text = body(parts).map(|text| Measure::Characters.budget("text", &text, 40_000));
        let title = parts.title.iter().map(|title| Measure::Characters.budget("title", title, MAX_TITLE));
        title.chain(text).collect()
    }

    fn look_up(&self, access: &Access, _post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let name = segment(without_prefix(&access.account, "u/"));
        let target = format!("/user/{name}/submitted?sort=new&limit=100&raw_json=1");
        Some(authorized(access, Request::get(LOOK_UP, target)))
    }

    fn find_post(&self, access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let sent_title = match &post.content {
            Content::Json(json) => form::field(json, "title").unwrap_or_default(),
            Content::Parts(parts) => title(parts),
        };
        let fingerprint = PostFingerprint::of(post, &sent_title);
        idempotency::search_list(answer, "/data/children", |child| {
            let child = child.get("data")?;
            let text = |name: &str| text_at(child, name).unwrap_or_default();
            let same_room = text("/subreddit").eq_ignore_ascii_case(without_prefix(&access.room, "r/"));
            let at = child.get("created_utc").and_then(Value::as_f64);
            let at = at.and_then(|at| SignedDuration::try_from_secs_f64(at).ok());
            let at = at.and_then(|at| Timestamp::from_duration(at).ok());
            let (url, body) = (text("/url"), text("/selftext"));
            let is = same_room
                && (fingerprint.matches(at, &text("/title"), &[&url]) || fingerprint.matches(at, &body, &[]));
            let link = text_at(child, "/permalink").map(|path| format!("https://www.reddit.com{path}"));
            is.then(|| Verdict::sent(text_at(child, "/name"), link))
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(authorized(access, Request::get("examine", "/api/v1/me")))
    }
}

/// Adds the credentials, and the user agent that Reddit requires: "<platform>:<app ID>:<version
/// string> (by /u/<reddit username>)".
fn authorized(access: &Access, request: Request) -> Request {
    let (version, account) = (env!("CARGO_PKG_VERSION"), without_prefix(&access.account, "u/"));
    let account: String = account.chars().filter(char::is_ascii_graphic).collect();
    request.bearer(&access.token).header("user-agent", format!("server:chorus:v{version} (by /u/{account})"))
}

/// Returns a name without a leading `/r/` or `/u/`.
fn without_prefix<'a>(name: &'a str, prefix: &str) -> &'a str {
    let name = name.trim_matches('/');
    name.strip_prefix(prefix).unwrap_or(name)
}

/// Returns the form fields: a link post if the post is nothing but a link, else a text post with
/// the link in its text.
fn fields(parts: &Parts) -> Result<Vec<(&'static str, String)>, ComposeError> {
    let title = title(parts);
    if title.is_empty() {
        return Err(ComposeError::from("Reddit takes no post without a title: begin it with a heading"));
    }
    Ok(match (body(parts), link(parts)) {
        (None, Some(link)) => {
            vec![("kind", "link".to_owned()), ("title", title), ("url", link.to_owned())]
        }
        (text, _) => vec![("kind", "self".to_owned()), ("title", title), ("text", text.unwrap_or_default())],
    })
}

fn link(parts: &Parts) -> Option<&str> {
    parts.action.as_ref().map(|action| action.url.as_str()).or(parts.link.as_deref())
}

/// Returns the title, or else the first line of the text.
fn title(parts: &Parts) -> String {
    let first = || parts.plain.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let title = parts.title.as_deref().unwrap_or_else(first).trim();
    title[..Measure::Characters.cut_point(title, MAX_TITLE)].to_owned()
}

/// Returns the text under the title: the text, a link to the picture with its alternative text, and
/// the button as a link. `None` if the link is all there is.
fn body(parts: &Parts) -> Option<String> {
    let picture = parts.picture.as_ref().and_then(|picture| Some((picture.alt.as_str(), picture.url()?)));
    if parts.text.is_empty() && picture.is_none() {
        return None;
    }
    let picture = picture.map(|(alt, url)| format!("[{}]({url})", link_label(alt, url)));
    let action = parts
        .action
        .as_ref()
        .map(|action| format!("[{}]({})", link_label(&action.label, &action.url), action.url));
    let text = Some(parts.text.clone()).filter(|text| !text.is_empty());
    Some([text, picture, action].into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

/// Returns the text of a Markdown link, with brackets escaped.
fn link_label(label: &str, url: &str) -> String {
    crate::markdown::escaped(Flavor::Reddit, if label.is_empty() { url } else { label })
}

fn sent_verdict(json: &Value) -> Verdict {
    match text_at(json, "/json/data/name").or_else(|| text_at(json, "/json/data/id")) {
        Some(id) => Verdict::sent(id, text_at(json, "/json/data/url")),
        None => Verdict::Unknown,
    }
}

fn refusal(error: &str, json: &Value, request: &Request) -> Verdict {
    match error {
        "RATELIMIT" | "QUOTA_FILLED" => {
            let wait = json.pointer("/json/ratelimit").and_then(Value::as_f64);
            let wait = wait.and_then(|wait| Duration::try_from_secs_f64(wait).ok());
            Verdict::RateLimited(wait.map(|wait| wait.min(egress::MAX_WAIT)))
        }
        "ALREADY_SUB" => idempotency::duplicate_refusal(request, None, None),
        "TOO_LONG" | "TITLE_TOO_LONG" => Verdict::Rejected(RejectReason::TooBig),
        "SUBREDDIT_NOEXIST"
        | "SUBREDDIT_NOTALLOWED"
        | "SUBREDDIT_REQUIRED"
        | "SUBREDDIT_DISABLED"
        | "BAD_SR_NAME" => Verdict::Gone,
        "USER_REQUIRED" | "WRONG_PASSWORD" | "BAD_CAPTCHA" | "USER_BANNED" | "UNAUTHORIZED" => {
            Verdict::AuthExpired
        }
        "DOMAIN_BANNED" | "BANNED_DOMAIN" | "SUBMIT_VALIDATION_BANNED_DOMAIN" | "NO_LINKS" | "NO_SELFS" => {
            Verdict::Rejected(RejectReason::Policy)
        }
        _ => Verdict::rejected(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample::{access, answer, next, post, post_of, prior, verdict};

    fn form(request: &Request) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&request.body.encoded().1).into_owned().collect()
    }

    #[test]
    fn a_post_is_a_text_or_a_link() {
        let request = next("reddit", &post(), &prior(&[]));
        assert_eq!((request.method, &*request.target, request.publishes), ("POST", "/api/submit", true));
        let agent = &request.headers.iter().find(|(name, _)| *name == "user-agent").unwrap().1;
        assert!(agent.starts_with("server:chorus:v") && agent.ends_with(" (by /u/account-1)"), "{agent}");
        insta::assert_json_snapshot!(form(&request));
        let mut post = post();
        let Content::Parts(parts) = &mut post.content else { panic!() };
        (parts.text, parts.picture) = (String::new(), None);
        let fields = form(&next("reddit", &post, &prior(&[])));
        assert!(fields.contains(&("kind".into(), "link".into())));
        assert!(fields.contains(&("url".into(), "https://news.example/c/1.tok".into())));
    }

    #[test]
    fn a_title_is_the_first_line_where_there_is_none() {
        let fields = form(&next("reddit", &post_of(&"春\n2".repeat(2)), &prior(&[])));
        assert!(fields.contains(&("title".into(), "春".into())), "{fields:?}");
        assert!(Reddit.next(&access("reddit"), &post_of(""), &prior(&[])).is_err());
        let own = Content::Json(r#"{"kind":"self","title":"t","flair_id":"f","sr":"other"}"#.into());
        let fields = form(&next("reddit", &Post { content: own, ..post() }, &prior(&[])));
        assert!(fields.contains(&("flair_id".into(), "f".into())));
        assert!(fields.contains(&("sr".into(), "room-1".into())) && fields.len() == 6, "{fields:?}");
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: &str| json!({ "json": { "errors": [[code, "words", "field"]] } }).to_string();
        let limited = r#"{"json":{"ratelimit":534.5,"errors":[["RATELIMIT","take a break","ratelimit"]]}}"#;
        let seconds = |seconds: f64| Verdict::RateLimited(Some(Duration::from_secs_f64(seconds)));
        let url = "https://www.reddit.com/r/a/comments/1".to_owned();
        for (name, status, headers, body, expected) in [
            (
                "post",
                200,
                &[][..],
                format!(r#"{{"json":{{"errors":[],"data":{{"url":"{url}","id":"1","name":"t3_1"}}}}}}"#),
                Verdict::sent("t3_1".to_owned(), url),
            ),
            ("post", 200, &[], "{\"json\"".into(), Verdict::Unknown),
            ("post", 200, &[], "<html>".into(), Verdict::Unknown),
            ("post", 200, &[], limited.into(), seconds(534.5)),
            ("post", 200, &[], error("RATELIMIT"), Verdict::RateLimited(None)),
            ("post", 200, &[], error("ALREADY_SUB"), Verdict::rejected()),
            ("again", 200, &[], error("ALREADY_SUB"), Verdict::sent(None, None)),
            ("post", 200, &[], error("TOO_LONG"), Verdict::Rejected(RejectReason::TooBig)),
            ("post", 200, &[], error("SUBREDDIT_NOTALLOWED"), Verdict::Gone),
            ("post", 200, &[], error("USER_REQUIRED"), Verdict::AuthExpired),
            ("post", 200, &[], error("DOMAIN_BANNED"), Verdict::Rejected(RejectReason::Policy)),
            ("post", 200, &[], error("NO_TEXT"), Verdict::rejected()),
            ("post", 401, &[], "{\"message\":\"Unauthorized\"}".into(), Verdict::AuthExpired),
            ("post", 403, &[], r#"{"reason":"private","error":403}"#.into(), Verdict::Gone),
            ("post", 404, &[], r#"{"reason":"banned"}"#.into(), Verdict::Gone),
            ("post", 429, &[("x-ratelimit-reset", "42")], String::new(), seconds(42.0)),
            ("post", 500, &[], String::new(), Verdict::Unknown),
            ("post", 503, &[], String::new(), Verdict::Retryable),
        ] {
            assert_eq!(
                verdict("reddit", name, true, status, headers, &body),
                expected,
                "{name} {status} {body}"
            );
        }
    }

    #[test]
    fn a_post_is_looked_up_in_the_accounts_posts() {
        let request = Reddit.look_up(&access("reddit"), &post(), &prior(&[])).unwrap();
        assert_eq!(request.target, "/user/account-1/submitted?sort=new&limit=100&raw_json=1");
        let found = |room: &str, text: &str, at: f64| {
            let body = json!({ "data": { "children": [{ "kind": "t3", "data": { "name": "t3_1", "subreddit": room,
                "title": "x", "selftext": text, "created_utc": at, "permalink": "/r/a/1/" } }] } });
            Reddit.find_post(&access("reddit"), &post(), &answer(200, &[], &body.to_string()))
        };
        let sent_verdict = Verdict::sent("t3_1".to_owned(), "https://www.reddit.com/r/a/1/".to_owned());
        let text = "[Choose](https://news.example/c/1.tok)";
        assert_eq!(found("Room-1", text, 1_600_000_001.0), Some(sent_verdict));
        assert_eq!(found("other", text, 1_600_000_001.0), None);
        assert_eq!(found("room-1", text, 1_500_000_001.0), None);
        assert_eq!(found("room-1", "other", 1_600_000_001.0), None);
    }

    #[test]
    fn titles_are_measured() {
        let mut post = post();
        let Content::Parts(parts) = &mut post.content else { panic!() };
        parts.title = Some("春".repeat(301));
        assert_eq!(Reddit.budgets(&post, &crate::sample::prior(&[]))[0].over_at, Some(900));
    }
}
