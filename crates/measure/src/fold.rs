//! Mastodon's count: what the server makes of addresses and mentions before it counts.
//!
//! docs.joinmastodon.org/user/posting: "all links are counted as 23 characters … the domain part of a mention does
//! not count"; `app/validators/status_length_validator.rb`, `app/lib/extractor.rb` and `Account::MENTION_RE` of the
//! server say how.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::address;

/// What an address counts where the instance says nothing else: `URL_PLACEHOLDER_CHARS`.
pub const RESERVED_PER_URL: usize = 23;

/// A text as it is counted, with where its parts come from.
pub(super) struct Folded {
    /// What is counted, by graphemes.
    pub(super) text: String,
    parts: Vec<Part>,
}

/// A part of what is counted.
struct Part {
    /// Where it begins.
    at: usize,
    /// Where it begins in the source.
    from: usize,
    /// Whether it stands for something else, as a whole.
    stands_for: bool,
}

impl Folded {
    /// `text`, each address replaced by `url` characters and each mention by the name before its domain.
    pub(super) fn new(text: &str, url: usize) -> Self {
        let mut folded = Self { text: String::with_capacity(text.len()), parts: Vec::new() };
        let mut entities: Vec<(Range<usize>, Option<usize>)> =
            address::find(text, &address::MASTODON).into_iter().map(|range| (range, None)).collect();
        entities.extend(mentions(text).into_iter().map(|(range, name)| (range, Some(name))));
        entities.sort_by_key(|(range, _)| range.start);
        let mut from = 0;
        for (range, name) in entities {
            if range.start < from {
                continue;
            }
            folded.push(&text[from..range.start], from, false);
            match name {
                Some(end) => folded.push(&text[range.start..end], range.start, false),
                None => folded.push(&"x".repeat(url), range.start, true),
            }
            from = range.end;
        }
        folded.push(&text[from..], from, false);
        folded
    }

    fn push(&mut self, text: &str, from: usize, stands_for: bool) {
        self.parts.push(Part { at: self.text.len(), from, stands_for });
        self.text.push_str(text);
    }

    /// Where in the source the first grapheme is that is one too many.
    pub(super) fn first_over(&self, allowed: usize) -> usize {
        let over = self.text.grapheme_indices(true).nth(allowed).map_or(self.text.len(), |(at, _)| at);
        let part = self.parts.iter().rev().find(|part| part.at <= over);
        part.map_or(0, |part| if part.stands_for { part.from } else { part.from + (over - part.at) })
    }
}

/// Each mention, and where its name ends: `(?<![=/[:word:]])@((NAME)(?:@[[:word:]]+([.-]+[[:word:]]+)*)?)`.
fn mentions(text: &str) -> Vec<(Range<usize>, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices('@') {
        let before = text[..at].chars().next_back();
        if at < from || before.is_some_and(|c| is_word(c) || matches!(c, '=' | '/')) {
            continue;
        }
        let Some(name) = dotted(&text[at + 1..], |c| c.is_ascii_alphanumeric() || c == '_') else { continue };
        let name = at + 1 + name;
        let host = text[name..].strip_prefix('@').and_then(|host| dotted(host, is_word));
        let end = host.map_or(name, |host| name + 1 + host);
        from = end;
        if !ends_badly(&text[end..]) {
            found.push((at..end, name));
        }
    }
    found
}

/// How many bytes of `rest` are words with dots and hyphens between them.
fn dotted(rest: &str, in_word: impl Fn(char) -> bool) -> Option<usize> {
    let word = |text: &str| text.find(|c| !in_word(c)).unwrap_or(text.len());
    let mut end = Some(word(rest)).filter(|end| *end > 0)?;
    loop {
        let between = rest[end..].find(|c| !matches!(c, '.' | '-')).unwrap_or(rest.len() - end);
        match word(&rest[end + between..]) {
            more if between > 0 && more > 0 => end += between + more,
            _ => return Some(end),
        }
    }
}

/// Onigmo's `[[:word:]]`: letters, marks, digits, connectors.
fn is_word(c: char) -> bool {
    use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};
    matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
        || matches!(
            c.general_category(),
            GeneralCategory::DecimalNumber | GeneralCategory::ConnectorPunctuation
        )
}

/// `end_mention_match`: what follows makes it something else.
fn ends_badly(after: &str) -> bool {
    after.starts_with(['@', '＠']) || after.starts_with("://") || after.starts_with(address::is_latin_accent)
}
