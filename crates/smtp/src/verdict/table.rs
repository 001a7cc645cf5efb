//! The table of refusals: RFC 5321 §4.2.3, RFC 3463 with its registry, and the words of large
//! receivers.
//!
//! Three rules hold for every row, and tests enforce them. A refusal counts against the address
//! only when it says so: one that may be about us (reputation, signatures, rate, configuration)
//! suppresses no address. One that concerns all messages to a receiver does not count against a
//! single message. A channel stops only for refusals that every message would get.

use message::{DeferralScope, RejectReason};

use super::permanent::{INACTIVE, POLICY, TOO_BIG, UNKNOWN_USER, UNKNOWN_USER_AFTER_DATA};
use super::row::{ANY_DETAIL, Decision, Row, Stage};
use super::transient::{
    AUTH_REQUIRED, GREYLISTED, MAILBOX_FULL, OUR_ACCOUNT, RECIPIENT_RATE_LIMIT, SERVER_BUSY,
    THROTTLED_SENDER, THROTTLED_WITH_5YZ, YAHOO_COMPLAINTS,
};
use Decision::{ChannelDown, Permanent, Transient};
use DeferralScope::{Mailbox, Message, Receiver};
use RejectReason::{BadAddress, Inactive, Policy, Rejected, TooBig};

const ANY_STAGE: &[Stage] = &[];
const MAIL: &[Stage] = &[Stage::Mail];
const RCPT: &[Stage] = &[Stage::Rcpt];
const AFTER_RCPT: &[Stage] = &[Stage::Data, Stage::Message];
const AFTER_MAIL: &[Stage] = &[Stage::Rcpt, Stage::Data, Stage::Message];

const MINUTES: u64 = 60;
const HOURS: u64 = 60 * MINUTES;

/// The rule of Gmail and Outlook, and of KumoMTA for most receivers: a pause of an hour and a half.
const THROTTLED: Decision = Transient(90 * MINUTES, Receiver);

/// The rows in order: the first that matches decides.
pub(super) const TABLE: &[Row] = &[
    // Our own account: the login is refused, not allowed, or used up. No message may fail because
    // of it.
    row(ANY_STAGE, &[525, 526, 530, 534, 535, 538], &[], &[], ChannelDown),
    row(ANY_STAGE, &[], &[], OUR_ACCOUNT, ChannelDown),
    row(MAIL, &[454], &[], &[], ChannelDown),
    row(MAIL, &[5], &[], AUTH_REQUIRED, ChannelDown),
    // A full mailbox may yet be emptied, whatever the code is (reference: 452 4.2.2 and 552 5.2.2
    // alike).
    row(AFTER_MAIL, &[4], &[(2, 2)], &[], Transient(0, Mailbox)),
    row(AFTER_MAIL, &[5], &[(2, 2)], &[], Transient(4 * HOURS, Mailbox)),
    // One mailbox receives too much, from all senders together.
    row(ANY_STAGE, &[4, 5], &[], RECIPIENT_RATE_LIMIT, Transient(HOURS, Message)),
    // Throttled. Yahoo asks for two hours.
    row(ANY_STAGE, &[4], &[], YAHOO_COMPLAINTS, Transient(2 * HOURS, Receiver)),
    row(ANY_STAGE, &[4], &[], THROTTLED_SENDER, THROTTLED),
    row(ANY_STAGE, &[5], &[], THROTTLED_WITH_5YZ, THROTTLED),
    // Gmail's authentication and rate codes, Microsoft's 4.7.5xx to 4.7.8xx: about a reputation,
    // not about a message.
    row(ANY_STAGE, &[4], SENDER_THROTTLE_CODES, &[], THROTTLED),
    // Greylisted: not before five minutes.
    row(ANY_STAGE, &[4], &[], GREYLISTED, Transient(5 * MINUTES, Message)),
    row(AFTER_MAIL, &[4], &[], MAILBOX_FULL, Transient(0, Mailbox)),
    // The server shuts down, is busy, or has no space: every message would get this reply.
    row(ANY_STAGE, &[4], &[], SERVER_BUSY, Transient(0, Receiver)),
    row(ANY_STAGE, &[421], &[], &[], Transient(0, Receiver)),
    row(ANY_STAGE, &[4], SERVER_FAULT_CODES, &[], Transient(0, Receiver)),
    row(ANY_STAGE, &[450, 451], &[(7, 1), (2, 1)], &[], Transient(5 * MINUTES, Message)),
    row(ANY_STAGE, &[4], &[(7, ANY_DETAIL)], &[], Transient(5 * MINUTES, Receiver)),
    row(MAIL, &[4], &[], &[], Transient(0, Receiver)),
    row(ANY_STAGE, &[4], &[], &[], Transient(0, Message)),
    // The message is too large, for this server or for this mailbox.
    row(ANY_STAGE, &[5], &[(3, 4), (2, 3)], &[], Permanent(TooBig)),
    row(ANY_STAGE, &[552, 550, 554, 523], &[], TOO_BIG, Permanent(TooBig)),
    // Microsoft says "access denied" for addresses that its directory does not know.
    row(RCPT, &[550], &[(4, 1)], &["recipient address rejected"], Permanent(BadAddress)),
    // Yandex uses this for addresses that it does not know, with a code that means us.
    row(RCPT, &[550], &[(7, 1)], &["no such user!"], Permanent(BadAddress)),
    // The sender is refused: never the recipient's fault.
    row(ANY_STAGE, &[5], &[(7, ANY_DETAIL), (1, 7), (1, 8), (1, 9)], &[], Permanent(Policy)),
    row(ANY_STAGE, &[5], &[], POLICY, Permanent(Policy)),
    // A refusal of MAIL is about us.
    row(MAIL, &[500, 501, 502, 503, 504, 521, 555], &[], &[], Permanent(Rejected)),
    row(MAIL, &[5], &[], &[], Permanent(Policy)),
    // The other refusals are about the recipient, or give no reason.
    row(AFTER_MAIL, &[550, 552, 554], &[], MAILBOX_FULL, Transient(4 * HOURS, Mailbox)),
    // The mailbox does not exist.
    row(AFTER_MAIL, &[5], NO_SUCH_ADDRESS_CODES, &[], Permanent(BadAddress)),
    // The mailbox existed: closed, suspended or dormant.
    row(AFTER_MAIL, &[5], &[(2, 1)], &[], Permanent(Inactive)),
    row(AFTER_MAIL, &[550, 552, 553, 554, 505], &[], INACTIVE, Permanent(Inactive)),
    row(RCPT, &[5], &[], UNKNOWN_USER, Permanent(BadAddress)),
    row(AFTER_RCPT, &[550, 551, 552, 553, 554], &[], UNKNOWN_USER_AFTER_DATA, Permanent(BadAddress)),
    row(RCPT, &[556], &[], &[], Permanent(BadAddress)),
    // The remaining refusals. Codes of syntax are about the commands that we sent.
    row(ANY_STAGE, &[500, 501, 502, 503, 504, 521, 555, 556], &[], &[], Permanent(Rejected)),
    row(RCPT, &[550, 551, 553], &[(0, 0), (1, 0)], &[], Permanent(BadAddress)),
    row(RCPT, &[5], ANY_ENHANCED_CODE, &[], Permanent(Rejected)),
    row(RCPT, &[550, 551, 553], &[], &[], Permanent(BadAddress)),
    row(AFTER_RCPT, &[5], &[(4, ANY_DETAIL), (6, ANY_DETAIL)], &[], Permanent(Rejected)),
    row(AFTER_RCPT, &[5], &[], &[], Permanent(Policy)),
    row(ANY_STAGE, &[5], &[], &[], Permanent(Rejected)),
];

