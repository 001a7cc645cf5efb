//! Senders, one for each channel, and their sessions, one for each task.

use std::sync::Arc;

use campaign::{Channel, ChannelKind, Secret};
use egress::{Proxy, Settings};
use jiff::Timestamp;
use measure::LengthBudget;
use message::{Handover, Message, Post, RejectReason, RenderError, SendOutcome, SenderError, Timeouts};
use network::{Endpoint, Poster};
use rustls::pki_types::CertificateDer;
use smtp::{DkimSigner, Relay, SmtpSession};

/// The transport of a channel: an SMTP relay, a network's endpoint, or the outbox, whose messages
/// the caller stores.
#[derive(Debug, Clone)]
pub struct Sender {
    transport: Transport,
    signer: Option<Arc<DkimSigner>>,
}

#[derive(Debug, Clone)]
enum Transport {
    Outbox,
    Smtp(Arc<Relay>),
    Network(Arc<Endpoint>),
}

/// A session of a sender, which sends one message after another. Over SMTP it reuses its connection
/// until the connection breaks.
#[derive(Debug)]
pub struct Session(Connection);

#[derive(Debug)]
enum Connection {
    Outbox,
    Smtp(SmtpSession),
    Network(Poster),
}

impl Sender {
    /// Returns the sender of a channel. Opens no connection. HTTP requests go through `proxy` if
    /// there is one.
    ///
    /// # Errors
    /// A secret is missing, or the channel's URL is invalid.
    pub fn new(channel: &Channel, limits: Timeouts, proxy: Option<Proxy>) -> Result<Self, SenderError> {
        Self::build(channel, Vec::new(), limits, proxy)
    }

    /// Returns the sender of a channel that trusts the certificate authorities `roots` (DER) in
    /// addition to the machine's own, and uses no proxy.
    ///
    /// # Errors
    /// The same as [`Sender::new`].
    pub fn with_roots(
        channel: &Channel,
        roots: Vec<CertificateDer<'static>>,
        limits: Timeouts,
    ) -> Result<Self, SenderError> {
        Self::build(channel, roots, limits, None)
    }

    fn build(
        channel: &Channel,
        roots: Vec<CertificateDer<'static>>,
        limits: Timeouts,
        proxy: Option<Proxy>,
    ) -> Result<Self, SenderError> {
        let exposed = |secret: &Secret| {
            secret.expose().map(str::to_owned).map_err(|error| SenderError(error.to_string()))
        };
        let transport = match &channel.kind {
            ChannelKind::Outbox { .. } => Transport::Outbox,
            ChannelKind::Smtp { url, .. } => {
                Transport::Smtp(Arc::new(Relay::new(&exposed(url)?, roots, limits)?))
            }
            ChannelKind::Network(account) => {
                let settings = Settings { roots, timeout: limits.request, proxy };
                Transport::Network(Arc::new(Endpoint::new(account, settings)?))
            }
        };
        Ok(Self { transport, signer: DkimSigner::of(channel)?.map(Arc::new) })
    }

    /// Returns true if [`Sender::sign`] adds a signature.
    #[must_use]
    pub const fn is_signing(&self) -> bool {
        self.signer.is_some()
    }

    /// Returns the message with its DKIM signature if the channel signs, and unchanged otherwise.
    /// The same message gives the same bytes. A signature takes about a millisecond of processor
    /// time: do not call this on the reactor.
    ///
    /// # Errors
    /// The same as [`DkimSigner::sign`].
    pub fn sign(&self, message: Message) -> Result<Message, RenderError> {
        match (&self.signer, message) {
            (Some(signer), Message::Email(email)) => signer.sign(email).map(Message::Email),
            (_, message) => Ok(message),
        }
    }

    /// Returns true if messages are not sent: the caller stores them with their outcome.
    #[must_use]
    pub const fn is_outbox(&self) -> bool {
        matches!(self.transport, Transport::Outbox)
    }

    /// Returns the measured length and the limit of a post, for each limit of its network. Uses the
    /// limits that the server reported last, and those of [`crate::budgets`] until it has reported
    /// any. Empty for e-mail.
    #[must_use]
    pub fn budgets(&self, post: &Post) -> Vec<LengthBudget> {
        match &self.transport {
            Transport::Network(endpoint) => endpoint.budgets(post),
            Transport::Outbox | Transport::Smtp(_) => Vec::new(),
        }
    }

    /// Returns a session, which connects when it sends its first message.
    #[must_use]
    pub fn session(&self) -> Session {
        Session(match &self.transport {
            Transport::Outbox => Connection::Outbox,
            Transport::Smtp(relay) => Connection::Smtp(SmtpSession::new(Arc::clone(relay))),
            Transport::Network(endpoint) => Connection::Network(Poster(Arc::clone(endpoint))),
        })
    }
}

impl Session {
    /// Sends a single message. `now` is the time in the signature of a webhook. Dropping the future
    /// before it completes closes the connection: the outcome of the message is unknown, and no
    /// later message can receive its response.
    pub async fn send(&mut self, message: &Message, now: Timestamp) -> SendOutcome {
        self.hand_over(message, now, Handover { next: None, commit: &mut || true }).await
    }

    /// Sends one message of several; `handover` has the next one and the callback that commits this
    /// one.
    pub async fn hand_over(
        &mut self,
        message: &Message,
        now: Timestamp,
        mut handover: Handover<'_>,
    ) -> SendOutcome {
        match (&mut self.0, message) {
            (Connection::Outbox, _) => SendOutcome::accepted("in the outbox"),
            (Connection::Smtp(session), Message::Email(email)) => session.send(email, &mut handover).await,
            (Connection::Network(poster), Message::Post(post)) => poster.send(post, now, &mut handover).await,
            (Connection::Smtp(_) | Connection::Network(_), _) => SendOutcome::Rejected {
                reason: RejectReason::Rejected,
                answer: "the message is not of the channel's kind".to_owned(),
            },
        }
    }

    /// Closes the SMTP connection with QUIT if one is open, within two seconds. The next message
    /// opens a new connection.
    pub async fn close(&mut self) {
        if let Connection::Smtp(session) = &mut self.0 {
            session.close().await;
        }
    }
}
