//! The table: RFC 5321 §4.2.3, RFC 3463 with its registry, and what large receivers say in words.
//!
//! Three rules hold for every row, and a test holds the rows to them. A refusal is the person's
//! only when it says so: whatever smells of us (reputation, signatures, speed, configuration)
//! suppresses nobody. What is about everybody at a receiver is not counted against one message. A
//! channel rests only for what it would hear of every message.

use message::{DeferralScope, RejectReason};

use super::permanent::{INACTIVE, NOBODY, NOBODY_AT_END, POLICY, TOO_BIG};
use super::row::{ANY_DETAIL, Means, Row, Stage};
use super::transient::{
    BUSY, FULL, GREY, NO_LOGIN, NOT_NOW_5, OUR_ACCOUNT, PUSHED, SLOW_DOWN, YAHOO_COMPLAINTS,
};
use DeferralScope::{Mailbox, Message, Receiver};
use Means::{Down, Later, Never};
use RejectReason::{BadAddress, Inactive, Policy, Rejected, TooBig};

const ANY: &[Stage] = &[];
const MAIL: &[Stage] = &[Stage::Mail];
const RCPT: &[Stage] = &[Stage::Rcpt];
const SENT: &[Stage] = &[Stage::Data, Stage::Message];
const NOT_US: &[Stage] = &[Stage::Rcpt, Stage::Data, Stage::Message];

const MINUTES: u64 = 60;
const HOURS: u64 = 60 * MINUTES;

/// Gmail, Outlook and KumoMTA's rule for most: an hour and a half of quiet.
const THROTTLED: Means = Later(90 * MINUTES, Receiver);

/// In order: the first that fits decides.
pub(super) const TABLE: &[Row] = &[
    // Our own account: not who we say, not allowed in, used up. No message may fail for it.
    row(ANY, &[525, 526, 530, 534, 535, 538], &[], &[], Down),
    row(ANY, &[], &[], OUR_ACCOUNT, Down),
    row(MAIL, &[454], &[], &[], Down),
    row(MAIL, &[5], &[], NO_LOGIN, Down),
    // Full: may yet be emptied, whatever the code says (reference: 452 4.2.2 and 552 5.2.2 alike).
    row(NOT_US, &[4], &[(2, 2)], &[], Later(0, Mailbox)),
    row(NOT_US, &[5], &[(2, 2)], &[], Later(4 * HOURS, Mailbox)),
    // One person gets too much, from everybody.
    row(ANY, &[4, 5], &[], PUSHED, Later(HOURS, Message)),
    // Throttled. Yahoo asks for two hours.
    row(ANY, &[4], &[], YAHOO_COMPLAINTS, Later(2 * HOURS, Receiver)),
    row(ANY, &[4], &[], SLOW_DOWN, THROTTLED),
    row(ANY, &[5], &[], NOT_NOW_5, THROTTLED),
    // Gmail's authentication and rate codes, Microsoft's 4.7.5xx to 4.7.8xx: a reputation, not a
    // message.
    row(ANY, &[4], SENDER_THROTTLES, &[], THROTTLED),
    // Grey-listed: not before five minutes.
    row(ANY, &[4], &[], GREY, Later(5 * MINUTES, Message)),
    row(NOT_US, &[4], &[], FULL, Later(0, Mailbox)),
    // The server goes, is busy, has no room: so it says to everybody.
    row(ANY, &[4], &[], BUSY, Later(0, Receiver)),
    row(ANY, &[421], &[], &[], Later(0, Receiver)),
    row(ANY, &[4], SERVER_TROUBLES, &[], Later(0, Receiver)),
    row(ANY, &[450, 451], &[(7, 1), (2, 1)], &[], Later(5 * MINUTES, Message)),
    row(ANY, &[4], &[(7, ANY_DETAIL)], &[], Later(5 * MINUTES, Receiver)),
    row(MAIL, &[4], &[], &[], Later(0, Receiver)),
    row(ANY, &[4], &[], &[], Later(0, Message)),
    // The message is too big, for this server or for this person.
    row(ANY, &[5], &[(3, 4), (2, 3)], &[], Never(TooBig)),
    row(ANY, &[552, 550, 554, 523], &[], TOO_BIG, Never(TooBig)),
    // Microsoft says "access denied" of addresses that its directory does not know.
    row(RCPT, &[550], &[(4, 1)], &["recipient address rejected"], Never(BadAddress)),
    // Yandex says it of addresses that it does not know, with a code that means us.
    row(RCPT, &[550], &[(7, 1)], &["no such user!"], Never(BadAddress)),
    // We are refused: never the person's fault.
    row(ANY, &[5], &[(7, ANY_DETAIL), (1, 7), (1, 8), (1, 9)], &[], Never(Policy)),
    row(ANY, &[5], &[], POLICY, Never(Policy)),
    // Who is asked at MAIL is us.
    row(MAIL, &[500, 501, 502, 503, 504, 521, 555], &[], &[], Never(Rejected)),
    row(MAIL, &[5], &[], &[], Never(Policy)),
    // The rest is about the person, or about nothing that is said.
    row(NOT_US, &[550, 552, 554], &[], FULL, Later(4 * HOURS, Mailbox)),
    // There is nobody there.
    row(NOT_US, &[5], NO_SUCH_ADDRESS, &[], Never(BadAddress)),
    // There was a mailbox: closed, suspended, inactive.
    row(NOT_US, &[5], &[(2, 1)], &[], Never(Inactive)),
    row(NOT_US, &[550, 552, 553, 554, 505], &[], INACTIVE, Never(Inactive)),
    row(RCPT, &[5], &[], NOBODY, Never(BadAddress)),
    row(SENT, &[550, 551, 552, 553, 554], &[], NOBODY_AT_END, Never(BadAddress)),
    row(RCPT, &[556], &[], &[], Never(BadAddress)),
    // What is left. Codes of syntax are about what we sent.
    row(ANY, &[500, 501, 502, 503, 504, 521, 555, 556], &[], &[], Never(Rejected)),
    row(RCPT, &[550, 551, 553], &[(0, 0), (1, 0)], &[], Never(BadAddress)),
    row(RCPT, &[5], ANY_CODE, &[], Never(Rejected)),
    row(RCPT, &[550, 551, 553], &[], &[], Never(BadAddress)),
    row(SENT, &[5], &[(4, ANY_DETAIL), (6, ANY_DETAIL)], &[], Never(Rejected)),
    row(SENT, &[5], &[], &[], Never(Policy)),
    row(ANY, &[5], &[], &[], Never(Rejected)),
];

/// Codes that throttle or doubt the sender: RFC 7372, RFC 8601, Gmail's and Microsoft's own.
const SENDER_THROTTLES: &[(u16, u16)] = &[
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

/// RFC 3463: no room (3.1), not accepting (3.2), misconfigured (3.5), no answer (4.1), the
/// connection (4.2), the directory (4.3), the route (4.4), congestion (4.5), too many recipients
/// (5.3: there is one); RFC 5321's sender domain (1.8).
const SERVER_TROUBLES: &[(u16, u16)] =
    &[(3, 0), (3, 1), (3, 2), (3, 5), (4, 0), (4, 1), (4, 2), (4, 3), (4, 4), (4, 5), (5, 3), (1, 7), (1, 8)];

/// RFC 3463 §3.2 and RFC 7505 (null MX).
const NO_SUCH_ADDRESS: &[(u16, u16)] = &[(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)];

/// Any enhanced code at all: it says something, but not that there is nobody.
const ANY_CODE: &[(u16, u16)] = &[
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
    means: Means,
) -> Row {
    Row { stages, codes, enhanced, words, means }
}
