//! Weibo: <https://open.weibo.com/wiki/2/statuses/share>, codes:
//! <https://open.weibo.com/wiki/Error_code>, look-up:
//! <https://open.weibo.com/wiki/2/statuses/user_timeline>.

use std::net::IpAddr;

use egress::{Body, Part, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Unit};
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::form;
use crate::idempotency::{self, PostFingerprint};
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Weibo;

const MAX_TEXT: usize = 140;
/// The length that a URL counts, in half characters: its t.cn form.
const URL_HALF_CHARS: usize = 20;

impl Protocol for Weibo {
    fn check_settings(&self, access: &Access) -> Result<(), ComposeError> {
        match access.from.is_empty() || access.from.parse::<IpAddr>().is_ok() {
            true => Ok(()),
            false => Err(ComposeError::from(
                "its `from` is not an IP address: write the public address of this machine",
            )),
        }
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let fixed = vec![("access_token", access.token.clone()), ("rip", real_ip(access))];
        let body = match &post.content {
            Content::Json(json) => form::of(json, fixed)?,
            Content::Parts(parts) => {
                check_text(&parts.text)?;
                match body(parts, prior, fixed)? {
                    Form::Ready(body) => body,
                    Form::Fetch(request) => return Ok(request),
                }
            }
        };
        Ok(Request::new(idempotency::request_name(post), "POST", "/2/statuses/share.json", body).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let code = text_at(&json, "/error_code").and_then(|code| code.parse::<u32>().ok());
        match (request.name, code) {
            (FETCH, _) => picture::verdict(answer),
            // Reading needs a separate permission.
            (LOOK_UP, Some(10_005 | 10_014)) => Verdict::Ready,
            (_, Some(code)) => refusal(code, request, answer),
            (LOOK_UP, None) => idempotency::look_up_verdict(answer),
            (_, None) if answer.is_success() && request.publishes => {
                sent_verdict(&json).unwrap_or(Verdict::Unknown)
            }
            (_, None) => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limit is 140 Chinese characters: two Latin letters count as one, a URL as ten.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        post.parts().map(|parts| text(&parts.text)).into_iter().collect()
    }

    fn look_up(&self, access: &Access, _post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let target =
            format!("/2/statuses/user_timeline.json?access_token={}&count=100", segment(&access.token));
        Some(Request::get(LOOK_UP, target))
    }

    /// Searches by the text, because links appear there as t.cn URLs.
    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let sent_text = match &post.content {
            Content::Json(json) => form::field(json, "status").unwrap_or_default(),
            Content::Parts(parts) => parts.text.clone(),
        };
        let fingerprint = PostFingerprint::of(post, &sent_text);
        idempotency::search_list(answer, "/statuses", |status| {
            let at = text_at(status, "/created_at");
            let at = at.and_then(|at| Timestamp::strptime("%a %b %d %H:%M:%S %z %Y", at).ok());
            fingerprint
                .matches(at, &text_at(status, "/text").unwrap_or_default(), &[])
                .then(|| sent_verdict(status))?
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let token = segment(&access.token);
        Some(Request::get("examine", format!("/2/account/get_uid.json?access_token={token}")))
    }

    fn example_answer(&self, _name: &str) -> Value {
        json!({ "uid": 1_904_178_193 })
    }
}

/// Returns `rip`: "the real IP address of the user who acts". That is this machine; `from` gives
/// its public address.
fn real_ip(access: &Access) -> String {
    if access.from.is_empty() { "127.0.0.1".to_owned() } else { access.from.clone() }
}

/// Checks what Weibo always refuses: a post without a URL, and `#topics#`.
fn check_text(text: &str) -> Result<(), ComposeError> {
    let Some((mut words, mut rest)) =
        idempotency::split_at_url(text).map(|(before, rest)| (before.to_owned(), rest))
    else {
        return Err(ComposeError::from("Weibo takes no post without a link: write it in the text"));
    };
    while let Some((before, after)) = idempotency::split_at_url(rest) {
        words.push_str(before);
        rest = after;
    }
    words.push_str(rest);
    let topic = words.lines().any(|line| {
        line.split('#')
            .skip(1)
            .step_by(2)
            .any(|topic| !topic.trim().is_empty() && line.matches('#').count() > 1)
    });
    if topic {
        return Err(ComposeError::from("Weibo takes no #topic# in what programs share: leave the signs out"));
    }
    Ok(())
}

/// The form of a post, or the request before it.
enum Form {
    /// The form, with the picture as a file if there is one.
    Ready(Body),
    /// The request that fetches the picture first.
    Fetch(Request),
}

fn body(
    parts: &Parts,
    prior: &PriorAnswers,
    fixed: Vec<(&'static str, String)>,
) -> Result<Form, ComposeError> {
    let fields = [fixed, vec![("status", parts.text.clone())]].concat();
    Ok(match Upload::of(parts, prior)? {
        Upload::None => Form::Ready(Body::Form(fields)),
        Upload::Fetch(request) => Form::Fetch(request),
        Upload::File(file, _) => {
            let fields = fields.into_iter().map(|(name, text)| Part::text(name, text));
            Form::Ready(Body::Multipart(fields.chain([picture::part("pic", &file)]).collect()))
        }
    })
}

/// Returns the verdict of a published status, with its page.
fn sent_verdict(status: &Value) -> Option<Verdict> {
    let id =
        text_at(status, "/idstr").or_else(|| text_at(status, "/mid")).or_else(|| text_at(status, "/id"))?;
    let url = format!("https://m.weibo.cn/status/{id}");
    Some(Verdict::sent(id, url))
}

fn refusal(code: u32, request: &Request, answer: &Response) -> Verdict {
    match code {
        // "Update success, while server slow now".
        20_032 if request.publishes => Verdict::sent(None, None),
        10_004 | 10_022..=10_024 | 20_016 => Verdict::RateLimited(answer.retry_after()),
        10_002 | 10_009 => Verdict::Retryable,
        10_001 | 10_003 | 10_010 | 10_011 if request.publishes => Verdict::Unknown,
        10_001 | 10_003 | 10_010 | 10_011 => Verdict::Retryable,
        10_005 | 10_006 | 10_013 | 10_014 | 21_301..=21_335 => Verdict::AuthExpired,
        // A post with the same text exists.
        20_017 | 20_019 | 20_111 => idempotency::duplicate_refusal(request, None, None),
        10_018 | 20_006 | 20_012 | 20_013 => Verdict::Rejected(RejectReason::TooBig),
        20_015 | 20_018 | 20_020 | 20_021 | 20_031 => Verdict::Rejected(RejectReason::Policy),
        _ => Verdict::rejected(),
    }
}

/// Measures a text as Weibo's own pages do: half a character for each ASCII character.
fn text(text: &str) -> LengthBudget {
    let (mut halves, mut over_at, mut rest, mut at) = (0, None, text, 0);
    let mut add = |size: usize, at: usize| {
        halves += size;
        if halves > 2 * MAX_TEXT && over_at.is_none() {
            over_at = Some(at);
        }
    };
    loop {
        let (before, after) =
            idempotency::split_at_url(rest).map_or((rest, None), |(before, after)| (before, Some(after)));
        for (offset, c) in before.char_indices() {
            add(if c.is_ascii() { 1 } else { 2 }, at + offset);
        }
        let Some(after) = after else { break };
        add(URL_HALF_CHARS, at + before.len());
        at += rest.len() - after.len();
        rest = after;
    }
    let measured = halves.div_ceil(2);
    LengthBudget { what: "text", unit: Unit::Characters, measured, allowed: MAX_TEXT, over_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, next, post, post_of, post_with_file, prior, verdict};

    const TEXT_WITH_LINK: &str = "春节大促 https://news.example/c/1.tok 选购";

    fn with_link(mut post: Post) -> Post {
        if let Content::Parts(parts) = &mut post.content {
            parts.text = TEXT_WITH_LINK.into();
        }
        post
    }

    #[test]
    fn a_post_is_a_form_and_with_a_picture_in_parts() {
        let request = next("weibo", &post_of(TEXT_WITH_LINK), &prior(&[]));
        assert_eq!((request.method, &*request.target), ("POST", "/2/statuses/share.json"));
        let fields: Vec<_> = url::form_urlencoded::parse(&request.body.encoded().1).into_owned().collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            fields,
            [("access_token", "token-1"), ("rip", "+15005550006"), ("status", TEXT_WITH_LINK)]
        );
        let request = next("weibo", &with_link(post_with_file()), &prior(&[]));
        let Body::Multipart(parts) = &request.body else { panic!() };
        assert_eq!((parts[3].name, &*parts[3].bytes), ("pic", &[1, 2, 3, 4][..]));
        assert_eq!(next("weibo", &with_link(post()), &prior(&[])).name, FETCH);
        let own = Post { content: Content::Json(r#"{"status":"a","rip":"1.1.1.1"}"#.into()), ..post() };
        let form = String::from_utf8(next("weibo", &own, &prior(&[])).body.encoded().1).unwrap();
        assert_eq!(form, "status=a&access_token=token-1&rip=%2B15005550006");
    }

    #[test]
    fn the_real_ip_is_configured_or_local() {
        let from = |from: &str| Access { from: from.into(), ..access("weibo") };
        assert!(
            Weibo.check_settings(&from("211.156.0.1")).is_ok() && Weibo.check_settings(&from("")).is_ok()
        );
        assert!(Weibo.check_settings(&from("brand")).is_err());
        assert_eq!(
            (real_ip(&from("")), real_ip(&from("211.156.0.1"))),
            ("127.0.0.1".into(), "211.156.0.1".into())
        );
    }

    #[test]
    fn posts_that_weibo_never_accepts_are_refused_early() {
        for (text, fits) in [
            (TEXT_WITH_LINK, true),
            ("no link", false),
            ("#春节# https://a.example", false),
            ("No. #1 https://a.example", true),
            ("https://a.example/#a and https://b.example/#b", true),
        ] {
            assert_eq!(check_text(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: u32| {
            format!("{{\"request\":\"/2/statuses/share.json\",\"error_code\":{code},\"error\":\"e\"}}")
        };
        let url = "https://m.weibo.cn/status/35".to_owned();
        for (name, status, body, expected) in [
            (
                "post",
                200,
                r#"{"id":35,"idstr":"35","mid":"35"}"#.to_owned(),
                Verdict::sent("35".to_owned(), url),
            ),
            ("post", 200, "{\"id\"".into(), Verdict::Unknown),
            ("post", 200, "<html>".into(), Verdict::Unknown),
            ("post", 400, error(10_023), Verdict::RateLimited(None)),
            ("post", 403, error(10_024), Verdict::RateLimited(None)),
            ("post", 400, error(20_016), Verdict::RateLimited(None)),
            ("post", 400, error(20_012), Verdict::Rejected(RejectReason::TooBig)),
            ("post", 400, error(20_021), Verdict::Rejected(RejectReason::Policy)),
            ("post", 400, error(20_019), Verdict::rejected()),
            ("again", 400, error(20_019), Verdict::sent(None, None)),
            ("post", 400, error(20_032), Verdict::sent(None, None)),
            ("post", 401, error(21_327), Verdict::AuthExpired),
            ("post", 403, error(21_332), Verdict::AuthExpired),
            ("post", 403, "{\"error_code\":\"21315\"}".into(), Verdict::AuthExpired),
            ("post", 400, error(10_017), Verdict::rejected()),
            ("post", 503, error(10_001), Verdict::Unknown),
            ("post", 503, error(10_002), Verdict::Retryable),
            ("post", 500, String::new(), Verdict::Unknown),
        ] {
            assert_eq!(verdict("weibo", name, true, status, &[], &body), expected, "{name} {status} {body}");
        }
        assert_eq!(verdict("weibo", LOOK_UP, false, 403, &[], &error(10_014)), Verdict::Ready);
        assert_eq!(verdict("weibo", "examine", false, 200, &[], "{\"uid\":1}"), Verdict::Ready);
    }

    #[test]
    fn a_post_is_looked_up_by_its_words() {
        let found = |text: &str, at: &str| {
            let body = json!({ "statuses": [{ "idstr": "35", "text": text, "created_at": at }] });
            Weibo.find_post(&access("weibo"), &post_of(TEXT_WITH_LINK), &answer(200, &[], &body.to_string()))
        };
        let sent_verdict = sent_verdict(&json!({ "idstr": "35" }));
        assert_eq!(found("春节大促 http://t.cn/A6 选购", "Sun Sep 13 20:26:41 +0800 2020"), sent_verdict);
        assert_eq!(found("春节大促 http://t.cn/A6 选购", "Sun Sep 13 19:26:41 +0800 2020"), None);
        assert_eq!(found("夏天", "Sun Sep 13 20:26:41 +0800 2020"), None);
    }

    #[test]
    fn the_text_is_counted_as_weibo_counts() {
        let budget = |text: &str| Weibo.budgets(&post_of(text), &crate::sample::prior(&[])).remove(0);
        assert_eq!(budget("春节ab").measured, 3);
        assert_eq!(budget(&format!("a https://news.example/{}", "x".repeat(300))).measured, 11);
        assert_eq!(budget(&"春".repeat(140)).over_at, None);
        assert_eq!(budget(&"春".repeat(141)).over_at, Some(420));
        assert_eq!(budget(&format!("{}https://a.example", "春".repeat(131))).over_at, Some(393));
    }
}
