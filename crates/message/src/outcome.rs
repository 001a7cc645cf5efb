//! Outcomes of messages, and the agreement between a sender and its caller about each.

use std::time::Duration;

use crate::content::Message;

/// The longest waits for the other side at each step; by default as RFC 5321 §4.5.3.2 asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a TCP connection, and again for TLS: 30 s.
    pub connect: Duration,
    /// For the greeting: 5 min.
    pub greeting: Duration,
    /// For EHLO, AUTH, MAIL and RCPT: 5 min.
    pub command: Duration,
    /// For the answer to DATA: 2 min.
    pub data: Duration,
    /// For each block of the message: 3 min.
    pub block: Duration,
    /// For the answer to the message: 10 min. A shorter one makes duplicates (RFC 1047).
    pub message: Duration,
    /// For a whole HTTP request: 10 s.
    pub request: Duration,
}

/// The times of RFC 5321 §4.5.3.2.
impl Default for Limits {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            message: minutes(10),
            request: Duration::from_secs(10),
        }
    }
}

/// Reason for which a channel cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use the channel: {0}")]
pub struct SenderError(pub String);

/// The outcome of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// Accepted for delivery: 250 after the final dot, 2xx.
    Accepted {
        /// The words.
        answer: String,
        /// The network's name for the post, if it says so.
        id: Option<String>,
        /// The address at which people see it.
        url: Option<String>,
    },
    /// Not now; this message may be tried again.
    Deferred {
        /// Not before this long, if the other side said so.
        retry_after: Option<Duration>,
        /// The others that have to wait.
        scope: Scope,
        /// The words.
        answer: String,
    },
    /// Never.
    Rejected {
        /// The kind of refusal.
        reason: RejectReason,
        /// The words.
        answer: String,
    },
    /// Everything was sent and no answer came: it may or may not have arrived.
    Unknown {
        /// The last that was seen of the other side.
        answer: String,
    },
    /// An earlier try may have arrived, and the other side does not say whether: somebody has to look.
    Doubtful {
        /// Its answer.
        answer: String,
    },
    /// Nothing was sent, because the caller said so at the last moment: see [`Handover::commit`].
    Withheld,
    /// Nothing was sent, for a reason that has nothing to do with this message: no connection, wrong password,
    /// certificate, greeting 554. The message counts no attempt; the channel should rest.
    Down {
        /// The reason.
        answer: String,
    },
    /// Nothing was sent, and nothing on this channel will be until somebody mends it: what lets us in has run out,
    /// or the place is gone. The message counts no attempt; the channel's runs pause.
    Barred {
        /// The reason, and what to do.
        answer: String,
    },
}

impl SendOutcome {
    /// Accepted, without a name of its own.
    #[must_use]
    pub fn accepted(answer: impl Into<String>) -> Self {
        Self::Accepted { answer: answer.into(), id: None, url: None }
    }
}

/// The range of a deferral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This message alone: a grey list, a passing trouble.
    Message,
    /// This person's mailbox, which is full: a soft bounce. Too many of them over too long a time, and the
    /// address is not written to any more.
    Mailbox,
    /// Everybody at the same receiver: it throttles us, or is busy. The message counts no attempt.
    Group,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// There is no such address: suppress it.
    BadAddress,
    /// It is there and takes nothing: closed, suspended, asleep. Suppress it the second time.
    Inactive,
    /// We are refused, not the person: suppress nobody.
    Policy,
    /// The message is too big.
    TooBig,
    /// Anything else.
    Rejected,
}

impl RejectReason {
    /// The name in the database and on screens: `bad_address`, `inactive`, `policy`, `too_big`, `rejected`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAddress => "bad_address",
            Self::Inactive => "inactive",
            Self::Policy => "policy",
            Self::TooBig => "too_big",
            Self::Rejected => "rejected",
        }
    }
}

/// The agreement between a session and its caller while a message is sent.
pub struct Handover<'a> {
    /// The message that the next call will send, if there is one: where the other side allows it, it is
    /// announced together with this one's last bytes.
    pub next: Option<&'a Message>,
    /// Called at most once, right before the bytes after which the other side may have the message. If it says
    /// false, they are not sent and the outcome is [`SendOutcome::Withheld`].
    pub commit: &'a mut (dyn FnMut() -> bool + Send),
}

impl std::fmt::Debug for Handover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").field("has_next", &self.next.is_some()).finish_non_exhaustive()
    }
}
