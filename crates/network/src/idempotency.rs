//! Detection of posts that were already published: by a network's answer to a duplicate, and by a
//! search of its timeline.

use std::borrow::Cow;

use egress::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use message::Post;
use serde_json::Value;

use crate::verdict::Verdict;

const FIRST_ATTEMPT: &str = "post";
const SECOND_ATTEMPT: &str = "again";

/// The most that the network's clock may be behind ours.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Returns the name of the request that publishes `post`, from which [`duplicate_refusal`] knows
/// whether it is a second attempt.
pub(crate) const fn request_name(post: &Post) -> &'static str {
    if post.possible_duplicate { SECOND_ATTEMPT } else { FIRST_ATTEMPT }
}

/// Returns the meaning of "this is a duplicate": on a second attempt the first one arrived; on a
/// first attempt someone else posted the same.
pub(crate) fn duplicate_refusal(request: &Request, id: Option<String>, url: Option<String>) -> Verdict {
    if request.name == SECOND_ATTEMPT { Verdict::sent(id, url) } else { Verdict::rejected() }
}

/// Returns the meaning of an answer to [`LOOK_UP`](super::protocol::LOOK_UP). An account that may
/// post but not read is not blocked: the outcome is then unknown, as [`search_list`] reports.
pub(crate) fn look_up_verdict(answer: &Response) -> Verdict {
    match answer.status {
        403 | 404 => Verdict::Ready,
        _ => Verdict::by_status(answer, false),
    }
}

/// Searches the list at `pointer` (RFC 6901) of an answer. Without a list the outcome is unknown.
pub(crate) fn search_list(
    answer: &Response,
    pointer: &str,
    find: impl FnMut(&Value) -> Option<Verdict>,
) -> Option<Verdict> {
    let json = answer.json();
    match json.pointer(pointer).and_then(Value::as_array) {
        Some(list) if answer.is_success() && !answer.truncated => list.iter().find_map(find),
        _ => Some(Verdict::Unknown),
    }
}

/// The properties by which a post is recognised in a timeline.
#[derive(Debug)]
pub(crate) struct PostFingerprint<'a> {
    since: Timestamp,
    links: Vec<&'a str>,
    text: String,
}

impl<'a> PostFingerprint<'a> {
    /// Takes the fingerprint of a post whose text on the network is `text`.
    pub(crate) fn of(post: &'a Post, text: &str) -> Self {
        let parts = post.parts();
        let link = parts.and_then(|parts| parts.link.as_deref());
        let button = parts.and_then(|parts| parts.action.as_ref()).map(|action| action.url.as_str());
        let since = post.at.checked_sub(MAX_CLOCK_SKEW).unwrap_or(post.at);
        Self { since, links: link.into_iter().chain(button).collect(), text: normalized(text) }
    }

    /// Returns the earliest time at which the post can have been published.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns true if an entry published at `at` is this post: it links to one of the post's URLs,
    /// which no other post has, or its text is the same apart from URLs, which networks shorten.
    pub(crate) fn matches(&self, at: Option<Timestamp>, text: &str, links: &[&str]) -> bool {
        let recent = at.is_none_or(|at| at >= self.since);
        let is_linked = |link: &&str| links.contains(link) || text.contains(*link);
        recent
            && (self.links.iter().any(is_linked) || (!self.text.is_empty() && normalized(text) == self.text))
    }
}

/// Returns `text` without URLs, with white space collapsed, and with `&lt;`, `&gt;` and `&amp;`
/// decoded.
fn normalized(text: &str) -> String {
    let text: Cow<'_, str> = if text.contains('&') {
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").into()
    } else {
        text.into()
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((before, after)) = split_at_url(rest) {
        out.push_str(before);
        out.push(' ');
        rest = after;
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the text before and after the first URL in `text`.
pub(crate) fn split_at_url(text: &str) -> Option<(&str, &str)> {
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
    fn a_post_is_recognised_by_its_link_or_its_text() {
        let (post, other) = (post(), post_of("Spring  & tide https://a.example/1 。"));
        let fingerprint = PostFingerprint::of(&post, "Spring");
        assert!(fingerprint.matches(Some(now()), "other", &["https://news.example/c/1.tok"]));
        assert!(!fingerprint.matches(Some(now()), "other", &["https://news.example/c/2.tok"]));
        assert!(!fingerprint.matches(
            Some(now() - SignedDuration::from_hours(1)),
            "",
            &["https://news.example/c/1.tok"]
        ));
        let fingerprint = PostFingerprint::of(&other, other.text());
        assert!(fingerprint.matches(None, "Spring &amp; tide https://t.co/x 。", &[]));
        assert!(!fingerprint.matches(None, "Spring & ride", &[]));
        assert!(!PostFingerprint::of(&post_of("https://a.example"), "https://a.example").matches(
            None,
            "",
            &[]
        ));
    }

    #[test]
    fn without_a_list_the_outcome_is_unknown() {
        let never = |_: &Value| Some(Verdict::sent(None, None));
        for (status, body) in [(200, "<html>"), (200, "{}"), (403, "{\"data\":[1]}"), (404, "")] {
            assert_eq!(
                search_list(&answer(status, &[], body), "/data", never),
                Some(Verdict::Unknown),
                "{body}"
            );
        }
        assert_eq!(search_list(&answer(200, &[], "{\"data\":[]}"), "/data", never), None);
        let cut = Response { truncated: true, ..answer(200, &[], "{\"data\":[]}") };
        assert_eq!(search_list(&cut, "/data", never), Some(Verdict::Unknown));
        assert_eq!(look_up_verdict(&answer(403, &[], "")), Verdict::Ready);
        assert_eq!(look_up_verdict(&answer(401, &[], "")), Verdict::AuthExpired);
        assert_eq!(look_up_verdict(&answer(500, &[], "")), Verdict::Retryable);
    }
}
