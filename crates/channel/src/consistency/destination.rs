//! Where links lead, and what a text asks its reader to do.

use std::ops::Range;

use url::Url;

use super::finding::{Finding, shown};
use super::said::{Expected, Said};
use campaign::consistency::Rule;
use facts::Reading;
use source::Severity;

/// Tells links that lead elsewhere, and that none leads where the message wants.
pub(super) fn links(expected: &Expected<'_>, said: &Said<'_>, findings: &mut Vec<Finding>) {
    let given: Vec<(&str, Url)> = said.links.iter().filter_map(|link| Some((*link, web(link)?))).collect();
    for (link, url) in given.iter().filter(|(link, url)| !is_allowed(expected, link, url)) {
        let host = shown(url.host_str().unwrap_or_default());
        let message =
            format!("this link leads to {host}, which is neither the message's link nor the brand's");
        let help = "Take it out, or write it into the message, so that every channel has it.".to_owned();
        findings.push(differs(said, link, Severity::Error, message, help));
    }
    let Some((wanted, target)) = expected.link.and_then(|link| Some((link, web(link)?))) else { return };
    if given.iter().any(|(_, url)| leads_to(url, &target)) {
        return;
    }
    let closest = given.iter().find(|(_, url)| host(url) == host(&target)).or_else(|| given.first());
    let help = format!("Link to {{{{message.link}}}}: {}.", shown(wanted));
    findings.push(match closest {
        Some((link, _)) => {
            let message = format!("no link leads where the message does; this one leads to {}", shown(link));
            differs(said, link, Severity::Error, message, help)
        }
        None => differs(said, "", Severity::Warning, "there is no link in this text".to_owned(), help),
    });
}

fn differs(said: &Said<'_>, link: &str, severity: Severity, message: String, help: String) -> Finding {
    let (part, range) = place(said, link);
    Finding {
        rule: Rule::LinkDiffers,
        severity,
        part,
        range,
        words: link.to_owned(),
        message,
        help,
        fact: None,
    }
}

/// Where a link stands in the texts, if it can be seen there.
fn place(said: &Said<'_>, link: &str) -> (usize, Range<usize>) {
    let seen = said.parts.iter().enumerate().filter(|_| !link.is_empty());
    let mut seen = seen.filter_map(|(part, text)| Some((part, text.text.find(link)?)));
    seen.next().map_or((0, 0..0), |(part, at)| (part, at..at + link.len()))
}

fn web(link: &str) -> Option<Url> {
    Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

/// Whether both are the same page: scheme, `www.`, a last `/`, fragments and `utm_…` do not count.
fn leads_to(url: &Url, target: &Url) -> bool {
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

fn is_allowed(expected: &Expected<'_>, link: &str, url: &Url) -> bool {
    let target = expected.link.and_then(web);
    let of_brand = expected.hosts.iter().any(|own| {
        let own = own.strip_prefix("www.").unwrap_or(own);
        let own = host(url).strip_suffix(own).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
        own && !expected.hosts.is_empty()
    });
    let of_message = target.is_some_and(|target| host(&target) == host(url));
    of_brand || of_message || expected.texts.iter().any(|text| text.contains(link))
}

/// Tells a text that does not ask what the message asks.
pub(super) fn call_to_action(expected: &Expected<'_>, parts: &[Reading<'_>], findings: &mut Vec<Finding>) {
    let Some(wanted) = expected.call_to_action else { return };
    let asked = Reading::new(wanted);
    if asked.tokens.is_empty() || parts.iter().any(|text| text.places_of(&asked).next().is_some()) {
        return;
    }
    findings.push(Finding {
        rule: Rule::CallToActionMissing,
        severity: Severity::Warning,
        part: 0,
        range: 0..0,
        words: wanted.to_owned(),
        message: format!("this does not ask what the message asks: \"{}\"", shown(wanted)),
        help: "Put {{message.call_to_action}} into the template, or onto its button.".to_owned(),
        fact: None,
    });
}
