//! Detection of domains in a text, from their dots and from right to left, in linear time.

use std::ops::Range;

use super::grammar::is_latin_accent;

/// The longest URL, its scheme counted twice (`MAX_URL_LENGTH` of twitter-text).
pub(super) const MAX_URL_LENGTH: usize = 4096;

/// The longest label of a domain name, in bytes (RFC 1035 §2.3.4).
const MAX_LABEL_LENGTH: usize = 63;

/// The longest top-level domain in a script other than Latin, in characters.
const MAX_TLD_CHARS: usize = 24;

/// All places in a text at which a domain could end.
pub(super) struct Domains<'a> {
    text: &'a str,
    dots: Vec<Dot>,
}

/// A dot in the text, with the label before it.
struct Dot {
    at: usize,
    /// Offset at which the run of label characters before the dot begins.
    start: usize,
    /// Offset of the last underscore in that run; underscores may stand only before the registered
    /// label.
    underscore: Option<usize>,
    /// True if the character before the dot may end a label.
    ends_label: bool,
    /// The end of a domain with this dot before its top-level domain.
    domain_end: Option<usize>,
    /// The end of the longest domain that continues after the dot.
    longer_domain_end: Option<usize>,
}

impl<'a> Domains<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut dots = dots(text);
        let mut after: Option<(usize, Option<usize>)> = None;
        for dot in dots.iter_mut().rev() {
            dot.domain_end = tld_end(text, dot.at + 1);
            dot.longer_domain_end = after.filter(|(start, _)| *start == dot.at + 1).and_then(|(_, end)| end);
            after = Some((dot.start, dot.end_from(text, dot.start)));
        }
        Self { text, dots }
    }

    /// Returns the end of the longest domain that begins at `start`.
    pub(super) fn end_from(&self, start: usize) -> Option<usize> {
        let next = self.dots.partition_point(|dot| dot.at < start);
        let dot = self.dots.get(next)?;
        if dot.start > start { None } else { dot.end_from(self.text, start) }
    }
}

impl Dot {
    /// Returns the end of the longest domain whose first label goes from `start` to this dot.
    fn end_from(&self, text: &str, start: usize) -> Option<usize> {
        let begins_label = start < self.at && text[start..].chars().next().is_some_and(is_label_char);
        if !begins_label || !self.ends_label {
            return None;
        }
        let plain = self.underscore.is_none_or(|at| at < start);
        self.longer_domain_end.or(self.domain_end.filter(|_| plain))
    }
}

fn dots(text: &str) -> Vec<Dot> {
    let mut dots = Vec::new();
    let (mut start, mut underscore, mut ends_label) = (0, None, false);
    for (at, c) in text.char_indices() {
        if c == '.' {
            dots.push(Dot { at, start, underscore, ends_label, domain_end: None, longer_domain_end: None });
        }
        ends_label = is_label_char(c);
        if c == '_' {
            underscore = Some(at);
        } else if c != '-' && !ends_label {
            (start, underscore) = (at + c.len_utf8(), None);
        }
    }
    dots
}

/// Matches `validDomainChars`: everything but ASCII punctuation other than quotes, white space and
/// marks of direction.
const fn is_label_char(c: char) -> bool {
    !matches!(
        c,
        '!' | '\'' | '#' | '%' | '&' | '(' | ')' | '*' | '+' | ',' | '\\' | '-' | '.' | '/' | ':' | ';' | '<' | '='
            | '>' | '?' | '@' | '[' | ']' | '^' | '_' | '{' | '|' | '}' | '~' | '$'
            | '\u{9}'..='\u{D}' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{180E}' | '\u{2000}'..='\u{200A}'
            | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
            | '\u{FFFE}' | '\u{FEFF}' | '\u{FFFF}'
            | '\u{202A}'..='\u{202E}' | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2066}'..='\u{2069}'
    )
}

