//! What is found in a text, with its place in it.

use std::ops::Range;

use campaign::consistency::Rule;
use source::Severity;

/// Something that does not agree, in one part of what a channel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// Which of the parts.
    pub part: usize,
    /// Bytes of that part, between characters; empty when it is about something that is not there.
    pub range: Range<usize>,
    /// The words it is about: those of the range, or those that are missing.
    pub words: String,
    /// What is wrong, in a marketer's words.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The fact it is about.
    pub fact: Option<String>,
}

/// The longest words that a message repeats, in characters.
const SHOWN: usize = 80;

/// Words as a message repeats them: on one line, not too long.
pub(super) fn shown(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = words.chars().take(SHOWN).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}
