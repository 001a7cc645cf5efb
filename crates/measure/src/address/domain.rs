//! Domains in a text, found from their dots, right to left, so that a long text costs no more than its length.

use std::ops::Range;

use super::grammar::is_latin_accent;

/// No address is longer, its scheme counted twice (twitter-text, `MAX_URL_LENGTH`).
pub(super) const LONGEST: usize = 4096;

/// A label of the DNS is no longer (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;

/// Top-level domains in other scripts are no longer, in characters.
const LONGEST_TOP: usize = 24;

/// Every place in a text where a domain could end.
pub(super) struct Domains<'a> {
    text: &'a str,
    dots: Vec<Dot>,
}

/// A dot, with the label before it.
struct Dot {
    at: usize,
    /// Where the characters of labels before it begin.
    start: usize,
    /// The last underscore among them: one may stand before the domain's own label only.
    underscore: Option<usize>,
    /// Whether the label's last character may be one.
    ends_well: bool,
    /// The end of a domain whose last label but the top one is this.
    own: Option<usize>,
    /// The end of the longest domain that goes on after the dot.
    longer: Option<usize>,
}

impl<'a> Domains<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut dots = dots(text);
        let mut after: Option<(usize, Option<usize>)> = None;
        for dot in dots.iter_mut().rev() {
            dot.own = top_end(text, dot.at + 1);
            dot.longer = after.filter(|(start, _)| *start == dot.at + 1).and_then(|(_, end)| end);
            after = Some((dot.start, dot.end_from(text, dot.start)));
        }
        Self { text, dots }
    }

    /// The end of the longest domain that begins at `start`.
    pub(super) fn end_from(&self, start: usize) -> Option<usize> {
        let next = self.dots.partition_point(|dot| dot.at < start);
        let dot = self.dots.get(next)?;
        if dot.start > start { None } else { dot.end_from(self.text, start) }
    }
}

impl Dot {
    /// The end of the longest domain whose first label goes from `start` to this dot.
    fn end_from(&self, text: &str, start: usize) -> Option<usize> {
        let begins_well = start < self.at && text[start..].chars().next().is_some_and(is_label);
        if !begins_well || !self.ends_well {
            return None;
        }
        let plain = self.underscore.is_none_or(|at| at < start);
        self.longer.or(self.own.filter(|_| plain))
    }
}

fn dots(text: &str) -> Vec<Dot> {
    let mut dots = Vec::new();
    let (mut start, mut underscore, mut ends_well) = (0, None, false);
    for (at, c) in text.char_indices() {
        if c == '.' {
            dots.push(Dot { at, start, underscore, ends_well, own: None, longer: None });
        }
        ends_well = is_label(c);
        if c == '_' {
            underscore = Some(at);
        } else if c != '-' && !ends_well {
            (start, underscore) = (at + c.len_utf8(), None);
        }
    }
    dots
}

/// `validDomainChars`: neither punctuation of ASCII but quotes, nor space, nor a mark of direction.
const fn is_label(c: char) -> bool {
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

/// Where a top-level domain ends that begins at `start`.
fn top_end(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let letters = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let listed = |end: &usize| ends_there(&rest[*end..]) && is_top(&rest[..*end]);
    let plain = Some(letters).filter(|end| *end > 0 && listed(end)).or_else(|| encoded(rest));
    let other = || {
        let ends = rest.char_indices().take(LONGEST_TOP).take_while(|(_, c)| is_of_top(*c));
        let ends: Vec<usize> = ends.map(|(at, c)| at + c.len_utf8()).filter(|end| *end > letters).collect();
        ends.into_iter().rev().find(listed)
    };
    plain.or_else(other).map(|size| start + size)
}

/// Whether a character may stand in a top-level domain of any script.
fn is_of_top(c: char) -> bool {
    c.is_ascii_alphanumeric() || (!c.is_ascii() && is_label(c))
}

/// `validPunycode`.
fn encoded(rest: &str) -> Option<usize> {
    rest.get(..4).filter(|start| start.eq_ignore_ascii_case("xn--"))?;
    match rest[4..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count() {
        0 => None,
        count => Some(4 + count),
    }
}

/// What must follow a top-level domain: not what would go on with it.
fn ends_there(after: &str) -> bool {
    !after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '-'))
}

/// Whether a label is a top-level domain of the public suffix list's ICANN part.
pub(crate) fn is_top(label: &str) -> bool {
    let label = label.to_lowercase();
    // With a label before it, since some have rules for those only; South Africa's even name them.
    let name = format!("x.{label}");
    label == "za" || psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// Whether the labels of a domain are short enough for the DNS (twitter-text, `idna.toAscii`). Ideographic full stops
/// are dots to it, though not to what found the domain.
pub(super) fn is_possible(domain: &str) -> bool {
    if domain.len() > 4 * LONGEST || (domain.starts_with("xn--") && ascii_within(domain).is_empty()) {
        return false;
    }
    domain.split('.').all(|label| {
        let parts = label.split(['\u{3002}', '\u{FF0E}', '\u{FF61}']);
        let lengths: Option<Vec<usize>> = parts.map(encoded_length).collect();
        lengths.is_some_and(|lengths| {
            let length = lengths.iter().sum::<usize>() + lengths.len() - 1;
            (1..=LONGEST_LABEL).contains(&length)
        })
    })
}

/// How long a label is in the DNS; none when certainly too long.
fn encoded_length(label: &str) -> Option<usize> {
    if label.is_ascii() {
        return Some(label.len());
    }
    if label.chars().count() > LONGEST_LABEL {
        return None;
    }
    idna::punycode::encode_str(label).map(|encoded| "xn--".len() + encoded.len())
}

/// The domains of Latin letters within one of any script (twitter-text, `validAsciiDomain`).
pub(super) fn ascii_within(domain: &str) -> Vec<Range<usize>> {
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

/// The end of the longest domain of Latin letters that begins at `start`.
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
    tops.into_iter().rev().find_map(|top| top_end(domain, top))
}

fn latin_run(rest: &str) -> usize {
    rest.find(|c| !is_latin(c)).unwrap_or(rest.len())
}

const fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || is_latin_accent(c)
}
