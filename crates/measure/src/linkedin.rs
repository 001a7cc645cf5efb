//! Escapes for LinkedIn's "escaped_text text format"
//! (learn.microsoft.com/linkedin/marketing/community-management/shares/escaped_text-text-format).
//!
//! LinkedIn silently cuts a post at the first unescaped reserved character, and still answers 201.
//! A hashtag with an escaped sign is no longer a hashtag, so hashtags are written with their
//! template.

use std::ops::Range;

/// Characters that need a backslash. "All reserved characters need to be escaped with a backslash,
/// even if those characters are not used in one of the supported elements or templates."
const RESERVED: [char; 15] = ['\\', '|', '{', '}', '@', '[', ']', '(', ')', '<', '>', '#', '*', '_', '~'];

/// Returns `text` escaped so that LinkedIn shows it unchanged and its hashtags stay links. A
/// hashtag is `#` followed by letters, digits and underscores, with at least one letter, not
/// preceded by a letter or digit.
///
/// LinkedIn applies its length limit to the text as shown, so measure `text`, not this result.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped_text = String::with_capacity(text.len() + 16);
    let mut from = 0;
    for tag in hashtags(text) {
        push_escaped(&text[from..tag.start], &mut escaped_text);
        escaped_text.push_str("{hashtag|\\#|");
        push_escaped(&text[tag.start + 1..tag.end], &mut escaped_text);
        escaped_text.push('}');
        from = tag.end;
    }
    push_escaped(&text[from..], &mut escaped_text);
    escaped_text
}

fn push_escaped(text: &str, escaped_text: &mut String) {
    for c in text.chars() {
        if RESERVED.contains(&c) {
            escaped_text.push('\\');
        }
        escaped_text.push(c);
    }
}

/// Returns the byte ranges of the hashtags, including the `#`.
fn hashtags(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('#') {
        let before = text[..at].chars().next_back();
        let rest = &text[at + 1..];
        let size = rest.find(|c: char| !is_tag_char(c)).unwrap_or(rest.len());
        let has_letter = rest[..size].chars().any(char::is_alphabetic);
        if has_letter && before.is_none_or(|c| !is_tag_char(c) && !matches!(c, '#' | '/' | '&')) {
            found.push(at..at + 1 + size);
        }
    }
    found
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
