//! What a refusal means. The first row of [`TABLE`] that fits decides.

mod permanent;
mod row;
mod table;
mod transient;

use std::time::Duration;

use message::{DeferralScope, SendOutcome};

use crate::reply::Reply;
pub(crate) use row::Stage;
use row::{Means, Row};
use table::TABLE;

/// What `reply`, which refused `stage`, means for the message.
pub(crate) fn verdict(stage: Stage, reply: &Reply) -> SendOutcome {
    let words = without_addresses(&reply.words());
    let answer = reply.to_string();
    let fits = |row: &&Row| row.fits(stage, reply, &words);
    match TABLE.iter().find(fits).map_or(Means::Later(0, DeferralScope::Message), |row| row.means) {
        Means::Later(seconds, scope) => {
            let retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
            SendOutcome::Deferred { retry_after, scope, answer }
        }
        Means::Never(reason) => SendOutcome::Rejected { reason, answer },
        Means::Down => SendOutcome::Down { answer },
    }
}

/// The words without the addresses and links among them: the name of a person or of a page says
/// nothing about what became of the message.
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
