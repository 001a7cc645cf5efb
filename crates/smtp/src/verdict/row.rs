//! A row of the table: the conditions on a reply, and the decision if it meets them.

use message::{DeferralScope, RejectReason};

use crate::reply::Reply;

/// The command that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// MAIL, which names the sender.
    Mail,
    /// RCPT, which names the recipient.
    Rcpt,
    /// DATA, before the message itself.
    Data,
    /// The end of the message itself.
    Message,
}

/// A row of the table: conditions, and the decision if all of them match. An empty list matches
/// everything.
pub(super) struct Row {
    pub(super) stages: &'static [Stage],
    /// Reply codes; a number below 10 is a class: 4 matches every 4yz.
    pub(super) codes: &'static [u16],
    /// Subject and detail of the enhanced code; [`ANY_DETAIL`] matches any detail.
    pub(super) enhanced: &'static [(u16, u16)],
    /// Words in lower case, of which the reply must contain one.
    pub(super) words: &'static [&'static str],
    pub(super) decision: Decision,
}

/// In `enhanced`, matches any detail: codes have at most three digits (RFC 3463 §2), and this one
/// is not assigned.
pub(super) const ANY_DETAIL: u16 = 999;

#[derive(Clone, Copy)]
pub(super) enum Decision {
    /// The message is tried again, at the earliest after this number of seconds if it is not 0. The
    /// scope says which other messages wait.
    Transient(u64, DeferralScope),
    /// The message is refused permanently, for this reason.
    Permanent(RejectReason),
    /// The refusal is about our account and not about the message: the channel stops.
    ChannelDown,
}

impl Row {
    pub(super) fn matches(&self, stage: Stage, reply: &Reply, text: &str) -> bool {
        let code = |code: &u16| if *code < 10 { reply.code / 100 == *code } else { reply.code == *code };
        let enhanced = || {
            reply.enhanced().is_some_and(|(_, subject, detail)| {
                self.enhanced.iter().any(|(s, d)| *s == subject && (*d == ANY_DETAIL || *d == detail))
            })
        };
        (self.stages.is_empty() || self.stages.contains(&stage))
            && (self.codes.is_empty() || self.codes.iter().any(code))
            && (self.enhanced.is_empty() || enhanced())
            && (self.words.is_empty() || self.words.iter().any(|word| contains_word(text, word)))
    }
}

/// Returns true if `text` contains `word` at the start of a word.
pub(super) fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let starts_word = word.starts_with(|c: char| c.is_alphanumeric());
        !(before && starts_word)
    })
}
