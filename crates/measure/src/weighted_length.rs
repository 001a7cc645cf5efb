//! X's weighted_length length (docs.x.com/fundamentals/counting-characters), with the ranges and
//! weights of twitter-text 3.1.0, configuration 3.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc, is_nfc_quick};

use super::{emoji, url};

/// Weight of a URL, whatever its length: X replaces it by a t.co link.
const URL_WEIGHT: usize = 23;

/// Weight of an emoji, whatever its number of code points, and of every character outside the
/// ranges that count one.
const DEFAULT_WEIGHT: usize = 2;

/// Returns the weighted_length length of `text`.
pub(super) fn weighted_length(text: &str) -> usize {
    Tokens::of(&text.nfc().collect::<String>()).map(|(_, weight)| weight).sum()
}

/// Returns the byte offset of the first character of `text` with which it weighs more than
/// `allowed`.
pub(super) fn first_over_limit(text: &str, allowed: usize) -> usize {
    let composed: String = text.nfc().collect();
    let mut left = allowed;
    for (at, weight) in Tokens::of(&composed) {
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => return source_offset(text, at),
        }
    }
    text.len()
}

/// Returns the byte offset of the first character that X refuses: U+FFFE, U+FEFF or U+FFFF
/// (`invalidChars` of twitter-text).
#[must_use]
pub fn first_forbidden(text: &str) -> Option<usize> {
    text.find(['\u{FFFE}', '\u{FEFF}', '\u{FFFF}'])
}

/// Maps the offset `at` in the composed form (NFC) of `text` back to `text`: to the character, or
/// to the start of the cluster that composition changed.
fn source_offset(text: &str, at: usize) -> usize {
    if is_nfc(text) {
        return at;
    }
    let mut composed = 0;
    for (start, part) in composable_pieces(text) {
        let size: usize = part.nfc().map(char::len_utf8).sum();
        if composed + size > at {
            return if is_nfc(part) { start + (at - composed) } else { start };
        }
        composed += size;
    }
    text.len()
}

/// Splits `text` into pieces that can be composed independently: each begins with a character that
/// never joins the one before it (UAX 15 §9).
fn composable_pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let begins =
        |c: char| canonical_combining_class(c) == 0 && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes;
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let next = rest.char_indices().skip(1).find(|(_, c)| begins(*c)).map_or(rest.len(), |(at, _)| at);
        let part = (start, &rest[..next]);
        start += next;
        Some(part)
    })
}

/// Iterator over the URLs, emoji and single characters of a composed text, each with its byte
/// offset and weight.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    urls: std::iter::Peekable<std::vec::IntoIter<std::ops::Range<usize>>>,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0, urls: url::find(text, &url::X).into_iter().peekable() }
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.text.get(at..)?;
        let first = rest.chars().next()?;
        while self.urls.next_if(|url| url.start < at).is_some() {}
        let weight = if let Some(url) = self.urls.next_if(|url| url.start == at) {
            self.at = url.end;
            URL_WEIGHT
        } else if let Some(size) = emoji::sequence(rest) {
            self.at += size;
            DEFAULT_WEIGHT
        } else {
            self.at += first.len_utf8();
            character_weight(first)
        };
        Some((at, weight))
    }
}

/// Returns 1 for the ranges of configuration 3 that count one (Latin to Georgian, and
/// composable_pieces of general punctuation), else 2.
const fn character_weight(c: char) -> usize {
    match c as u32 {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => DEFAULT_WEIGHT,
    }
}
