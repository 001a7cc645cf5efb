//! The checks of links and of the call to action.

use std::ops::Range;

use url::Url;

use super::content::{ChannelContent, ExpectedContent};
use super::finding::{ConsistencyFinding, shorten};
use campaign::ConsistencyRule;
use facts::TokenizedText;
use source::Severity;

/// Reports links to other hosts than the message's and the brand's, and a text in which no link
/// leads to the message's page.
pub(super) fn check_links(
    expected: &ExpectedContent<'_>,
    content: &ChannelContent<'_>,
    findings: &mut Vec<ConsistencyFinding>,
) {
    let given: Vec<(&str, Url)> =
        content.links.iter().filter_map(|link| Some((*link, parse_web_url(link)?))).collect();
    for (link, url) in given.iter().filter(|(link, url)| !is_allowed(expected, link, url)) {
        let host = shorten(url.host_str().unwrap_or_default());
        let message =
            format!("this link leads to {host}, which is neither the message's link nor the brand's");
        let help = "Take it out, or write it into the message, so that every channel has it.".to_owned();
        findings.push(link_finding(content, link, Severity::Error, message, help));
    }
    let Some((wanted, target)) = expected.link.and_then(|link| Some((link, parse_web_url(link)?))) else {
        return;
    };
    if given.iter().any(|(_, url)| is_same_page(url, &target)) {
        return;
    }
    let closest = given.iter().find(|(_, url)| host(url) == host(&target)).or_else(|| given.first());
    let help = format!("Link to {{{{message.link}}}}: {}.", shorten(wanted));
    findings.push(match closest {
        Some((link, _)) => {
            let message =
                format!("no link leads where the message does; this one leads to {}", shorten(link));
            link_finding(content, link, Severity::Error, message, help)
        }
        None => {
            link_finding(content, "", Severity::Warning, "there is no link in this text".to_owned(), help)
        }
    });
}

fn link_finding(
    content: &ChannelContent<'_>,
    link: &str,
    severity: Severity,
    message: String,
    help: String,
) -> ConsistencyFinding {
    let (part, range) = find_link(content, link);
    ConsistencyFinding {
        rule: ConsistencyRule::LinkDiffers,
        severity,
        part,
        range,
        words: link.to_owned(),
        message,
        help,
        fact: None,
    }
}

/// Returns the part and the range of bytes in which a link is visible; part 0 and an empty range if
/// it is not.
fn find_link(content: &ChannelContent<'_>, link: &str) -> (usize, Range<usize>) {
    let seen = content.parts.iter().enumerate().filter(|_| !link.is_empty());
    let mut seen = seen.filter_map(|(part, text)| Some((part, text.text.find(link)?)));
    seen.next().map_or((0, 0..0), |(part, at)| (part, at..at + link.len()))
}

fn parse_web_url(link: &str) -> Option<Url> {
    Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

/// Returns true if both URLs are the same page. Ignores the scheme, `www.`, a trailing `/`, the
/// fragment and `utm_…` parameters.
fn is_same_page(url: &Url, target: &Url) -> bool {
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let query = |url: &Url| {
        let mut pairs: Vec<_> = url.query_pairs().filter(|(key, _)| !key.starts_with("utm_")).collect();
        pairs.sort();
        pairs.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect::<Vec<_>>()
    };
    host(url) == host(target)
        && url.port() == target.port()
        && path(url) == path(target)
        && query(url) == query(target)
}

fn is_allowed(expected: &ExpectedContent<'_>, link: &str, url: &Url) -> bool {
    let target = expected.link.and_then(parse_web_url);
    let of_brand = expected.hosts.iter().any(|own| {
        let own = own.strip_prefix("www.").unwrap_or(own);
        let own = host(url).strip_suffix(own).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
        own && !expected.hosts.is_empty()
    });
    let of_message = target.is_some_and(|target| host(&target) == host(url));
    of_brand || of_message || expected.texts.iter().any(|text| text.contains(link))
}

/// Reports a text without the message's call to action.
pub(super) fn check_call_to_action(
    expected: &ExpectedContent<'_>,
    parts: &[TokenizedText<'_>],
    findings: &mut Vec<ConsistencyFinding>,
) {
    let Some(wanted) = expected.call_to_action else { return };
    let phrase = TokenizedText::new(wanted);
    if phrase.tokens.is_empty() || parts.iter().any(|text| text.occurrences_of(&phrase).next().is_some()) {
        return;
    }
    findings.push(ConsistencyFinding {
        rule: ConsistencyRule::CallToActionMissing,
        severity: Severity::Warning,
        part: 0,
        range: 0..0,
        words: wanted.to_owned(),
        message: format!("this does not ask what the message asks: \"{}\"", shorten(wanted)),
        help: "Put {{message.call_to_action}} into the template, or onto its button.".to_owned(),
        fact: None,
    });
}
