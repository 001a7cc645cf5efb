//! The properties of each network that files, plans and pages need. The protocol of each network is
//! in crate `network`, in its own file.

mod table;

use url::Url;

use crate::pace::Rate;
use crate::secret::Secret;
pub use table::NETWORKS;

/// A network that takes posts, such as Slack, Mastodon or a signed webhook.
#[derive(Debug)]
pub struct Network {
    /// Name of the network in files, the value of `kind`.
    pub kind: &'static str,
    /// Display name of the network.
    pub title: &'static str,
    /// Origin of the API, unless the channel sets another; `None` where each installation has its
    /// own.
    pub origin: Option<&'static str>,
    /// The keys that a channel of this network must have.
    pub required_keys: &'static [ChannelKey],
    /// The keys that a channel may have besides these and `base_url`.
    pub optional_keys: &'static [ChannelKey],
    /// The recipients that it can post to.
    pub reach: Reach,
    /// The protection against duplicates when a post is retried after an unknown outcome.
    pub idempotency: Idempotency,
    /// The lowest rate limit that the vendor publishes for one sender, such as `20/min`.
    pub max_rate: Option<&'static str>,
    /// Maximum number of posts per day that the vendor accepts.
    pub max_per_day: Option<u32>,
    /// The mentions that notify people there, such as `@channel`. `@name@host` stands for any
    /// account.
    pub mentions: &'static [&'static str],
    /// True if it accepts approved templates only, so that it needs its own template file.
    pub approved_only: bool,
    /// The markup language of its texts.
    pub markup: Markup,
    /// True if title and button have their own fields, outside the text.
    pub has_card: bool,
    /// True if it accepts pictures as uploaded files, and not only by their address.
    pub uploads_images: bool,
    /// Hosts besides the API's own that get the account's credentials, because uploading a picture
    /// needs them there. Every other address that an answer names is requested without credentials.
    pub upload_hosts: &'static [&'static str],
    /// A sentence for people about what the answer to an accepted post leaves open: Teams does not
    /// say if a post is shown.
    pub acceptance_caveat: Option<&'static str>,
}

/// The markup language of a network's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Plain text without markup.
    Plain,
    /// Plain text with links given as ranges of the text.
    Spans,
    /// CommonMark, the standard Markdown.
    CommonMark,
    /// Slack's own format `mrkdwn`.
    Mrkdwn,
    /// Discord's dialect of Markdown.
    Discord,
    /// Mattermost's dialect of Markdown.
    Mattermost,
    /// Reddit's dialect of Markdown.
    Reddit,
    /// DingTalk's dialect of Markdown.
    Dingtalk,
    /// The Markdown of WeCom's group robots.
    Wecom,
    /// Feishu's own format `lark_md`.
    Lark,
    /// Microsoft's Adaptive Cards format.
    Adaptive,
    /// Telegram's subset of HTML, which Matrix supports, too.
    Html,
}

/// A key of a channel in `chorus.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelKey {
    /// `url`: the complete address to post to; a secret.
    Url,
    /// `secret`: the key that signs requests; a secret.
    Secret,
    /// `token`: the access token; a secret.
    Token,
    /// `account`: the account that posts.
    Account,
    /// `room`: the room, chat, topic or board that is posted to.
    Room,
    /// `from`: the sender that readers see.
    From,
    /// `template_id`: the approved template to use.
    TemplateId,
    /// `address`: the attribute of a contact that holds the address on the network.
    Address,
    /// `keyword`: a word that every post must contain, because the robot refuses others.
    Keyword,
}

/// The recipients that a network can post to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The channel's own feed or room.
    Feed,
    /// Each contact, at this kind of address.
    Contact(RequiredAddress),
    /// Either of both: the feed unless the channel says `per = "contact"`.
    Either(RequiredAddress),
}

/// The kind of address that a network needs of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredAddress {
    /// No address: the endpoint knows the contact.
    NotNeeded,
    /// The contact's phone number.
    Phone,
    /// An attribute of the contact: the one that the channel's `address` names, or this.
    Attribute(&'static str),
}

/// The protection against duplicates when a post is retried after an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// The network recognizes the post by its key: a retry does nothing.
    Keyed,
    /// The post can be looked up before a retry.
    Lookup,
    /// A retry may post twice: a person has to check first.
    None,
}