/// Codes that throttle or distrust the sender: RFC 7372, RFC 8601, Gmail's and Microsoft's own.
const SENDER_THROTTLE_CODES: &[(u16, u16)] = &[
    (7, 23),
    (7, 24),
    (7, 25),
    (7, 26),
    (7, 27),
    (7, 28),
    (7, 29),
    (7, 30),
    (7, 32),
    (7, 40),
    (7, 500),
    (7, 501),
    (7, 550),
    (7, 650),
    (7, 651),
    (7, 652),
    (7, 850),
    (7, 860),
    (7, 891),
];

/// Codes of RFC 3463: no space (3.1), not accepting (3.2), misconfigured (3.5), no answer (4.1),
/// the connection (4.2), the directory (4.3), the route (4.4), congestion (4.5), too many
/// recipients (5.3: there is one); and the sender's domain of RFC 5321 (1.8).
const SERVER_FAULT_CODES: &[(u16, u16)] =
    &[(3, 0), (3, 1), (3, 2), (3, 5), (4, 0), (4, 1), (4, 2), (4, 3), (4, 4), (4, 5), (5, 3), (1, 7), (1, 8)];

/// Codes of RFC 3463 §3.2 and RFC 7505 (null MX).
const NO_SUCH_ADDRESS_CODES: &[(u16, u16)] = &[(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)];

/// Any enhanced code: it gives a reason, but not that the mailbox does not exist.
const ANY_ENHANCED_CODE: &[(u16, u16)] = &[
    (0, ANY_DETAIL),
    (1, ANY_DETAIL),
    (2, ANY_DETAIL),
    (3, ANY_DETAIL),
    (4, ANY_DETAIL),
    (5, ANY_DETAIL),
    (6, ANY_DETAIL),
    (7, ANY_DETAIL),
];

const fn row(
    stages: &'static [Stage],
    codes: &'static [u16],
    enhanced: &'static [(u16, u16)],
    words: &'static [&'static str],
    decision: Decision,
) -> Row {
    Row { stages, codes, enhanced, words, decision }
}
