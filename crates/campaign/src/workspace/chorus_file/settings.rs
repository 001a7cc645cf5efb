//! What `chorus.toml` says: who speaks, through what, and where rows are kept.

use jiff::tz::TimeZone;
use url::Url;

use crate::consistency::Market;
use crate::ids::ChannelId;
use crate::network::{Account, Address, Per};
use crate::pace::{Daily, Rate};
use crate::receiver::Receivers;
use crate::secret::Secret;
use crate::text::{EmailAddress, Language, Mailbox};
use money::Cost;

/// What an attribute's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A day or an instant, ISO 8601.
    Date,
}

/// `[brand]`.
#[derive(Debug, Clone)]
pub struct Brand {
    /// What it is called.
    pub name: String,
    /// Its site: http or https.
    pub url: Url,
    /// The postal address that every e-mail carries.
    pub address: String,
    /// The zone of schedules that name none.
    pub timezone: TimeZone,
    /// The language of contacts whose own is not known.
    pub language: Language,
    /// Phrases that no channel may say.
    pub never_say: Vec<String>,
    /// Where it sends; empty if it does not say.
    pub markets: Vec<Market>,
    /// Addresses that get test copies by `chorus send --to seeds`: at most 20, each once.
    pub seeds: Vec<EmailAddress>,
}

/// `[database]`.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:path` (made absolute, inside the workspace) or `postgres://…`.
    pub url: Secret,
}

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub listen: core::net::SocketAddr,
    /// Where pages for marketers, the API and metrics are served instead of at `listen`; never the same port there.
    pub admin_listen: Option<core::net::SocketAddr>,
    /// The HTTP proxy that posts to networks go through.
    pub proxy: Option<Secret>,
    /// The start of every tracked link, without a trailing slash.
    pub public_url: Url,
}

/// One `[channels.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its key.
    pub id: ChannelId,
    /// What it talks to.
    pub kind: ChannelKind,
    /// The language of what is posted to its feed; the brand's if none.
    pub language: Option<Language>,
    /// How fast it may send, if bounded.
    pub rate: Option<Rate>,
    /// How many sends may be under way at once: 1 to 1000; default 8.
    pub connections: usize,
    /// How many messages it may send in a day, if bounded.
    pub daily: Daily,
    /// What each receiver of its mail may get.
    pub receivers: Receivers,
    /// What a message costs.
    pub cost: Option<Cost>,
}

/// What a channel talks to. The name in files is [`ChannelKind::name`].
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelKind {
    /// Keeps messages in the database.
    Outbox {
        /// The sender that messages show.
        from: Mailbox,
        /// Where answers go.
        reply_to: Option<Mailbox>,
    },
    /// A mail server.
    Smtp {
        /// `smtp://` (STARTTLS, required unless `tls = "off"` in the query), `smtps://`; user and password inside.
        url: Secret,
        /// The sender.
        from: Mailbox,
        /// Where answers go.
        reply_to: Option<Mailbox>,
        /// How messages are signed, if they are.
        dkim: Option<Dkim>,
    },
    /// An account on a network.
    Network(Box<Account>),
}

/// `[channels.NAME.dkim]`: DomainKeys Identified Mail (RFC 6376).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dkim {
    /// The domain that answers for the message, in A-labels: `d=`.
    pub domain: String,
    /// The RSA key, which every receiver knows; 2048 to 4096 bits.
    pub rsa: DkimKey,
    /// An Ed25519 key for a second signature (RFC 8463).
    pub ed25519: Option<DkimKey>,
}

/// A key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimKey {
    /// The name under which the public half stands in the DNS, `SELECTOR._domainkey.DOMAIN`: `s=`.
    pub selector: String,
    /// The private half: one PEM section, PKCS#8 or PKCS#1, unlocked.
    pub key: Secret,
}

impl ChannelKind {
    /// The kind's name in files: `outbox`, `smtp`, or the network's.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Outbox { .. } => "outbox",
            Self::Smtp { .. } => "smtp",
            Self::Network(account) => account.network.kind,
        }
    }

    /// True for a channel that sends e-mail.
    #[must_use]
    pub(crate) fn is_mail(&self) -> bool {
        matches!(self, Self::Outbox { .. } | Self::Smtp { .. })
    }

    /// How often it speaks in one run.
    #[must_use]
    pub fn per(&self) -> Per {
        match self {
            Self::Outbox { .. } | Self::Smtp { .. } => Per::Contact,
            Self::Network(account) => account.per,
        }
    }

    /// Where contacts are reached.
    #[must_use]
    pub fn address(&self) -> Address {
        match self {
            Self::Outbox { .. } | Self::Smtp { .. } => Address::Email,
            Self::Network(account) => account.address(),
        }
    }
}
