//! Whether a post is there already: what a network means by "you have said that before", and what its timeline shows.

use std::borrow::Cow;

use egress::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use message::Post;
use serde_json::Value;

use crate::verdict::Verdict;

const FIRST: &str = "post";
const SECOND: &str = "again";

/// How far the network's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// What the request that publishes `post` is called, so that [`refused`] knows whether it is a second try.
pub(crate) const fn name(post: &Post) -> &'static str {
    if post.again { SECOND } else { FIRST }
}

/// What "you have said that before" means: on a second try that the first arrived; on a first one that somebody else
/// has said it.
pub(crate) fn refused(request: &Request, id: Option<String>, url: Option<String>) -> Verdict {
    if request.name == SECOND { Verdict::sent(id, url) } else { Verdict::rejected() }
}

/// What the answer to [`LOOK_UP`](super::LOOK_UP) means. Who may post but not read is not barred by it: then nobody
/// knows, and [`search`] says so.
pub(crate) fn readable(answer: &Response) -> Verdict {
    match answer.status {
        403 | 404 => Verdict::Ready,
        _ => Verdict::by_status(answer, false),
    }
}

/// Looks through the list at `pointer` (RFC 6901) of an answer. Without a list nobody knows.
pub(crate) fn search(
    answer: &Response,
    pointer: &str,
    find: impl FnMut(&Value) -> Option<Verdict>,
) -> Option<Verdict> {
    let json = answer.json();
    match json.pointer(pointer).and_then(Value::as_array) {
        Some(list) if answer.is_good() && !answer.cut => list.iter().find_map(find),
        _ => Some(Verdict::Unknown),
    }
}

/// By what a post is known again.
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    since: Timestamp,
    links: Vec<&'a str>,
    text: String,
}

impl<'a> Trace<'a> {
    /// Of a post whose words are `text` there.
    pub(crate) fn of(post: &'a Post, text: &str) -> Self {
        let parts = post.parts();
        let link = parts.and_then(|parts| parts.link.as_deref());
        let button = parts.and_then(|parts| parts.action.as_ref()).map(|action| action.url.as_str());
        let since = post.at.checked_sub(SKEW).unwrap_or(post.at);
        Self { since, links: link.into_iter().chain(button).collect(), text: bare(text) }
    }

    /// Since when it can be there.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether something said at `at` is it: it leads to one of its addresses, which are no other post's, or says the
    /// same but for addresses, which networks shorten.
    pub(crate) fn is(&self, at: Option<Timestamp>, text: &str, links: &[&str]) -> bool {
        let recent = at.is_none_or(|at| at >= self.since);
        let leads = |link: &&str| links.contains(link) || text.contains(*link);
        recent && (self.links.iter().any(leads) || (!self.text.is_empty() && bare(text) == self.text))
    }
}

/// `text` without addresses, white space made one, the three entities that networks write taken back.
fn bare(text: &str) -> String {
    let text: Cow<'_, str> = if text.contains('&') {
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").into()
    } else {
        text.into()
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((before, after)) = address(rest) {
        out.push_str(before);
        out.push(' ');
        rest = after;
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is before and after the first address in `text`.
pub(crate) fn address(text: &str) -> Option<(&str, &str)> {
    let at = [text.find("https://"), text.find("http://")].into_iter().flatten().min()?;
    let (before, rest) = text.split_at(at);
    let end = rest.find(|c: char| c.is_whitespace() || !c.is_ascii() || matches!(c, '"' | '<' | '>' | '\\'));
    Some((before, &rest[end.unwrap_or(rest.len())..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{answer, now, post, post_of};

    #[test]
    fn a_post_is_known_by_its_link_or_by_its_words() {
        let (post, other) = (post(), post_of("Spring  & tide https://a.example/1 。"));
        let trace = Trace::of(&post, "Spring");
        assert!(trace.is(Some(now()), "other", &["https://news.example/c/1.tok"]));
        assert!(!trace.is(Some(now()), "other", &["https://news.example/c/2.tok"]));
        assert!(!trace.is(
            Some(now() - SignedDuration::from_hours(1)),
            "",
            &["https://news.example/c/1.tok"]
        ));
        let trace = Trace::of(&other, other.said());
        assert!(trace.is(None, "Spring &amp; tide https://t.co/x 。", &[]));
        assert!(!trace.is(None, "Spring & ride", &[]));
        assert!(!Trace::of(&post_of("https://a.example"), "https://a.example").is(None, "", &[]));
    }

    #[test]
    fn without_a_list_nobody_knows() {
        let never = |_: &Value| Some(Verdict::sent(None, None));
        for (status, body) in [(200, "<html>"), (200, "{}"), (403, "{\"data\":[1]}"), (404, "")] {
            assert_eq!(search(&answer(status, &[], body), "/data", never), Some(Verdict::Unknown), "{body}");
        }
        assert_eq!(search(&answer(200, &[], "{\"data\":[]}"), "/data", never), None);
        let cut = Response { cut: true, ..answer(200, &[], "{\"data\":[]}") };
        assert_eq!(search(&cut, "/data", never), Some(Verdict::Unknown));
        assert_eq!(readable(&answer(403, &[], "")), Verdict::Ready);
        assert_eq!(readable(&answer(401, &[], "")), Verdict::AuthExpired);
        assert_eq!(readable(&answer(500, &[], "")), Verdict::Retryable);
    }
}
