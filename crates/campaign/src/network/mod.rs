//! What each network is like, as far as files, plans and pages need to know it. How it is spoken to is in crate
//! `network`, in a file of its own.

mod table;

use url::Url;

use crate::pace::Rate;
use crate::secret::Secret;
pub use table::NETWORKS;

/// A place where posts can be made: Slack, Mastodon, a signed webhook.
#[derive(Debug)]
pub struct Network {
    /// Its name in files, `kind`.
    pub kind: &'static str,
    /// As people write it.
    pub title: &'static str,
    /// Where its API is, unless the channel says otherwise; none where each installation has its own.
    pub origin: Option<&'static str>,
    /// The keys that a channel of it must have.
    pub needs: &'static [Key],
    /// The keys that it may have besides; `base_url` always.
    pub takes: &'static [Key],
    /// Whom it can speak to.
    pub reach: Reach,
    /// What a second try does when nobody knows whether the first arrived.
    pub again: Again,
    /// The tightest rate that the vendor publishes for one sender, such as `20/min`.
    pub ceiling: Option<&'static str>,
    /// The most that the vendor takes in a day.
    pub daily: Option<u32>,
    /// The words by which a post may call people there. `@name@host` stands for any account.
    pub mentions: &'static [&'static str],
    /// Whether it takes approved templates only, so that it needs a template file of its own.
    pub approved_only: bool,
    /// The markup of its texts.
    pub markup: Markup,
    /// Set if title and button have places of their own, outside the text.
    pub has_card: bool,
    /// Set if it takes pictures as files, and not only by their address.
    pub takes_files: bool,
    /// Hosts besides its API's own that get the account's credentials, because uploading a picture needs them there.
    /// Every other address that an answer names is called without.
    pub upload_hosts: &'static [&'static str],
    /// The part that the answer to an accepted post leaves open, for people: Teams does not say if a post is shown.
    pub reservation: Option<&'static str>,
}

/// The markup of a network's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// No markup.
    Plain,
    /// None; links are given by their places in the text.
    Spans,
    /// CommonMark.
    CommonMark,
    /// Slack's `mrkdwn`.
    Mrkdwn,
    /// Discord's Markdown.
    Discord,
    /// Mattermost's Markdown.
    Mattermost,
    /// Reddit's Markdown.
    Reddit,
    /// DingTalk's Markdown.
    Dingtalk,
    /// The Markdown of WeCom's group robots.
    Wecom,
    /// Feishu's `lark_md`.
    Lark,
    /// Microsoft's Adaptive Cards.
    Adaptive,
    /// Telegram's subset of HTML, which Matrix knows, too.
    Html,
}

/// A key of a channel in `chorus.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The whole address to post to; a secret.
    Url,
    /// What signs; a secret.
    Secret,
    /// What lets in; a secret.
    Token,
    /// Who posts.
    Account,
    /// Where it is posted.
    Room,
    /// The sender that readers see.
    From,
    /// Which approved template.
    TemplateId,
    /// The attribute of a contact that says where to reach him.
    Address,
    /// A word that every post must say, because a robot takes no other.
    Keyword,
}

/// Whom a network can speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Its own feed or room.
    Feed,
    /// Each contact, at this address.
    Contact(Place),
    /// Either; a feed unless the channel says `per = "contact"`.
    Either(Place),
}

/// Which address of a contact a network needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// None: the endpoint knows.
    Anywhere,
    /// The phone number.
    Phone,
    /// An attribute: the channel's `address`, or this.
    Attribute(&'static str),
}

/// What a second try does when nobody knows whether the first arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Nothing: the network knows the post by its key.
    Safe,
    /// It can be looked up first.
    LookedUp,
    /// It posts twice: somebody has to look.
    Twice,
}

/// Among [`Network::mentions`]: every account of every server.
const ANY_ACCOUNT: &str = "@name@host";

impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Network {
    /// Returns true if a post may call `name` there.
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

    /// The tightest published rate.
    #[must_use]
    pub fn ceiling(&self) -> Option<Rate> {
        self.ceiling.and_then(|rate| Rate::parse(rate).ok())
    }

    /// Whether a channel of it may have the key.
    #[must_use]
    pub fn has(&self, key: Key) -> bool {
        self.needs.contains(&key) || self.takes.contains(&key)
    }
}

impl Key {
    /// All of them.
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

    /// As it stands in files.
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

/// One account on a network: what a channel says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Which network.
    pub network: &'static Network,
    /// Scheme, host and path that stand in for the vendor's; only this may name an inner address, and the `url` of
    /// a webhook.
    pub base_url: Option<Url>,
    /// See [`Key::Url`].
    pub url: Option<Secret>,
    /// See [`Key::Secret`].
    pub secret: Option<Secret>,
    /// See [`Key::Token`].
    pub token: Option<Secret>,
    /// See [`Key::Account`].
    pub account: Option<String>,
    /// See [`Key::Room`].
    pub room: Option<String>,
    /// See [`Key::From`].
    pub from: Option<String>,
    /// See [`Key::TemplateId`].
    pub template_id: Option<String>,
    /// See [`Key::Address`].
    pub address: Option<String>,
    /// See [`Key::Keyword`].
    pub keyword: Option<String>,
    /// Once to the feed, or once for each contact.
    pub per: Per,
}

/// How often a channel speaks in one run.
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
    /// One of which nothing is known yet.
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

/// Where a contact is reached through a channel.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// His e-mail address.
    Email,
    /// His phone number.
    Phone,
    /// What this attribute says.
    Attribute(String),
    /// Wherever the other side knows him: no address is needed.
    Anywhere,
}

impl Account {
    /// Where contacts are reached.
    #[must_use]
    pub fn address(&self) -> Address {
        match self.network.reach {
            Reach::Feed => Address::Anywhere,
            Reach::Contact(place) | Reach::Either(place) => match place {
                Place::Anywhere => Address::Anywhere,
                Place::Phone => Address::Phone,
                Place::Attribute(name) => {
                    Address::Attribute(self.address.clone().unwrap_or_else(|| name.to_owned()))
                }
            },
        }
    }
}
