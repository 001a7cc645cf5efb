//! Reddit's submit (reddit.com/dev/api#POST_api_submit; errors as in r2/lib/errors.py). Refusals
//! have status 200.

use axum::http::Method;
use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    field, required,
};
use serde_json::{Value, json};

/// The longest title and the longest text, in characters.
const MAX_TITLE_CHARS: usize = 300;
const MAX_TEXT_CHARS: usize = 40_000;
const NAME: &str = "harbour_coffee";

/// The server side of Reddit.
#[derive(Debug)]
pub(crate) struct Reddit;

impl FakeNetwork for Reddit {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/api/submit"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        check_user_agent(request)?;
        let is_authorized = request.bearer() == Some(required(account(Kind::Reddit).token));
        ensure(is_authorized, || gateway_error(401, "Unauthorized"))?;
        let parts = request.parts();
        // Every listing may end with its format.
        let bare = |part: &'_ String| part.trim_end_matches(".json").to_owned();
        let parts: Vec<String> = parts.iter().map(bare).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let sub = required(account(Kind::Reddit).room);
        let reply = match (request.method.as_str(), &parts[..]) {
            ("POST", ["api", "submit"]) => submit(state, request),
            ("GET", ["api", "v1", "me"]) => {
                Ok(Reply::json(200, &json!({ "id": "abc123", "name": NAME, "is_suspended": false })))
            }
            ("GET", ["user", name, "submitted"]) if *name == NAME => Ok(submitted(state)),
            ("GET", ["r", name, "about"]) if *name == sub => {
                let data =
                    json!({ "display_name": sub, "subreddit_type": "public", "submission_type": "any" });
                Ok(Reply::json(200, &json!({ "kind": "t5", "data": data })))
            }
            _ => Err(gateway_error(404, "Not Found")),
        }?;
        Ok(limits(reply, 996, 4, 300))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let wait = if *seconds < 60 {
                    format!("{seconds} seconds")
                } else {
                    format!("{} minutes", seconds.div_ceil(60))
                };
                let words = format!(
                    "Looks like you've been doing that a lot. Take a break for {wait} before trying again."
                );
                let body = json!({ "json": { "ratelimit": f64::from(*seconds), "errors": [["RATELIMIT", words, "ratelimit"]] } });
                limits(Reply::json(200, &body).with_reason("RATELIMIT"), 0, 1000, *seconds)
            }
            VendorError::Expired => gateway_error(401, "Unauthorized"),
            VendorError::Revoked => gateway_error(403, "Forbidden"),
            VendorError::Rejected(reason) => {
                refuse("SUBMIT_VALIDATION_BODY_BLACKLISTED_STRING", reason, "text")
            }
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 100, window: 60_000, penalty: 0 }]
    }
}

fn limits(reply: Reply, left: u32, used: u32, reset: u32) -> Reply {
    let reply = reply.with("x-ratelimit-remaining", format!("{left}.0")).with("x-ratelimit-used", used);
    reply.with("x-ratelimit-reset", reset)
}

fn gateway_error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message, "error": status })).with_reason(message)
}

fn refuse(code: &str, words: &str, field: &str) -> Reply {
    Reply::json(200, &json!({ "json": { "errors": [[code, words, field]] } }))
        .with_reason(format!("{code}: {words}"))
}

/// Refuses requests without a meaningful User-Agent with 429
/// (github.com/reddit-archive/reddit/wiki/API).
fn check_user_agent(request: &Request) -> Result<(), Reply> {
    let agent = request.header("user-agent").unwrap_or_default().to_lowercase();
    let plain = ["curl/", "python", "reqwest", "okhttp", "go-http-client", "java/", "wget"];
    let is_identified = !agent.is_empty() && !plain.iter().any(|plain| agent.starts_with(plain));
    ensure(is_identified, || {
        gateway_error(429, "Too Many Requests").with_reason("the User-Agent names no application")
    })
}

