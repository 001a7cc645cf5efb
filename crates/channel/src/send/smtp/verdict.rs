//! What a refusal means, as a table: reference/email.md §1.4, RFC 5321 §4.2.3, RFC 3463, and what large
//! receivers say in words. The first row that fits decides.

use std::time::Duration;

use super::reply::Reply;
use crate::send::{RejectReason, Scope, SendOutcome};

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

/// A row of the table: what must fit, and what it means then.
struct Row {
    stages: &'static [Stage],
    codes: &'static [u16],
    enhanced: &'static [(u16, u16)],
    words: &'static [&'static str],
    means: Means,
}

#[derive(Clone, Copy)]
enum Means {
    /// Try again, not before so many seconds if not 0.
    Later(u64),
    /// Never, and why.
    Never(RejectReason),
    /// It is about us, not about this message: the channel rests.
    Down,
}

use Means::{Down, Later, Never};
use RejectReason::{BadAddress, MailboxFull, Policy, Rejected, TooBig};

const ANY: &[Stage] = &[];
const RCPT: &[Stage] = &[Stage::Rcpt];
const SENT: &[Stage] = &[Stage::Data, Stage::Message];
const MINUTES: u64 = 60;
const HOURS: u64 = 60 * MINUTES;

/// In `codes`, a number below 10 is a class: 4 is every 4yz. In `enhanced`, subject and detail; 999 is any
/// detail. An empty list fits everything.
const TABLE: &[Row] = &[
    // The server says goodbye. At MAIL that is about the connection; later it may be about the message.
    row(&[Stage::Mail], &[421], &[], &[], Down),
    // We are not who we say, or not allowed in.
    row(ANY, &[530, 534, 535, 538], &[], &[], Down),
    row(ANY, &[454], &[(7, 999)], &["tls", "authentication", "auth"], Down),
    row(
        &[Stage::Mail],
        &[5],
        &[],
        &["authentication required", "authenticate first", "must issue a starttls"],
        Down,
    ),
    row(ANY, &[550], &[(7, 1)], &["authentication required"], Down),
    // Throttled: reputation and rate. Yahoo asks for two hours; KumoMTA's rule for others is 90 minutes.
    row(ANY, &[4], &[], &["[tss04]", "[ts04]", "tss04"], Later(2 * HOURS)),
    row(
        ANY,
        &[4],
        &[],
        &["unusual rate", "rate limit", "ratelimit", "temporarily deferred", "throttl"],
        Later(90 * MINUTES),
    ),
    row(ANY, &[4], &[(7, 28), (7, 650), (7, 500), (7, 32)], &[], Later(90 * MINUTES)),
    // Grey-listed: not before five minutes.
    row(
        ANY,
        &[4],
        &[],
        &["greylist", "graylist", "grey list", "gray list", "try again later", "please try later"],
        Later(5 * MINUTES),
    ),
    row(ANY, &[450, 451], &[(7, 1), (2, 1), (7, 0)], &[], Later(5 * MINUTES)),
    row(ANY, &[4], &[], &[], Later(0)),
    // Full. A 4yz may yet be emptied and was deferred above.
    row(ANY, &[5], &[(2, 2)], &[], Never(MailboxFull)),
    row(
        ANY,
        &[552, 550, 554],
        &[],
        &[
            "over quota",
            "quota exceeded",
            "mailbox full",
            "mailbox is full",
            "exceeded storage",
            "storage quota",
        ],
        Never(MailboxFull),
    ),
    row(ANY, &[5], &[(3, 4), (2, 3)], &[], Never(TooBig)),
    row(
        ANY,
        &[552, 550, 554, 523],
        &[],
        &["message size", "too large", "too big", "size limit", "maximum size"],
        Never(TooBig),
    ),
    // Microsoft says "access denied" of addresses that its directory does not know.
    row(RCPT, &[550], &[(4, 1)], &["recipient address rejected"], Never(BadAddress)),
    // We are refused: never the person's fault.
    row(ANY, &[5], &[(7, 999), (1, 7), (1, 8)], &[], Never(Policy)),
    row(ANY, &[5], &[], POLICY_WORDS, Never(Policy)),
    // There is nobody there.
    row(RCPT, &[5], &[(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)], &[], Never(BadAddress)),
    row(SENT, &[5], &[(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)], &[], Never(BadAddress)),
    row(RCPT, &[5], &[], NOBODY_WORDS, Never(BadAddress)),
    row(SENT, &[550, 551, 553], &[], NOBODY_WORDS, Never(BadAddress)),
    // What is left. Codes of syntax are about what we sent.
    row(ANY, &[500, 501, 502, 503, 504, 521, 555, 556], &[], &[], Never(Rejected)),
    row(RCPT, &[550, 551, 553], &[(0, 0), (1, 0)], &[], Never(BadAddress)),
    row(RCPT, &[5], &[(999, 999)], &[], Never(Rejected)),
    row(RCPT, &[550, 551, 553], &[], &[], Never(BadAddress)),
    row(SENT, &[5], &[], &[], Never(Policy)),
    row(&[Stage::Mail], &[5], &[], &[], Never(Policy)),
    row(ANY, &[5], &[], &[], Never(Rejected)),
];

