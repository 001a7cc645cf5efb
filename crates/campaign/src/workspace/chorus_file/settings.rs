//! The settings in `chorus.toml`: brand, channels, database and server.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use url::Url;

use crate::consistency::Market;
use crate::ids::{ChannelId, PurposeId};
use crate::network::{Account, ContactAddress, Per};
use crate::pace::{DailyLimit, Rate};
use crate::receiver::Receivers;
use crate::secret::Secret;
use crate::text::{EmailAddress, Language, Mailbox};
use money::Cost;

/// The type of an attribute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// Texts of any content.
    Text,
    /// Numbers, with or without decimals.
    Number,
    /// Booleans, `true` or `false`.
    Boolean,
    /// Days or instants in ISO 8601.
    Date,
}

/// The brand that sends, from `[brand]`.
#[derive(Debug, Clone)]
pub struct Brand {
    /// The name of the brand.
    pub name: String,
    /// The brand's web site: http or https.
    pub url: Url,
    /// The postal address that every e-mail carries; empty if not given.
    pub address: String,
    /// The time zone of schedules that name none.
    pub timezone: TimeZone,
    /// The language of contacts whose own is not known.
    pub language: Language,
    /// Phrases that no message may contain.
    pub never_say: Vec<String>,
    /// The markets that the brand sends to; empty if not given.
    pub markets: Vec<Market>,
    /// Addresses that get test copies by `chorus send --to seeds`: at most 20, each once.
    pub seeds: Vec<EmailAddress>,
}

/// The database, from `[database]`.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `sqlite:path` (made absolute, inside the workspace) or `postgres://…`.
    pub url: Secret,
}

/// The server's addresses, from `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The socket address to listen at.
    pub listen: core::net::SocketAddr,
    /// The socket address of pages for marketers, the API and metrics, if they are not served at
    /// `listen`; never the same as `listen`.
    pub admin_listen: Option<core::net::SocketAddr>,
    /// The HTTP proxy that posts to networks go through.
    pub proxy: Option<Secret>,
    /// The start of every tracked link, without a trailing slash.
    pub public_url: Url,
}

/// A channel that messages are sent through, from `[channels.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// The channel's key under `[channels]`.
    pub id: ChannelId,
    /// The kind of the channel, with its settings.
    pub kind: ChannelKind,
    /// The language of posts to its feed; the brand's if `None`.
    pub language: Option<Language>,
    /// Maximum sending rate, if limited.
    pub rate: Option<Rate>,
    /// Maximum number of sends in progress at once: 1 to 1000; default 8.
    pub connections: usize,
    /// Maximum number of messages per day, if limited.
    pub daily: DailyLimit,
    /// The limits for each receiver of its mail.
    pub receivers: Receivers,
    /// The cost of a message.
    pub cost: Option<Cost>,
}

/// The kind of a channel. Its name in files is [`ChannelKind::name`].
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelKind {
    /// An outbox, which stores messages in the database.
    Outbox {
        /// The sender that messages show.
        from: Mailbox,
        /// The address for replies, if it is not `from`.
        reply_to: Option<Mailbox>,
    },
    /// A mail server, reached by SMTP.
    Smtp {
        /// `smtp://` (STARTTLS, required unless `tls = "off"` in the query), `smtps://`; user and
        /// password inside.
        url: Secret,
        /// The sender that messages show.
        from: Mailbox,
        /// The address for replies, if it is not `from`.
        reply_to: Option<Mailbox>,
        /// The DKIM keys that sign messages, if any.
        dkim: Option<Dkim>,
    },
    /// An account on a network.
    Network(Box<Account>),
}

/// `[channels.NAME.dkim]`: DomainKeys Identified Mail (RFC 6376).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dkim {
    /// The signing domain in A-labels, the tag `d=`.
    pub domain: String,
    /// The RSA key of 2048 to 4096 bits, which every receiver supports.
    pub rsa: DkimKey,
    /// An Ed25519 key for a second signature (RFC 8463).
    pub ed25519: Option<DkimKey>,
}

/// A DKIM signing key with its selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimKey {
    /// The selector, the tag `s=`: the public key is in the DNS at `SELECTOR._domainkey.DOMAIN`.
    pub selector: String,
    /// The private key: one PEM section, PKCS#8 or PKCS#1, not encrypted.
    pub key: Secret,
}

impl ChannelKind {
    /// Returns the kind's name in files: `outbox`, `smtp`, or the network's.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Outbox { .. } => "outbox",
            Self::Smtp { .. } => "smtp",
            Self::Network(account) => account.network.kind,
        }
    }

    /// Returns true for a channel that sends e-mail.
    #[must_use]
    pub(crate) fn is_mail(&self) -> bool {
        matches!(self, Self::Outbox { .. } | Self::Smtp { .. })
    }

    /// Returns the recipients of the channel in one run.
    #[must_use]
    pub fn per(&self) -> Per {
        match self {
            Self::Outbox { .. } | Self::Smtp { .. } => Per::Contact,
            Self::Network(account) => account.per,
        }
    }

    /// Returns the address by which the channel reaches contacts.
    #[must_use]
    pub fn address(&self) -> ContactAddress {
        match self {
            Self::Outbox { .. } | Self::Smtp { .. } => ContactAddress::Email,
            Self::Network(account) => account.address(),
        }
    }
}

/// A purpose for which the brand writes to people, from `[purposes]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// The key under `[purposes]`, at most 32 bytes.
    pub id: PurposeId,
    /// The title, in the words that contacts read.
    pub title: String,
    /// True for marketing, which needs the contact's consent.
    pub is_marketing: bool,
    /// The way in which contacts consent.
    pub opt_in: OptIn,
    /// The channels that it may use; `None` for all.
    pub channels: Option<BTreeSet<ChannelId>>,
}

/// The way in which contacts consent to a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptIn {
    /// A yes counts once the contact has confirmed it from their own address.
    Double,
    /// A yes counts.
    #[default]
    Single,
    /// Customers are told at a purchase and can refuse (Directive 2002/58/EC, article 13 (2)).
    Soft,
}

impl Purpose {
    /// The id of the purpose of workspaces that declare none.
    pub const NEWS: &str = "news";

    /// Returns the purpose that a workspace without `[purposes]` has: `news`, single opt-in, on all
    /// channels.
    #[must_use]
    pub fn news() -> Option<Self> {
        Some(Self {
            id: PurposeId::parse(Self::NEWS).ok()?,
            title: "News".to_owned(),
            is_marketing: true,
            opt_in: OptIn::Single,
            channels: None,
        })
    }
}
