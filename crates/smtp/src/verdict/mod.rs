//! The meaning of refusals. The first row of [`TABLE`] that matches decides.

mod permanent;
mod row;
mod table;
mod transient;

use std::time::Duration;

use message::{DeferralScope, SendOutcome};

use crate::reply::Reply;
pub(crate) use row::Stage;
use row::{Decision, Row};
use table::TABLE;

/// Returns the outcome of a message whose `stage` was refused with `reply`.
pub(crate) fn verdict(stage: Stage, reply: &Reply) -> SendOutcome {
    let words = without_addresses(&reply.lowercase_text());
    let answer = reply.to_string();
    let matches = |row: &&Row| row.matches(stage, reply, &words);
    let decision = TABLE.iter().find(matches).map(|row| row.decision);
    match decision.unwrap_or(Decision::Transient(0, DeferralScope::Message)) {
        Decision::Transient(seconds, scope) => {
            let retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
            SendOutcome::Deferred { retry_after, scope, answer }
        }
        Decision::Permanent(reason) => SendOutcome::Rejected { reason, answer },
        Decision::ChannelDown => SendOutcome::Down { answer },
    }
}

/// Removes addresses and links from the text of a reply: the words in them say nothing about the
/// message.
fn without_addresses(words: &str) -> String {
    const ENDS: &[char] = &['<', '>', '(', ')', '[', ']', '"', '\'', ',', ';', ':'];
    let mut out = String::with_capacity(words.len());
    for word in words.split_whitespace().filter(|word| !word.contains("://")) {
        let parts = word.split_inclusive(ENDS).filter(|part| !part.contains('@'));
        parts.for_each(|part| out.push_str(part));
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests;