/// Words of receivers that refuse the sender.
const POLICY_WORDS: &[&str] = &[
    "spam",
    "blocked",
    "blacklist",
    "block list",
    "blocklist",
    "blocklisted",
    "dnsbl",
    "rbl",
    "spamhaus",
    "barracuda",
    "reputation",
    "policy",
    "dmarc",
    "dkim",
    "spf",
    "relay",
    "unsolicited",
    "not authorized",
    "not allowed",
    "client host",
    "sender verify",
    "sender address rejected",
    "content rejected",
    "virus",
    "prohibited",
];

/// Words of receivers that know nobody of that name.
const NOBODY_WORDS: &[&str] = &[
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such account",
    "does not exist",
    "doesn't exist",
    "not exist",
    "mailbox not found",
    "user not found",
    "recipient not found",
    "address not found",
    "mailbox unavailable",
    "invalid recipient",
    "invalid mailbox",
    "invalid address",
    "unknown recipient",
    "unknown address",
    "unknown account",
    "recipient unknown",
    "address unknown",
    "no mailbox",
    "not our customer",
    "account disabled",
    "account is disabled",
    "mailbox disabled",
    "account has been disabled",
    "inactive",
    "unrouteable",
    "unroutable",
    "not a known user",
    "not known here",
    "bad destination",
    "no longer available",
    "has moved",
];

const fn row(
    stages: &'static [Stage],
    codes: &'static [u16],
    enhanced: &'static [(u16, u16)],
    words: &'static [&'static str],
    means: Means,
) -> Row {
    Row { stages, codes, enhanced, words, means }
}

/// What `reply`, which refused `stage`, means for the message.
pub(super) fn verdict(stage: Stage, reply: &Reply) -> SendOutcome {
    let words = reply.words();
    let answer = reply.to_string();
    let fits = |row: &&Row| row.fits(stage, reply, &words);
    match TABLE.iter().find(fits).map_or(Later(0), |row| row.means) {
        Later(seconds) => {
            let retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
            SendOutcome::Deferred { retry_after, scope: Scope::Message, answer }
        }
        Never(reason) => SendOutcome::Rejected { reason, answer },
        Down => SendOutcome::Down { answer },
    }
}

impl Row {
    fn fits(&self, stage: Stage, reply: &Reply, words: &str) -> bool {
        let code = |code: &u16| if *code < 10 { reply.code / 100 == *code } else { reply.code == *code };
        let enhanced = || {
            reply.enhanced().is_some_and(|(_, subject, detail)| {
                self.enhanced.iter().any(|(s, d)| (*s == 999 || *s == subject) && (*d == 999 || *d == detail))
            })
        };
        (self.stages.is_empty() || self.stages.contains(&stage))
            && (self.codes.is_empty() || self.codes.iter().any(code))
            && (self.enhanced.is_empty() || enhanced())
            && (self.words.is_empty() || self.words.iter().any(|word| says(words, word)))
    }
}

/// Whether `words` say `word`, not merely as a part of a longer one.
fn says(words: &str, word: &str) -> bool {
    words.match_indices(word).any(|(at, _)| {
        let before = words[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let starts_word = word.starts_with(|c: char| c.is_alphanumeric());
        !(before && starts_word)
    })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