fn submit(state: &mut NetworkState, request: &Request) -> Answer {
    let fields = request.fields();
    let get = |name: &str| field(&fields, name).unwrap_or_default();
    ensure(get("api_type") == "json", || {
        Reply::json(200, &json!({ "jquery": [], "success": false }))
            .with_reason("api_type is not json: the answer cannot be read")
    })?;
    let sub = required(account(Kind::Reddit).room);
    ensure(!get("sr").is_empty(), || refuse("SUBREDDIT_REQUIRED", "you must specify a subreddit", "sr"))?;
    ensure(get("sr").eq_ignore_ascii_case(sub), || {
        refuse("SUBREDDIT_NOEXIST", "Hmm, that community doesn't exist. Try checking the spelling.", "sr")
    })?;
    let title = get("title");
    ensure(!title.trim().is_empty(), || refuse("NO_TEXT", "we need something here", "title"))?;
    ensure(chars(title) <= MAX_TITLE_CHARS, || refuse("TOO_LONG", "this is too long (max: 300)", "title"))?;
    let link = match get("kind") {
        "self" => {
            ensure(chars(get("text")) <= MAX_TEXT_CHARS, || {
                refuse("TOO_LONG", "this is too long (max: 40000)", "text")
            })?;
            None
        }
        "link" => {
            let url = get("url");
            ensure(!url.is_empty(), || refuse("NO_URL", "a url is required", "url"))?;
            ensure(is_web(url), || refuse("BAD_URL", "you should check that url", "url"))?;
            Some(url.to_owned())
        }
        "image" => {
            return Err(refuse(
                "BAD_URL",
                "you should check that url: only what was uploaded to Reddit",
                "url",
            ));
        }
        _ => return Err(refuse("INVALID_OPTION", "that option is not valid", "kind")),
    };
    let again = ["true", "1", "on"].contains(&get("resubmit"));
    let key = link.as_deref().map(|link| format!("link {link}"));
    let there = key.as_deref().is_some_and(|key| state.notes.get(key).is_some());
    ensure(again || !there, || refuse("ALREADY_SUB", "that link has already been submitted", "url"))?;
    let number = state.serial();
    let id = format!("1abc{number:03}");
    if let Some(key) = key {
        state.notes.put(key, Value::Bool(true));
    }
    let url = format!("https://www.reddit.com/r/{sub}/comments/{id}/post/");
    let raw = fields.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let post = Post {
        account: format!("r/{sub} · u/{NAME}"),
        id: format!("t3_{id}"),
        title: Some(title.to_owned()),
        text: if link.is_some() { String::new() } else { get("text").to_owned() },
        links: link.into_iter().collect(),
        raw: Value::Object(raw),
        ..Post::default()
    };
    state.add_post(request, post);
    let data = json!({ "url": url, "drafts_count": 0, "id": id, "name": format!("t3_{id}") });
    Ok(Reply::json(200, &json!({ "json": { "errors": [], "data": data } })))
}

fn submitted(state: &NetworkState) -> Reply {
    let sub = required(account(Kind::Reddit).room);
    let row = |post: &fake_server::Received| {
        let data = json!({ "name": post.id, "id": post.id.trim_start_matches("t3_"), "title": post.title, "selftext": post.text,
            "url": post.links.first(), "subreddit": sub, "author": NAME, "created_utc": post.at.div_euclid(1000) });
        json!({ "kind": "t3", "data": data })
    };
    let children: Vec<Value> = state.received.iter().rev().take(25).map(row).collect();
    let data = json!({ "after": null, "dist": children.len(), "children": children });
    Reply::json(200, &json!({ "kind": "Listing", "data": data }))
}

#[cfg(test)]
mod tests {
    use fake_server::Fault;

    use super::*;
    use crate::probe::Probe;

    fn named(probe: Probe) -> Probe {
        probe.bearer().header("user-agent", "server:example.harbour:v1 (by /u/harbour_coffee)")
    }

    fn with(changes: &[(&str, &str)]) -> Probe {
        let all = [
            ("api_type", "json"),
            ("sr", "harbourcoffee"),
            ("kind", "link"),
            ("title", "茶"),
            ("url", "https://harbour.example/a"),
            ("resubmit", "false"),
        ];
        let mut fields: Vec<(&str, &str)> =
            all.into_iter().filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key)).collect();
        fields.extend(changes);
        named(Probe::post(Kind::Reddit, "/api/submit")).form(&fields)
    }

    #[test]
    fn a_link_is_submitted_once_and_found_again() {
        let mut probe = with(&[]);
        let made = probe.value();
        assert_eq!(made["json"]["errors"], json!([]));
        assert_eq!(probe.value()["json"]["errors"][0][0], "ALREADY_SUB");
        let mut list = probe.then(named(Probe::get(Kind::Reddit, "/user/harbour_coffee/submitted")));
        assert_eq!(list.value()["data"]["children"][0]["data"]["name"], made["json"]["data"]["name"]);
        let mut text = list.then(with(&[("kind", "self"), ("text", "Tea")]));
        assert_eq!(text.value()["json"]["errors"], json!([]));
        assert_eq!(named(Probe::get(Kind::Reddit, "/api/v1/me")).value()["name"], NAME);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = "茶".repeat(301);
        Probe::table([
            (with(&[]).header("authorization", "Bearer x"), 401, "Unauthorized"),
            (with(&[]).header("user-agent", "python-requests/2"), 429, "Too Many Requests"),
            (with(&[]).without("user-agent"), 429, "Too Many Requests"),
            (with(&[("api_type", "xml")]), 200, "jquery"),
            (with(&[("sr", "")]), 200, "SUBREDDIT_REQUIRED"),
            (with(&[("sr", "other")]), 200, "SUBREDDIT_NOEXIST"),
            (with(&[("title", " ")]), 200, "NO_TEXT"),
            (with(&[("title", &long)]), 200, "TOO_LONG"),
            (with(&[("kind", "poster")]), 200, "INVALID_OPTION"),
            (with(&[("url", "")]), 200, "NO_URL"),
            (with(&[("url", "x")]), 200, "BAD_URL"),
        ]);
        let limited = with(&[]).error_reply(&Fault::RateLimited { seconds: 300 });
        let body: Value = serde_json::from_slice(&limited.body).unwrap();
        assert_eq!(
            (limited.status, &body["json"]["errors"][0][0], &body["json"]["ratelimit"]),
            (200, &json!("RATELIMIT"), &json!(300.0))
        );
    }
}
