//! Mastodon's character count: URLs and mentions are replaced by what the server counts for them.
//!
//! Sources: docs.joinmastodon.org/user/posting ("all links are counted as 23 characters … the
//! domain part of a mention does not count"), and in the server
//! `app/validators/status_length_validator.rb`, `app/lib/extractor.rb` and `Account::MENTION_RE`.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::url;

/// Characters that a URL counts on an instance that does not set its own number: the server's
/// `URL_PLACEHOLDER_CHARS`.
pub const RESERVED_PER_URL: usize = 23;

/// A text with its URLs and mentions replaced by what is counted, mapped back to the source text.
pub(super) struct CountedText {
    /// The text whose graphemes are counted.
    pub(super) text: String,
    parts: Vec<Part>,
}

/// One segment of the counted text.
struct Part {
    /// Byte offset in the counted text.
    at: usize,
    /// Byte offset in the source text.
    from: usize,
    /// True for the placeholder of a URL, which cannot be split.
    is_placeholder: bool,
}

impl CountedText {
    /// Replaces each URL of `text` by `url` characters, and each mention by the name without its
    /// domain.
    pub(super) fn new(text: &str, url: usize) -> Self {
        let mut counted = Self { text: String::with_capacity(text.len()), parts: Vec::new() };
        let mut entities: Vec<(Range<usize>, Option<usize>)> =
            url::find(text, &url::MASTODON).into_iter().map(|range| (range, None)).collect();
        entities.extend(mentions(text).into_iter().map(|(range, name)| (range, Some(name))));
        entities.sort_by_key(|(range, _)| range.start);
        let mut from = 0;
        for (range, name) in entities {
            if range.start < from {
                continue;
            }
            counted.push(&text[from..range.start], from, false);
            match name {
                Some(end) => counted.push(&text[range.start..end], range.start, false),
                None => counted.push(&"x".repeat(url), range.start, true),
            }
            from = range.end;
        }
        counted.push(&text[from..], from, false);
        counted
    }

    fn push(&mut self, text: &str, from: usize, is_placeholder: bool) {
        self.parts.push(Part { at: self.text.len(), from, is_placeholder });
        self.text.push_str(text);
    }

    /// Returns the byte offset in the source of the first grapheme beyond `allowed`.
    pub(super) fn first_over_limit(&self, allowed: usize) -> usize {
        let over = self.text.grapheme_indices(true).nth(allowed).map_or(self.text.len(), |(at, _)| at);
        let part = self.parts.iter().rev().find(|part| part.at <= over);
        part.map_or(0, |part| if part.is_placeholder { part.from } else { part.from + (over - part.at) })
    }
}

/// Returns the byte range of each mention and the offset at which its name ends. The pattern is
/// `(?<![=/[:word:]])@((NAME)(?:@[[:word:]]+([.-]+[[:word:]]+)*)?)`.
fn mentions(text: &str) -> Vec<(Range<usize>, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices('@') {
        let before = text[..at].chars().next_back();
        if at < from || before.is_some_and(|c| is_word(c) || matches!(c, '=' | '/')) {
            continue;
        }
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let Some(name) = dotted_words_length(&text[at + 1..], in_name) else { continue };
        let name = at + 1 + name;
        let host = text[name..].strip_prefix('@').and_then(|host| dotted_words_length(host, is_word));
        let end = host.map_or(name, |host| name + 1 + host);
        from = end;
        if !invalidates_mention(&text[end..]) {
            found.push((at..end, name));
        }
    }
    found
}

/// Returns the length in bytes of the words at the start of `rest`, joined by dots and hyphens.
fn dotted_words_length(rest: &str, in_word: impl Fn(char) -> bool) -> Option<usize> {
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

/// Matches Onigmo's `[[:word:]]`: letters, marks, digits and connectors.
fn is_word(c: char) -> bool {
    use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};
    matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
        || matches!(
            c.general_category(),
            GeneralCategory::DecimalNumber | GeneralCategory::ConnectorPunctuation
        )
}

/// Returns true for text after a mention that makes it not a mention (`end_mention_match`).
fn invalidates_mention(after: &str) -> bool {
    after.starts_with(['@', '＠']) || after.starts_with("://") || after.starts_with(url::is_latin_accent)
}
