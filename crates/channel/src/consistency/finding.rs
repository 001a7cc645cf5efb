//! A finding of the consistency check, with its place in the text.

use std::ops::Range;

use campaign::ConsistencyRule;
use source::Severity;

/// A broken rule in one part of a channel's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyFinding {
    /// The rule that the text breaks.
    pub rule: ConsistencyRule,
    /// The severity, which depends on the rule and the market.
    pub severity: Severity,
    /// The index of the part in [`ChannelContent::parts`](super::ChannelContent::parts).
    pub part: usize,
    /// The range of bytes in that part, at character boundaries; empty if something is missing.
    pub range: Range<usize>,
    /// The words in the range, or the words that are missing.
    pub words: String,
    /// The description of the problem, in a marketer's words.
    pub message: String,
    /// The advice on how to fix the problem.
    pub help: String,
    /// The name of the fact that is contradicted or missing, if the finding is about one.
    pub fact: Option<String>,
}

/// The maximum length of quoted words in a message, in characters.
const MAX_EXCERPT: usize = 80;

/// Returns `words` on one line, cut to [`MAX_EXCERPT`] characters, for quoting in a message.
pub(super) fn shorten(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = words.chars().take(MAX_EXCERPT).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}
