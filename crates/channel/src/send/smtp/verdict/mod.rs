//! What a refusal means. The first row of [`TABLE`] that fits decides.

mod later;
mod never;
mod table;

use std::time::Duration;

use super::reply::Reply;
use crate::send::{RejectReason, Scope, SendOutcome};
use table::TABLE;

/// What the refused command was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
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
struct Row {
    stages: &'static [Stage],
    /// Reply codes; a number below 10 is a class: 4 is every 4yz.
    codes: &'static [u16],
    /// Subject and detail of the enhanced code; [`ANY_DETAIL`] is any.
    enhanced: &'static [(u16, u16)],
    /// Words in small letters, one of which is said.
    words: &'static [&'static str],
    means: Means,
}

/// In `enhanced`, any detail: codes have three digits at most (RFC 3463 §2), and nobody gave out this one.
const ANY_DETAIL: u16 = 999;

#[derive(Clone, Copy)]
enum Means {
    /// Try again, not before so many seconds if not 0; and who else waits.
    Later(u64, Scope),
    /// Never, and why.
    Never(RejectReason),
    /// It is about us, not about this message: the channel rests.
    Down,
}

/// What `reply`, which refused `stage`, means for the message.
pub(super) fn verdict(stage: Stage, reply: &Reply) -> SendOutcome {
    let words = without_addresses(&reply.words());
    let answer = reply.to_string();
    let fits = |row: &&Row| row.fits(stage, reply, &words);
    match TABLE.iter().find(fits).map_or(Means::Later(0, Scope::Message), |row| row.means) {
        Means::Later(seconds, scope) => {
            let retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
            SendOutcome::Deferred { retry_after, scope, answer }
        }
        Means::Never(reason) => SendOutcome::Rejected { reason, answer },
        Means::Down => SendOutcome::Down { answer },
    }
}

impl Row {
    fn fits(&self, stage: Stage, reply: &Reply, words: &str) -> bool {
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
fn says(words: &str, word: &str) -> bool {
    words.match_indices(word).any(|(at, _)| {
        let before = words[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let starts_word = word.starts_with(|c: char| c.is_alphanumeric());
        !(before && starts_word)
    })
}

/// The words without the addresses and links among them: what somebody or some page is called says nothing about
/// what became of the message.
fn without_addresses(words: &str) -> String {
    const ENDS: &[char] = &['<', '>', '(', ')', '[', ']', '"', '\'', ',', ';', ':'];
    let mut kept = String::with_capacity(words.len());
    for word in words.split_whitespace().filter(|word| !word.contains("://")) {
        let parts = word.split_inclusive(ENDS).filter(|part| !part.contains('@'));
        parts.for_each(|part| kept.push_str(part));
        kept.push(' ');
    }
    kept
}

#[cfg(test)]
mod tests;
