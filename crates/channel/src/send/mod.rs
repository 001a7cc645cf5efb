//! Out: a sender per channel, a session per task, and what every answer means.

mod smtp;

use std::sync::Arc;
use std::time::Duration;

use campaign::{Channel, ChannelKind, Secret};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::network::{Endpoint, Line};
use crate::{Message, Post, RenderError, Signer};
use measure::Budget;
use smtp::Courier;
pub(crate) use smtp::{Examined, Relay, Security};

/// A way out, ready: an SMTP relay, an endpoint, or nowhere (the outbox, whose messages the caller keeps).
#[derive(Debug, Clone)]
pub struct Sender {
    way: Way,
    signer: Option<Arc<Signer>>,
}

#[derive(Debug, Clone)]
enum Way {
    Outbox,
    Smtp(Arc<Relay>),
    Network(Arc<Endpoint>),
}

/// One line of work on a sender: an open SMTP connection, reused until it breaks.
#[derive(Debug)]
pub struct Session(Work);

#[derive(Debug)]
enum Work {
    Outbox,
    Smtp(Courier),
    Network(Line),
}

/// How long to wait for the other side at each step; by default as RFC 5321 §4.5.3.2 asks.
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
        /// What the network calls the post, if it says so.
        id: Option<String>,
        /// Where people see it.
        url: Option<String>,
    },
    /// Not now; this message may be tried again.
    Deferred {
        /// Not before this long, if the other side said so.
        retry_after: Option<Duration>,
        /// Who else has to wait.
        scope: Scope,
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
    /// An earlier try may have arrived, and the other side does not say whether: somebody has to look.
    Doubtful {
        /// What it said instead.
        answer: String,
    },
    /// Nothing was sent, because the caller said so at the last moment: see [`Handover::commit`].
    Withheld,
    /// Nothing was sent, for a reason that has nothing to do with this message: no connection, wrong password,
    /// certificate, greeting 554. The message counts no attempt; the channel should rest.
    Down {
        /// Why.
        answer: String,
    },
    /// Nothing was sent, and nothing on this channel will be until somebody mends it: what lets us in has run out,
    /// or the place is gone. The message counts no attempt; the channel's runs pause.
    Barred {
        /// Why, and what to do.
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

/// Whom a deferral is about.
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

impl Sender {
    /// Makes the way out of a channel. Opens nothing yet.
    ///
    /// # Errors
    /// A secret is missing, or the URL is of no use.
    pub fn new(channel: &Channel) -> Result<Self, SenderError> {
        Self::with(channel, Vec::new(), Limits::default())
    }

    /// The same, with certificate authorities (DER) trusted besides the machine's own, and other time limits.
    ///
    /// # Errors
    /// As [`Sender::new`].
    pub fn with(
        channel: &Channel,
        roots: Vec<CertificateDer<'static>>,
        limits: Limits,
    ) -> Result<Self, SenderError> {
        let exposed = |secret: &Secret| {
            secret.expose().map(str::to_owned).map_err(|error| SenderError(error.to_string()))
        };
        let way = match &channel.kind {
            ChannelKind::Outbox { .. } => Way::Outbox,
            ChannelKind::Smtp { url, .. } => Way::Smtp(Arc::new(Relay::new(&exposed(url)?, roots, limits)?)),
            ChannelKind::Network(account) => Way::Network(Arc::new(Endpoint::new(account, roots, limits)?)),
        };
        Ok(Self { way, signer: Signer::of(channel)?.map(Arc::new) })
    }

    /// Whether [`Sender::finish`] has work to do.
    #[must_use]
    pub const fn signs(&self) -> bool {
        self.signer.is_some()
    }

    /// The message as it goes out: signed, where the channel signs. The same bytes for the same message. A
    /// signature costs about a millisecond of processor time: call it off the reactor.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn finish(&self, message: Message) -> Result<Message, RenderError> {
        match (&self.signer, message) {
            (Some(signer), Message::Email(email)) => signer.sign(email).map(Message::Email),
            (_, message) => Ok(message),
        }
    }

    /// Whether messages are only kept: the caller stores them with their outcome.
    #[must_use]
    pub const fn is_outbox(&self) -> bool {
        matches!(self.way, Way::Outbox)
    }

    /// How much `post` takes of each limit of its network, by what the place has told of its own limits lately: as
    /// [`crate::budgets`] until it was asked. Nothing for e-mail.
    #[must_use]
    pub fn budgets(&self, post: &Post) -> Vec<Budget> {
        match &self.way {
            Way::Network(endpoint) => endpoint.budgets(post),
            Way::Outbox | Way::Smtp(_) => Vec::new(),
        }
    }

    /// A line of work. Connects at the first message.
    #[must_use]
    pub fn session(&self) -> Session {
        Session(match &self.way {
            Way::Outbox => Work::Outbox,
            Way::Smtp(relay) => Work::Smtp(Courier::new(Arc::clone(relay))),
            Way::Network(endpoint) => Work::Network(Line(Arc::clone(endpoint))),
        })
    }
}

/// What a session and its caller settle while a message goes.
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

impl Session {
    /// Sends one message by itself. Dropping the future before it ends closes the connection: what was under
    /// way is unknown, and nothing later can mistake its answer. `now` dates the signature of a webhook.
    pub async fn send(&mut self, message: &Message, now: Timestamp) -> SendOutcome {
        self.hand_over(message, now, Handover { next: None, commit: &mut || true }).await
    }

    /// The same, one of many.
    pub async fn hand_over(
        &mut self,
        message: &Message,
        now: Timestamp,
        mut handover: Handover<'_>,
    ) -> SendOutcome {
        match (&mut self.0, message) {
            (Work::Outbox, _) => SendOutcome::accepted("kept"),
            (Work::Smtp(courier), Message::Email(email)) => courier.send(email, &mut handover).await,
            (Work::Network(line), Message::Post(post)) => line.send(post, now, &mut handover).await,
            (Work::Smtp(_) | Work::Network(_), _) => SendOutcome::Rejected {
                reason: RejectReason::Rejected,
                answer: "the message is not of the channel's kind".to_owned(),
            },
        }
    }

    /// Says goodbye, if there is anybody to say it to. Bounded to two seconds. The next message connects anew.
    pub async fn close(&mut self) {
        if let Work::Smtp(courier) = &mut self.0 {
            courier.close().await;
        }
    }
}
