//! Mentions, links, tags and cashtags in plain text.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::record::{Facet, Feature};
use crate::address::is_top;

/// A tag is no longer, in code units of UTF-16.
const LONGEST_TAG: usize = 64;

/// A cashtag is no longer.
const LONGEST_TICKER: usize = 5;

pub(super) fn all(text: &str, did: &dyn Fn(&str) -> Option<String>) -> Vec<Facet> {
    let mut facets = Vec::new();
    let mut linked = 0;
    for start in starts(text) {
        let opened = text[..start].ends_with('(');
        let facet = match text[start..].chars().next() {
            Some('@') => mention(text, start, did),
            Some('#' | '＃') if !opened => tag(text, start),
            Some('$') => cashtag(text, start),
            // What looked like an address is over at the next space, whether it was one or not.
            Some(_) if start >= linked => match link(text, start) {
                Some((end, facet)) => {
                    linked = end;
                    facet
                }
                None => None,
            },
            _ => None,
        };
        facets.extend(facet);
    }
    apart(facets)
}

/// Where something may begin: at the start of the text, after a space, after an opening parenthesis.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    let after = |(at, c): (usize, char)| (is_space(c) || c == '(').then(|| at + c.len_utf8());
    std::iter::once(0).chain(text.char_indices().filter_map(after))
}

/// The first of those that overlap: an address with parentheses in it is one.
fn apart(facets: Vec<Facet>) -> Vec<Facet> {
    let mut kept: Vec<Facet> = Vec::with_capacity(facets.len());
    for facet in facets {
        if kept.last().is_none_or(|last| !last.meets(&facet)) {
            kept.push(facet);
        }
    }
    kept
}

/// `(^|\s|\()(@)([a-zA-Z0-9.-]+)(\b)`, where the last label is a top-level domain or `test`.
fn mention(text: &str, start: usize, did: &dyn Fn(&str) -> Option<String>) -> Option<Facet> {
    let rest = &text[start + 1..];
    let run = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')).count();
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = rest.as_bytes();
    let ends = |end: &usize| is_word(bytes.get(*end - 1)) != is_word(bytes.get(*end));
    let handle = &rest[..(1..=run).rev().find(ends)?];
    if !ends_in_domain(handle) && !handle.ends_with(".test") {
        return None;
    }
    let did = did(handle)?;
    Some(Facet::new(start..start + 1 + handle.len(), Feature::Mention { did }))
}

/// `https?://\S+`, or a domain and what follows it up to a space, and where that is; the last mark of punctuation is
/// not part of the link.
fn link(text: &str, start: usize) -> Option<(usize, Option<Facet>)> {
    let rest = &text[start..];
    let scheme = ["https://", "http://"].into_iter().find(|scheme| begins_with(rest, scheme));
    let links = match scheme {
        Some(scheme) => rest.starts_with(scheme),
        None => ends_in_domain(domain(rest)?),
    };
    let whole = &rest[..rest.find(is_space).unwrap_or(rest.len())];
    let end = start + whole.len();
    if !links {
        return Some((end, None));
    }
    let shown = whole.strip_suffix(['.', ',', ';', ':', '!', '?']).unwrap_or(whole);
    let shown = shown.strip_suffix(')').filter(|_| !shown.contains('(')).unwrap_or(shown);
    let uri = if scheme.is_some() { shown.to_owned() } else { format!("https://{shown}") };
    Some((end, Some(Facet::new(start..start + shown.len(), Feature::Link { uri }))))
}

/// Whether `text` begins with a scheme, in letters of any case, and something after it.
fn begins_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme))
        && text[scheme.len()..].starts_with(|c| !is_space(c))
}

/// `[a-z][a-z0-9]*(\.[a-z0-9]+)+` at the start.
fn domain(text: &str) -> Option<&str> {
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let first = run(text);
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut end = first;
    while let Some(label) = text[end..].strip_prefix('.').map(run).filter(|label| *label > 0) {
        end += 1 + label;
    }
    (end > first).then(|| &text[..end])
}

/// Whether what is after the last dot is a top-level domain, in small letters as the list has it.
fn ends_in_domain(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, top)| !top.contains(|c: char| c.is_ascii_uppercase()) && is_top(top))
}

/// `#` and what follows up to a space or something invisible, if there is more in it than digits and punctuation.
fn tag(text: &str, start: usize) -> Option<Facet> {
    let sign = text[start..].chars().next().map_or(0, char::len_utf8);
    let rest = &text[start + sign..];
    let run = &rest[..rest.find(|c| is_space(c) || is_invisible(c)).unwrap_or(rest.len())];
    let counts = |c: char| !c.is_ascii_digit() && !is_punctuation(c);
    if run.starts_with('\u{FE0F}') || !run.contains(counts) {
        return None;
    }
    let tag = run.trim_end_matches(is_punctuation);
    if tag.is_empty() || tag.encode_utf16().count() > LONGEST_TAG {
        return None;
    }
    Some(Facet::new(start..start + sign + tag.len(), Feature::Tag { tag: tag.to_owned() }))
}

/// `$` and a ticker, where a space or punctuation follows.
fn cashtag(text: &str, start: usize) -> Option<Facet> {
    let rest = &text[start + 1..];
    let run = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let begins_well = rest.starts_with(|c: char| c.is_ascii_alphabetic());
    let closes = |c| is_space(c) || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | '"' | '\'' | '’');
    if !begins_well || run > LONGEST_TICKER || !rest[run..].chars().next().is_none_or(closes) {
        return None;
    }
    let tag = text[start..=start + run].to_ascii_uppercase();
    Some(Facet::new(start..start + 1 + run, Feature::Tag { tag }))
}

fn is_punctuation(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// JavaScript's `\s`: white space, but the byte order mark instead of U+0085.
fn is_space(c: char) -> bool {
    c == '\u{FEFF}' || (c.is_whitespace() && c != '\u{85}')
}

/// A soft hyphen, joiners, hair space, the enclosing keycap's neighbour: they end a tag.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{2060}' | '\u{200A}'..='\u{200D}' | '\u{20E2}')
}
