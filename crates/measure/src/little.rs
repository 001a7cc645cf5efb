//! LinkedIn's "little text": learn.microsoft.com/linkedin/marketing/community-management/shares/little-text-format.
//!
//! What it reserves must be escaped, or the post is cut there in silence and answered with 201. A hashtag whose sign
//! is escaped is no hashtag any more; the template for hashtags keeps it one.

use std::ops::Range;

/// "All reserved characters need to be escaped with a backslash, even if those characters are not used in one of the
/// supported elements or templates."
const RESERVED: [char; 15] = ['\\', '|', '{', '}', '@', '[', ']', '(', ')', '<', '>', '#', '*', '_', '~'];

/// `text` so that LinkedIn shows it as it is, its hashtags alive: `#` and what follows of letters, digits and
/// underscores, with at least one letter, where no letter or digit stands before.
///
/// LinkedIn's limit is held against what is shown, so measure `text` and not this.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut little = String::with_capacity(text.len() + 16);
    let mut from = 0;
    for tag in hashtags(text) {
        push_escaped(&text[from..tag.start], &mut little);
        little.push_str("{hashtag|\\#|");
        push_escaped(&text[tag.start + 1..tag.end], &mut little);
        little.push('}');
        from = tag.end;
    }
    push_escaped(&text[from..], &mut little);
    little
}

fn push_escaped(text: &str, little: &mut String) {
    for c in text.chars() {
        if RESERVED.contains(&c) {
            little.push('\\');
        }
        little.push(c);
    }
}

/// The byte ranges of hashtags, sign included.
fn hashtags(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('#') {
        let before = text[..at].chars().next_back();
        let rest = &text[at + 1..];
        let size = rest.find(|c: char| !is_of_tag(c)).unwrap_or(rest.len());
        let lives = rest[..size].chars().any(char::is_alphabetic);
        if lives && before.is_none_or(|c| !is_of_tag(c) && !matches!(c, '#' | '/' | '&')) {
            found.push(at..at + 1 + size);
        }
    }
    found
}

fn is_of_tag(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