/// Entry of [`Network::mentions`] that stands for every account of every server.
const ANY_ACCOUNT: &str = "@name@host";

impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Network {
    /// Returns true if a post may mention `name` there.
    #[must_use]
    pub fn can_mention(&self, name: &str) -> bool {
        let in_name = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        };
        let account = name.strip_prefix('@').and_then(|name| name.split_once('@'));
        let is_account =
            account.is_some_and(|(name, host)| in_name(name) && in_name(host) && host.contains('.'));
        self.mentions.iter().any(|known| *known == name || *known == ANY_ACCOUNT && is_account)
    }

    /// Returns the lowest published rate limit.
    #[must_use]
    pub fn max_rate(&self) -> Option<Rate> {
        self.max_rate.and_then(|rate| Rate::parse(rate).ok())
    }

    /// Returns true if a channel of this network may have the key.
    #[must_use]
    pub fn has(&self, key: ChannelKey) -> bool {
        self.required_keys.contains(&key) || self.optional_keys.contains(&key)
    }
}

impl ChannelKey {
    /// All keys, each exactly once.
    pub const ALL: [Self; 9] = [
        Self::Url,
        Self::Secret,
        Self::Token,
        Self::Account,
        Self::Room,
        Self::From,
        Self::TemplateId,
        Self::Address,
        Self::Keyword,
    ];

    /// Returns the key's name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Secret => "secret",
            Self::Token => "token",
            Self::Account => "account",
            Self::Room => "room",
            Self::From => "from",
            Self::TemplateId => "template_id",
            Self::Address => "address",
            Self::Keyword => "keyword",
        }
    }
}

/// One account on a network, as a channel configures it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The network that the account is on.
    pub network: &'static Network,
    /// Scheme, host and path that replace the vendor's. Only this and the `url` of a webhook may
    /// name an internal address.
    pub base_url: Option<Url>,
    /// Value of [`ChannelKey::Url`], if set.
    pub url: Option<Secret>,
    /// Value of [`ChannelKey::Secret`], if set.
    pub secret: Option<Secret>,
    /// Value of [`ChannelKey::Token`], if set.
    pub token: Option<Secret>,
    /// Value of [`ChannelKey::Account`], if set.
    pub account: Option<String>,
    /// Value of [`ChannelKey::Room`], if set.
    pub room: Option<String>,
    /// Value of [`ChannelKey::From`], if set.
    pub from: Option<String>,
    /// Value of [`ChannelKey::TemplateId`], if set.
    pub template_id: Option<String>,
    /// Value of [`ChannelKey::Address`], if set.
    pub address: Option<String>,
    /// Value of [`ChannelKey::Keyword`], if set.
    pub keyword: Option<String>,
    /// The recipients of a run: the feed once, or each contact.
    pub per: Per,
}

/// The recipients of a channel in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Once, to the channel's own feed or room.
    #[default]
    Feed,
    /// Once for each contact.
    Contact,
}

impl Account {
    /// Creates an account with no optional field set.
    #[must_use]
    pub const fn new(network: &'static Network, per: Per) -> Self {
        Self {
            network,
            base_url: None,
            url: None,
            secret: None,
            token: None,
            account: None,
            room: None,
            from: None,
            template_id: None,
            address: None,
            keyword: None,
            per,
        }
    }
}

/// The address by which a channel reaches a contact.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactAddress {
    /// The contact's e-mail address.
    Email,
    /// The contact's phone number.
    Phone,
    /// The value of this attribute.
    Attribute(String),
    /// No address is needed: the endpoint knows the contact.
    #[serde(rename = "anywhere")]
    NotNeeded,
}

impl Account {
    /// Returns the address by which the account reaches contacts.
    #[must_use]
    pub fn address(&self) -> ContactAddress {
        match self.network.reach {
            Reach::Feed => ContactAddress::NotNeeded,
            Reach::Contact(required) | Reach::Either(required) => match required {
                RequiredAddress::NotNeeded => ContactAddress::NotNeeded,
                RequiredAddress::Phone => ContactAddress::Phone,
                RequiredAddress::Attribute(name) => {
                    ContactAddress::Attribute(self.address.clone().unwrap_or_else(|| name.to_owned()))
                }
            },
        }
    }
}
