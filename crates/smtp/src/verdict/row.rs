//! A row of the table: what a reply must be, and what it means then.

use message::{DeferralScope, RejectReason};

use crate::reply::Reply;

/// What the refused command was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// MAIL: us.
    Mail,
    /// RCPT: the recipient.
    Rcpt,
    /// DATA, before the message.
    Data,
    /// The message.
    Message,
}

/// A row of the table: what must fit, and what it means then. An empty list fits everything.
pub(super) struct Row {
    pub(super) stages: &'static [Stage],
    /// Reply codes; a number below 10 is a class: 4 is every 4yz.
    pub(super) codes: &'static [u16],
    /// Subject and detail of the enhanced code; [`ANY_DETAIL`] is any.
    pub(super) enhanced: &'static [(u16, u16)],
    /// Words in small letters, one of which is said.
    pub(super) words: &'static [&'static str],
    pub(super) means: Means,
}

/// In `enhanced`, any detail: codes have three digits at most (RFC 3463 §2), and nobody gave out
/// this one.
pub(super) const ANY_DETAIL: u16 = 999;

#[derive(Clone, Copy)]
pub(super) enum Means {
    /// Try again, not before so many seconds if not 0; and who else waits.
    Later(u64, DeferralScope),
    /// Never, and why.
    Never(RejectReason),
    /// It is about us, not about this message: the channel rests.
    Down,
}

impl Row {
    pub(super) fn fits(&self, stage: Stage, reply: &Reply, words: &str) -> bool {
        let code = |code: &u16| if *code < 10 { reply.code / 100 == *code } else { reply.code == *code };
        let enhanced = || {
            reply.enhanced().is_some_and(|(_, subject, detail)| {
                self.enhanced.iter().any(|(s, d)| *s == subject && (*d == ANY_DETAIL || *d == detail))
            })
        };
        (self.stages.is_empty() || self.stages.contains(&stage))
            && (self.codes.is_empty() || self.codes.iter().any(code))
            && (self.enhanced.is_empty() || enhanced())
            && (self.words.is_empty() || self.words.iter().any(|word| says(words, word)))
    }
}

/// Whether `words` say `word`, not merely as the end of a longer one.
pub(super) fn says(words: &str, word: &str) -> bool {
    words.match_indices(word).any(|(at, _)| {
        let before = words[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let starts_word = word.starts_with(|c: char| c.is_alphanumeric());
        !(before && starts_word)
    })
}
