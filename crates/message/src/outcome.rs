//! Outcomes of messages, and the interface between a session and its caller while a message is
//! sent.

use std::time::Duration;

use crate::content::Message;

/// Timeouts for the remote side at each step of sending; the defaults are those of RFC 5321
/// §4.5.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection, and separately for the TLS handshake; 30 s by default.
    pub connect: Duration,
    /// For the greeting of the server; 5 min by default.
    pub greeting: Duration,
    /// For the reply to EHLO, AUTH, MAIL and RCPT; 5 min by default.
    pub command: Duration,
    /// For the reply to DATA; 2 min by default.
    pub data: Duration,
    /// For writing each block of the message; 3 min by default.
    pub block: Duration,
    /// For the reply after the final dot; 10 min by default. A shorter one makes duplicates (RFC
    /// 1047).
    pub message: Duration,
    /// For a whole HTTP request; 10 s by default.
    pub request: Duration,
}

/// The minimum timeouts of RFC 5321 §4.5.3.2; 30 s to connect and 10 s for an HTTP request.
impl Default for Timeouts {
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

/// Error for a channel that cannot be used at all, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use the channel: {0}")]
pub struct SenderError(pub String);

/// The outcome of one attempt to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// Accepted for delivery: SMTP 250 after the final dot, HTTP 2xx.
    Accepted {
        /// The text of the reply.
        answer: String,
        /// The network's id of the post, if it returns one.
        id: Option<String>,
        /// The public address of the post, if the network returns one.
        url: Option<String>,
    },
    /// Refused for now; this message may be tried again.
    Deferred {
        /// The shortest wait before the next attempt, if the other side gave one.
        retry_after: Option<Duration>,
        /// The messages that have to wait besides this one.
        scope: DeferralScope,
        /// The text of the reply.
        answer: String,
    },
    /// Refused permanently; this message is not tried again.
    Rejected {
        /// The kind of refusal.
        reason: RejectReason,
        /// The text of the reply.
        answer: String,
    },
    /// Everything was sent and no answer came: it may or may not have arrived.
    Unknown {
        /// The last reply or error that was seen.
        answer: String,
    },
    /// An earlier attempt may have arrived, and the other side does not say whether: a person has
    /// to check.
    Doubtful {
        /// The text of the reply.
        answer: String,
    },
    /// Nothing was sent, because the caller withdrew the message at the last moment: see
    /// [`Handover::commit`].
    Withheld,
    /// Nothing was sent, for a reason that does not concern this message: no connection, a wrong
    /// password or certificate, greeting 554. The message counts no attempt; the channel should
    /// back off.
    Down {
        /// The error or the text of the reply.
        answer: String,
    },
    /// Nothing was sent, and nothing on this channel can be until a person fixes it: its
    /// credentials have expired, or the destination is gone. The message counts no attempt; the
    /// channel's runs pause.
    ChannelBlocked {
        /// The reason, and what to do.
        answer: String,
    },
}

impl SendOutcome {
    /// Returns [`Self::Accepted`] without an id or an address.
    #[must_use]
    pub fn accepted(answer: impl Into<String>) -> Self {
        Self::Accepted { answer: answer.into(), id: None, url: None }
    }
}

/// The messages that a deferral holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeferralScope {
    /// This message alone: greylisting, or another temporary error.
    Message,
    /// All messages to this mailbox, which is full: a soft bounce. An address with too many soft
    /// bounces over too long a time receives no more mail.
    Mailbox,
    /// All messages to the same receiver, which throttles the sender or is busy. The message counts
    /// no attempt.
    Receiver,
}

/// Reasons for a permanent refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// The address does not exist: suppress it.
    BadAddress,
    /// The address exists and accepts nothing: closed, suspended, dormant. Suppress it the second
    /// time.
    Inactive,
    /// The sender is refused, not the recipient: suppress no address.
    Policy,
    /// The message exceeds the receiver's size limit.
    TooBig,
    /// Any other permanent refusal.
    Rejected,
}

impl RejectReason {
    /// Returns the name in the database and on screens: `bad_address`, `inactive`, `policy`,
    /// `too_big` or `rejected`.
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

/// The caller's part in sending a message: the next message to announce, and the decision to
/// commit.
pub struct Handover<'a> {
    /// The message that the next call will send, if there is one. With SMTP pipelining it is
    /// announced together with the last bytes of this one.
    pub next: Option<&'a Message>,
    /// Called at most once, right before the bytes that complete the message for the other side. If
    /// it returns false, they are not sent and the outcome is [`SendOutcome::Withheld`].
    pub commit: &'a mut (dyn FnMut() -> bool + Send),
}

impl std::fmt::Debug for Handover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").field("has_next", &self.next.is_some()).finish_non_exhaustive()
    }
}
