//! Out: a sender per channel, a session per task, and what every answer means.

use std::time::Duration;

use campaign::Channel;

use crate::Message;

/// A way out, ready: an SMTP relay, an endpoint, or nowhere (the outbox, whose messages the caller keeps).
#[derive(Debug, Clone)]
pub struct Sender {}

/// One line of work on a sender: an open SMTP connection, reused until it breaks.
#[derive(Debug)]
pub struct Session {}

/// Why a channel cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use the channel: {0}")]
pub struct SenderError(pub String);

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// Accepted for delivery: 250 after the final dot, 2xx.
    Accepted {
        /// The words.
        answer: String,
    },
    /// Not now; this message may be tried again.
    Deferred {
        /// Not before this long, if the other side said so.
        retry_after: Option<Duration>,
        /// The words.
        answer: String,
    },
    /// Never.
    Rejected {
        /// Which kind of never.
        reason: RejectReason,
        /// The words.
        answer: String,
    },
    /// Everything was sent and no answer came: it may or may not have arrived.
    Unknown {
        /// What was seen.
        answer: String,
    },
    /// Nothing was sent, for a reason that has nothing to do with this message: no connection, wrong password,
    /// certificate, greeting 554. The message counts no attempt; the channel should rest.
    Down {
        /// Why.
        answer: String,
    },
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// There is no such address: suppress it.
    BadAddress,
    /// It is full.
    MailboxFull,
    /// We are refused, not the person: suppress nobody.
    Policy,
    /// The message is too big.
    TooBig,
    /// Anything else.
    Rejected,
}

impl RejectReason {
    /// The name in the database and on screens: `bad_address`, `mailbox_full`, `policy`, `too_big`, `rejected`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAddress => "bad_address",
            Self::MailboxFull => "mailbox_full",
            Self::Policy => "policy",
            Self::TooBig => "too_big",
            Self::Rejected => "rejected",
        }
    }
}

impl Sender {
    /// Makes the way out of a channel. Opens nothing yet.
    ///
    /// # Errors
    /// A secret is missing, or the URL is of no use.
    pub fn new(_channel: &Channel) -> Result<Self, SenderError> {
        todo!()
    }

    /// Whether messages are only kept: the caller stores them with their outcome.
    #[must_use]
    pub fn is_outbox(&self) -> bool {
        todo!()
    }

    /// A line of work. Connects at the first message.
    #[must_use]
    pub fn session(&self) -> Session {
        todo!()
    }
}

impl Session {
    /// Sends one message. Dropping the future before it ends closes the connection: what was under way is
    /// unknown, and nothing later can mistake its answer.
    pub async fn send(&mut self, _message: &Message) -> SendOutcome {
        todo!()
    }

    /// Says goodbye, if there is anybody to say it to. Bounded to two seconds.
    pub async fn close(&mut self) {
        todo!()
    }
}
