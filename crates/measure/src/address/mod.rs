//! Addresses of the web in a text, as twitter-text finds them: for X, which takes `example.com` for one, and for
//! Mastodon, whose server uses the same library, wants a scheme, and allows more in paths.

mod domain;
mod grammar;

use std::ops::Range;

pub(super) use domain::is_top;
use domain::{Domains, ascii_within, is_possible};
pub(super) use grammar::{Grammar, MASTODON, X, is_latin_accent};

/// No slug of t.co is longer (twitter-text, `MAX_TCO_SLUG_LENGTH`).
const LONGEST_SLUG: usize = 40;

/// Stands for the second half of a surrogate pair, which is no character: the first one after them all.
const HALF: char = '\u{E000}';

/// The byte ranges of the addresses in `text`, in order.
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

/// Whether an address may follow: `validUrlPrecedingChars`.
const fn may_precede(c: char) -> bool {
    !matches!(
        c,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '@' | '＠' | '$' | '#' | '＃' | '\u{FFFE}' | '\u{FEFF}' | '\u{FFFF}'
    )
}

/// What has the form of an address.
struct Candidate {
    start: usize,
    domain: Range<usize>,
    /// Whether something follows the domain and port from a slash on.
    has_path: bool,
    end: usize,
}

struct Finder<'a> {
    text: &'a str,
    grammar: &'a Grammar,
    domains: Domains<'a>,
}

impl Finder<'_> {
    /// The candidate that starts at `start`.
    fn candidate(&self, start: usize) -> Option<Candidate> {
        let rest = &self.text[start..];
        let scheme = self.grammar.schemes.iter().find(|scheme| starts_with(rest, scheme));
        let from = start + scheme.map_or(0, |scheme| scheme.len());
        let end = self.domains.end_from(from)?;
        let domain = from..end;
        let ported = self.after_port(end);
        let path = self.grammar.path(&self.text[ported..]);
        let end = ported + path;
        let end = end + self.grammar.query(&self.text[end..]);
        Some(Candidate { start, domain, has_path: path > 0, end })
    }

    /// Where a port after the domain ends.
    fn after_port(&self, at: usize) -> usize {
        let Some(digits) = self.text[at..].strip_prefix(':') else { return at };
        match digits.bytes().take_while(u8::is_ascii_digit).count() {
            0 => at,
            count => at + 1 + count,
        }
    }

    /// Adds what of a candidate is an address.
    fn accept(&self, before: Option<char>, candidate: &Candidate, found: &mut Vec<Range<usize>>) {
        let Candidate { start, ref domain, has_path, end } = *candidate;
        let scheme = domain.start - start;
        let length = if scheme == 0 { "https://".len() } else { scheme }
            + self.text[start..end].encode_utf16().count();
        let name = &self.text[domain.clone()];
        // twitter-text goes by code units of UTF-16: half of an emoji before a domain is of its first label.
        let halved = scheme == 0 && before.is_some_and(|c| c.len_utf16() > 1);
        let labels = if halved { format!("{HALF}{name}") } else { name.to_owned() };
        if length > domain::LONGEST || !is_possible(&labels) {
            return;
        }
        if scheme > 0 {
            found.extend(self.without_more_than_a_slug(start..end));
        } else if self.grammar.bare && !before.is_some_and(|c| matches!(c, '-' | '_' | '.' | '/')) {
            let inside = ascii_within(name);
            found.extend(inside.into_iter().map(|it| domain.start + it.start..domain.start + it.end));
            if has_path && let Some(last) = found.last_mut().filter(|last| last.start >= start) {
                last.end = end;
            }
        }
    }

    /// An address of t.co has a slug and no more; all of any other.
    fn without_more_than_a_slug(&self, range: Range<usize>) -> Option<Range<usize>> {
        let whole = &self.text[range.clone()];
        let Some(host) = ["https://t.co/", "http://t.co/"].iter().find(|host| starts_with(whole, host))
        else {
            return Some(range);
        };
        let rest = &whole[host.len()..];
        match rest.bytes().take_while(u8::is_ascii_alphanumeric).count() {
            0 => Some(range),
            slug if slug > LONGEST_SLUG => None,
            slug => {
                let end = range.start + host.len() + slug;
                Some(range.start..end + self.grammar.query(&self.text[end..range.end]))
            }
        }
    }
}

/// Whether `text` begins with `prefix`, in letters of any case.
fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
