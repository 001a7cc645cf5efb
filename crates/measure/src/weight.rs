//! X's weighted length: docs.x.com/fundamentals/counting-characters, and twitter-text 3.1.0 with its configuration 3,
//! whose ranges and weights these are.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc, is_nfc_quick};

use super::{address, emoji};

/// What an address counts, however long: its t.co form.
const ADDRESS: usize = 23;

/// What an emoji counts, however many code points, and every character outside the ranges that count one.
const DOUBLE: usize = 2;

/// The weighted length of `text`.
pub(super) fn weighted(text: &str) -> usize {
    Tokens::of(&text.nfc().collect::<String>()).map(|(_, weight)| weight).sum()
}

/// The byte offset of the first character of `text` with which it weighs more than `allowed`.
pub(super) fn first_over(text: &str, allowed: usize) -> usize {
    let composed: String = text.nfc().collect();
    let mut left = allowed;
    for (at, weight) in Tokens::of(&composed) {
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => return source(text, at),
        }
    }
    text.len()
}

/// The byte offset of the first character that X refuses: U+FFFE, U+FEFF, U+FFFF (twitter-text, `invalidChars`).
#[must_use]
pub fn first_forbidden(text: &str) -> Option<usize> {
    text.find(['\u{FFFE}', '\u{FEFF}', '\u{FFFF}'])
}

/// The offset in `text` of what is at `at` in its composed form: of the character, or of the cluster that changed.
fn source(text: &str, at: usize) -> usize {
    if is_nfc(text) {
        return at;
    }
    let mut composed = 0;
    for (start, part) in parts(text) {
        let size: usize = part.nfc().map(char::len_utf8).sum();
        if composed + size > at {
            return if is_nfc(part) { start + (at - composed) } else { start };
        }
        composed += size;
    }
    text.len()
}

/// Pieces that compose each by itself: they begin with a character that joins nothing before it (UAX 15 §9).
fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
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

/// What counts as one in a composed text: an address, an emoji, a character; with its offset and weight.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    addresses: std::iter::Peekable<std::vec::IntoIter<std::ops::Range<usize>>>,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0, addresses: address::find(text, &address::X).into_iter().peekable() }
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.text.get(at..)?;
        let first = rest.chars().next()?;
        while self.addresses.next_if(|address| address.start < at).is_some() {}
        let weight = if let Some(address) = self.addresses.next_if(|address| address.start == at) {
            self.at = address.end;
            ADDRESS
        } else if let Some(size) = emoji::sequence(rest) {
            self.at += size;
            DOUBLE
        } else {
            self.at += first.len_utf8();
            of_character(first)
        };
        Some((at, weight))
    }
}

/// The ranges of configuration 3 that count one: Latin to Georgian, and general punctuation in part.
const fn of_character(c: char) -> usize {
    match c as u32 {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => DOUBLE,
    }
}