/// Returns the end of the top-level domain that begins at `start`.
fn tld_end(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let letters = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let listed = |end: &usize| may_follow_tld(&rest[*end..]) && is_tld(&rest[..*end]);
    let plain = Some(letters).filter(|end| *end > 0 && listed(end)).or_else(|| punycode_length(rest));
    let other_script = || {
        let ends = rest.char_indices().take(MAX_TLD_CHARS).take_while(|(_, c)| is_tld_char(*c));
        let ends: Vec<usize> = ends.map(|(at, c)| at + c.len_utf8()).filter(|end| *end > letters).collect();
        ends.into_iter().rev().find(listed)
    };
    plain.or_else(other_script).map(|size| start + size)
}

/// Returns true for a character that a top-level domain of any script may contain.
fn is_tld_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || (!c.is_ascii() && is_label_char(c))
}

/// Matches `validPunycode`, and returns its length in bytes.
fn punycode_length(rest: &str) -> Option<usize> {
    rest.get(..4).filter(|start| start.eq_ignore_ascii_case("xn--"))?;
    match rest[4..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count() {
        0 => None,
        count => Some(4 + count),
    }
}

/// Returns true if `after` does not continue the top-level domain before it.
fn may_follow_tld(after: &str) -> bool {
    !after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '-'))
}

/// Returns true for a top-level domain of the ICANN part of the public suffix list.
pub(crate) fn is_tld(label: &str) -> bool {
    let label = label.to_lowercase();
    // A label is put before it, since some top-level domains have rules for their subdomains only;
    // South Africa's list even names each of them.
    let name = format!("x.{label}");
    label == "za" || psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// Returns true if the labels of a domain are short enough for the DNS (`idna.toAscii` of
/// twitter-text). Ideographic full stops separate labels here, though they did not when the domain
/// was found.
pub(super) fn has_valid_lengths(domain: &str) -> bool {
    if domain.len() > 4 * MAX_URL_LENGTH || (domain.starts_with("xn--") && ascii_domains(domain).is_empty()) {
        return false;
    }
    domain.split('.').all(|label| {
        let parts = label.split(['\u{3002}', '\u{FF0E}', '\u{FF61}']);
        let lengths: Option<Vec<usize>> = parts.map(encoded_length).collect();
        lengths.is_some_and(|lengths| {
            let length = lengths.iter().sum::<usize>() + lengths.len() - 1;
            (1..=MAX_LABEL_LENGTH).contains(&length)
        })
    })
}

/// Returns the length in bytes of a label in the DNS, or `None` when it is certainly too long.
fn encoded_length(label: &str) -> Option<usize> {
    if label.is_ascii() {
        return Some(label.len());
    }
    if label.chars().count() > MAX_LABEL_LENGTH {
        return None;
    }
    idna::punycode::encode_str(label).map(|encoded| "xn--".len() + encoded.len())
}

/// Returns the ranges of the domains in Latin letters within a domain of any script
/// (`validAsciiDomain` of twitter-text).
pub(super) fn ascii_domains(domain: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = domain[at..].chars().next() {
        if !is_latin(c) {
            at += c.len_utf8();
        } else if let Some(end) = latin_end(domain, at) {
            found.push(at..end);
            at = end;
        } else {
            at += latin_run(&domain[at..]);
        }
    }
    found
}

/// Returns the end of the longest domain of Latin letters that begins at `start`.
fn latin_end(domain: &str, start: usize) -> Option<usize> {
    let mut tops = Vec::new();
    let mut at = start;
    loop {
        let run = latin_run(&domain[at..]);
        if run == 0 || !domain[at + run..].starts_with('.') {
            break;
        }
        at += run + 1;
        tops.push(at);
    }
    tops.into_iter().rev().find_map(|top| tld_end(domain, top))
}

fn latin_run(rest: &str) -> usize {
    rest.find(|c| !is_latin(c)).unwrap_or(rest.len())
}

const fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || is_latin_accent(c)
}
