//! A sender per channel and a session per task.

use std::sync::Arc;

use campaign::{Channel, ChannelKind, Secret};
use egress::{Proxy, Settings};
use jiff::Timestamp;
use measure::Budget;
use message::{Handover, Limits, Message, Post, RejectReason, RenderError, SendOutcome, SenderError};
use network::{Endpoint, Line};
use rustls::pki_types::CertificateDer;
use smtp::{Relay, Signer, SmtpSession};

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
    Smtp(SmtpSession),
    Network(Line),
}

impl Sender {
    /// Makes the way out of a channel, with these time limits, for posts through `proxy` if there is one. Opens nothing
    /// yet.
    ///
    /// # Errors
    /// A secret is missing, or the URL is of no use.
    pub fn new(channel: &Channel, limits: Limits, proxy: Option<Proxy>) -> Result<Self, SenderError> {
        Self::build(channel, Vec::new(), limits, proxy)
    }

    /// The same without a proxy, with certificate authorities (DER) trusted besides the machine's own, and other time
    /// limits.
    ///
    /// # Errors
    /// As [`Sender::new`].
    pub fn with(
        channel: &Channel,
        roots: Vec<CertificateDer<'static>>,
        limits: Limits,
    ) -> Result<Self, SenderError> {
        Self::build(channel, roots, limits, None)
    }

    fn build(
        channel: &Channel,
        roots: Vec<CertificateDer<'static>>,
        limits: Limits,
        proxy: Option<Proxy>,
    ) -> Result<Self, SenderError> {
        let exposed = |secret: &Secret| {
            secret.expose().map(str::to_owned).map_err(|error| SenderError(error.to_string()))
        };
        let way = match &channel.kind {
            ChannelKind::Outbox { .. } => Way::Outbox,
            ChannelKind::Smtp { url, .. } => Way::Smtp(Arc::new(Relay::new(&exposed(url)?, roots, limits)?)),
            ChannelKind::Network(account) => {
                let settings = Settings { roots, timeout: limits.request, proxy };
                Way::Network(Arc::new(Endpoint::new(account, settings)?))
            }
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
            Way::Smtp(relay) => Work::Smtp(SmtpSession::new(Arc::clone(relay))),
            Way::Network(endpoint) => Work::Network(Line(Arc::clone(endpoint))),
        })
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
