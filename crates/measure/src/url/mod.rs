//! Detection of URLs in a text, as twitter-text does it: for X, which accepts a bare `example.com`,
//! and for Mastodon, whose server uses the same library but requires a scheme and allows more
//! characters in paths.

mod domain;
mod grammar;

use std::ops::Range;

pub(super) use domain::is_tld;
use domain::{Domains, ascii_domains, has_valid_lengths};
pub(super) use grammar::{Grammar, MASTODON, X, is_latin_accent};

/// The longest slug of a t.co URL (`MAX_TCO_SLUG_LENGTH` of twitter-text).
const MAX_TCO_SLUG_LENGTH: usize = 40;

/// Stand-in for the second half of a surrogate pair, which is not a character: the first code point
/// after the surrogates.
const SURROGATE_STAND_IN: char = '\u{E000}';

/// Returns the byte ranges of the URLs in `text`, in order.
pub(super) fn find(text: &str, grammar: &Grammar) -> Vec<Range<usize>> {
    if !text.contains('.') {
        return Vec::new();
    }
    let finder = Finder { text, grammar, domains: Domains::of(text) };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(before) = text[at..].chars().next() {
        let after = at + before.len_utf8();
        let here =
            may_precede(before).then(|| finder.candidate(after).map(|it| (Some(before), it))).flatten();
        let first = || if at == 0 { finder.candidate(0).map(|it| (None, it)) } else { None };
        match here.or_else(first) {
            Some((before, candidate)) => {
                at = candidate.end;
                finder.accept(before, &candidate, &mut found);
            }
            None => at = after,
        }
    }
    found
}

/// Returns true if a URL may follow the character (`validUrlPrecedingChars`).
const fn may_precede(c: char) -> bool {
    !matches!(
        c,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '@' | '＠' | '$' | '#' | '＃' | '\u{FFFE}' | '\u{FEFF}' | '\u{FFFF}'
    )
}

/// A range of text with the form of a URL, not yet checked.
struct Candidate {
    start: usize,
    domain: Range<usize>,
    /// True if a path, from a slash on, follows the domain and port.
    has_path: bool,
    end: usize,
}

struct Finder<'a> {
    text: &'a str,
    grammar: &'a Grammar,
    domains: Domains<'a>,
}

impl Finder<'_> {
    /// Returns the candidate that starts at `start`.
    fn candidate(&self, start: usize) -> Option<Candidate> {
        let rest = &self.text[start..];
        let scheme = self.grammar.schemes.iter().find(|scheme| starts_with(rest, scheme));
        let from = start + scheme.map_or(0, |scheme| scheme.len());
        let end = self.domains.end_from(from)?;
        let domain = from..end;
        let port_end = self.port_end(end);
        let path = self.grammar.path(&self.text[port_end..]);
        let end = port_end + path;
        let end = end + self.grammar.query(&self.text[end..]);
        Some(Candidate { start, domain, has_path: path > 0, end })
    }

    /// Returns the offset after the port that may follow a domain.
    fn port_end(&self, at: usize) -> usize {
        let Some(digits) = self.text[at..].strip_prefix(':') else { return at };
        match digits.bytes().take_while(u8::is_ascii_digit).count() {
            0 => at,
            count => at + 1 + count,
        }
    }

    /// Adds to `found` the parts of a candidate that are URLs.
    fn accept(&self, before: Option<char>, candidate: &Candidate, found: &mut Vec<Range<usize>>) {
        let Candidate { start, ref domain, has_path, end } = *candidate;
        let scheme = domain.start - start;
        let length = if scheme == 0 { "https://".len() } else { scheme }
            + self.text[start..end].encode_utf16().count();
        let name = &self.text[domain.clone()];
        // twitter-text works on code units of UTF-16: the second half of an emoji before a domain
        // becomes part of its first label.
        let halved = scheme == 0 && before.is_some_and(|c| c.len_utf16() > 1);
        let labels = if halved { format!("{SURROGATE_STAND_IN}{name}") } else { name.to_owned() };
        if length > domain::MAX_URL_LENGTH || !has_valid_lengths(&labels) {
            return;
        }
        if scheme > 0 {
            found.extend(self.cut_to_tco_slug(start..end));
        } else if self.grammar.bare && !before.is_some_and(|c| matches!(c, '-' | '_' | '.' | '/')) {
            let inside = ascii_domains(name);
            found.extend(inside.into_iter().map(|it| domain.start + it.start..domain.start + it.end));
            if has_path && let Some(last) = found.last_mut().filter(|last| last.start >= start) {
                last.end = end;
            }
        }
    }

    /// Cuts a t.co URL after its slug and query; a slug that is too long makes it no URL. Other
    /// URLs are returned whole.
    fn cut_to_tco_slug(&self, range: Range<usize>) -> Option<Range<usize>> {
        let whole = &self.text[range.clone()];
        let Some(host) = ["https://t.co/", "http://t.co/"].iter().find(|host| starts_with(whole, host))
        else {
            return Some(range);
        };
        let rest = &whole[host.len()..];
        match rest.bytes().take_while(u8::is_ascii_alphanumeric).count() {
            0 => Some(range),
            slug if slug > MAX_TCO_SLUG_LENGTH => None,
            slug => {
                let end = range.start + host.len() + slug;
                Some(range.start..end + self.grammar.query(&self.text[end..range.end]))
            }
        }
    }
}

/// Returns true if `text` begins with `prefix`, ignoring ASCII case.
fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
