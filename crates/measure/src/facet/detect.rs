//! Detection of mentions, links, tags and cashtags in plain text.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::record::{Facet, Feature};
use crate::url::is_tld;

/// The longest hashtag, in code units of UTF-16.
const MAX_TAG_UTF16_UNITS: usize = 64;

/// The longest ticker of a cashtag, in letters and digits.
const MAX_TICKER_CHARS: usize = 5;

pub(super) fn detect_facets(text: &str, did: &dyn Fn(&str) -> Option<String>) -> Vec<Facet> {
    let mut facets = Vec::new();
    let mut link_end = 0;
    for start in candidate_starts(text) {
        let opened = text[..start].ends_with('(');
        let facet = match text[start..].chars().next() {
            Some('@') => mention(text, start, did),
            Some('#' | '＃') if !opened => tag(text, start),
            Some('$') => cashtag(text, start),
            // A run of text that looked like a URL ends at the next space, whether it was a link or
            // not.
            Some(_) if start >= link_end => match link(text, start) {
                Some((end, facet)) => {
                    link_end = end;
                    facet
                }
                None => None,
            },
            _ => None,
        };
        facets.extend(facet);
    }
    without_overlaps(facets)
}

/// Returns the offsets at which a facet may begin: the start of the text, after a space, after an
/// opening parenthesis.
fn candidate_starts(text: &str) -> impl Iterator<Item = usize> {
    let after = |(at, c): (usize, char)| (is_space(c) || c == '(').then(|| at + c.len_utf8());
    std::iter::once(0).chain(text.char_indices().filter_map(after))
}

/// Keeps the first of overlapping facets: a URL with parentheses in it is one link.
fn without_overlaps(facets: Vec<Facet>) -> Vec<Facet> {
    let mut kept: Vec<Facet> = Vec::with_capacity(facets.len());
    for facet in facets {
        if kept.last().is_none_or(|last| !last.overlaps(&facet)) {
            kept.push(facet);
        }
    }
    kept
}

/// Finds a mention: `(^|\s|\()(@)([a-zA-Z0-9.-]+)(\b)`, where the last label is a top-level domain
/// or `test`.
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

/// Finds a link: `https?://\S+`, or a domain with the text after it up to a space. Returns the end
/// of that run of text, and the facet if the run is a link. A final punctuation mark is not part of
/// the link.
fn link(text: &str, start: usize) -> Option<(usize, Option<Facet>)> {
    let rest = &text[start..];
    let scheme = ["https://", "http://"].into_iter().find(|scheme| begins_with(rest, scheme));
    let is_link = match scheme {
        Some(scheme) => rest.starts_with(scheme),
        None => ends_in_domain(domain(rest)?),
    };
    let whole = &rest[..rest.find(is_space).unwrap_or(rest.len())];
    let end = start + whole.len();
    if !is_link {
        return Some((end, None));
    }
    let shown = whole.strip_suffix(['.', ',', ';', ':', '!', '?']).unwrap_or(whole);
    let shown = shown.strip_suffix(')').filter(|_| !shown.contains('(')).unwrap_or(shown);
    let uri = if scheme.is_some() { shown.to_owned() } else { format!("https://{shown}") };
    Some((end, Some(Facet::new(start..start + shown.len(), Feature::Link { uri }))))
}

/// Returns true if `text` begins with `scheme`, in any case, followed by a character other than a
/// space.
fn begins_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme))
        && text[scheme.len()..].starts_with(|c| !is_space(c))
}

/// Returns the domain at the start of `text`: `[a-z][a-z0-9]*(\.[a-z0-9]+)+`.
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

/// Returns true if the label after the last dot is a top-level domain, in lower case as in the
/// list.
fn ends_in_domain(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, top)| !top.contains(|c: char| c.is_ascii_uppercase()) && is_tld(top))
}

/// Finds a hashtag: `#` and the text up to a space or an invisible character, if it contains more
/// than digits and punctuation.
fn tag(text: &str, start: usize) -> Option<Facet> {
    let sign = text[start..].chars().next().map_or(0, char::len_utf8);
    let rest = &text[start + sign..];
    let run = &rest[..rest.find(|c| is_space(c) || is_invisible(c)).unwrap_or(rest.len())];
    let is_significant = |c: char| !c.is_ascii_digit() && !is_punctuation(c);
    if run.starts_with('\u{FE0F}') || !run.contains(is_significant) {
        return None;
    }
    let tag = run.trim_end_matches(is_punctuation);
    if tag.is_empty() || tag.encode_utf16().count() > MAX_TAG_UTF16_UNITS {
        return None;
    }
    Some(Facet::new(start..start + sign + tag.len(), Feature::Tag { tag: tag.to_owned() }))
}

/// Finds a cashtag: `$` and a ticker, followed by a space, punctuation or the end.
fn cashtag(text: &str, start: usize) -> Option<Facet> {
    let rest = &text[start + 1..];
    let run = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let starts_with_letter = rest.starts_with(|c: char| c.is_ascii_alphabetic());
    let closes = |c| is_space(c) || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | '"' | '\'' | '’');
    if !starts_with_letter || run > MAX_TICKER_CHARS || !rest[run..].chars().next().is_none_or(closes) {
        return None;
    }
    let tag = text[start..=start + run].to_ascii_uppercase();
    Some(Facet::new(start..start + 1 + run, Feature::Tag { tag }))
}

fn is_punctuation(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Matches JavaScript's `\s`: white space, with the byte order mark but without U+0085.
fn is_space(c: char) -> bool {
    c == '\u{FEFF}' || (c.is_whitespace() && c != '\u{85}')
}

/// Matches the invisible characters that end a tag: soft hyphen, joiners, hair space, and U+20E2
/// beside the enclosing keycap.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{2060}' | '\u{200A}'..='\u{200D}' | '\u{20E2}')
}
