//! The format of `chorus.toml`, for serde and for the JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;
use source::{Entries, Field, Scalar, nearest};

use crate::network::{NETWORKS, Network};
use crate::workspace::{AttributeKind, OptIn, Per};

/// The settings of a workspace: brand, channels, database and server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChorusFile {
    /// The brand that sends the messages.
    pub(crate) brand: Field<BrandFile>,
    /// The database that stores contacts, deliveries and results.
    #[serde(default)]
    pub(crate) database: Field<DatabaseFile>,
    /// The addresses at which pages and links are served.
    #[serde(default)]
    pub(crate) server: Field<ServerFile>,
    /// Attributes of contacts, each with its type: text, number, boolean or date. An attribute that
    /// is not declared is text.
    #[serde(default)]
    pub(crate) attributes: Field<Entries<AttributeKind>>,
    /// The purposes for which the brand writes to people, each under its own name; one marketing
    /// purpose, `news`, if none is given.
    #[serde(default)]
    pub(crate) purposes: Field<Entries<PurposeFile>>,
    /// The channels that messages are sent through, each under its own name.
    #[serde(default)]
    pub(crate) channels: Field<Entries<ChannelFile>>,
}

/// The brand that sends the messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrandFile {
    /// The name of the brand.
    pub(crate) name: Field<String>,
    /// The brand's web site: http or https.
    pub(crate) url: Field<String>,
    /// The postal address that every e-mail carries.
    #[serde(default)]
    pub(crate) address: Field<String>,
    /// The time zone of schedules that name none, such as Asia/Shanghai; UTC if not given.
    #[serde(default)]
    pub(crate) timezone: Field<String>,
    /// The language of contacts whose own is not known; en if not given.
    #[serde(default)]
    pub(crate) language: Field<String>,
    /// Phrases that no message may contain.
    #[serde(default)]
    pub(crate) never_say: Field<Vec<Field<String>>>,
    /// The countries the brand sends to, by ISO 3166 codes such as CN or SG: their advertising laws
    /// are checked.
    #[serde(default)]
    pub(crate) markets: Field<Vec<Field<String>>>,
    /// Up to 20 of the brand's own e-mail addresses that get test copies by `chorus send --to
    /// seeds`.
    #[serde(default)]
    pub(crate) seeds: Field<Vec<Field<String>>>,
}

/// A purpose for which the brand writes to people.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurposeFile {
    /// The title, in the words that contacts read.
    pub(crate) title: Field<String>,
    /// false: no marketing, such as an order confirmation; it needs no consent. true if not given.
    #[serde(default)]
    pub(crate) marketing: Field<bool>,
    /// The way in which contacts consent: `double` counts a yes once it is confirmed by mail,
    /// `single` at once, `soft` is for customers who were told at a purchase. single if not given.
    #[serde(default)]
    pub(crate) opt_in: Field<OptIn>,
    /// The channels that it may use; all if not given.
    #[serde(default)]
    pub(crate) channels: Field<Vec<Field<String>>>,
}

/// The database that stores contacts, deliveries and results.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseFile {
    /// sqlite:path, relative to the workspace, or postgres://…; may read `${NAME}`.
    /// sqlite:data/chorus.db if not given.
    #[serde(default)]
    pub(crate) url: Field<String>,
}

/// The addresses at which pages and links are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerFile {
    /// The IP address and port to listen at; 127.0.0.1:8080 if not given.
    #[serde(default)]
    pub(crate) listen: Field<String>,
    /// Another IP address and port, for the pages of marketers, the API, /metrics and /readyz; they
    /// are served at `listen` if not given.
    #[serde(default)]
    pub(crate) admin_listen: Field<String>,
    /// The HTTP proxy that posts to networks go through, such as `http://proxy.example:3128`; may
    /// read `${NAME}`. The environment's HTTPS_PROXY if not given.
    #[serde(default)]
    pub(crate) proxy: Field<String>,
    /// The start of every tracked link, as readers reach it; `http://127.0.0.1:8080` if not given.
    #[serde(default)]
    pub(crate) public_url: Field<String>,
}

/// One channel that messages are sent through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelFile {
    /// The kind of the channel: outbox, smtp or a network.
    pub(crate) kind: Field<KindFile>,
    /// outbox, smtp: the sender, as in `Harbour Coffee <news@harbour.example>`. twilio: a number or
    /// a messaging service; aliyun_sms: the sign name.
    #[serde(default)]
    pub(crate) from: Field<String>,
    /// outbox, smtp: the address for replies.
    #[serde(default)]
    pub(crate) reply_to: Field<String>,
    /// smtp: smtps://user:password@host, or smtp:// for STARTTLS. webhook, slack, discord,
    /// mattermost, wecom, dingtalk, feishu, teams: the complete address to post to. May read
    /// `${NAME}`.
    #[serde(default)]
    pub(crate) url: Field<String>,
    /// Networks: scheme, host and path that replace the vendor's. Only here is an internal address
    /// allowed.
    #[serde(default)]
    pub(crate) base_url: Field<String>,
    /// The signing secret. webhook: whsec_… or base64; dingtalk, feishu: the robot's; aliyun_sms,
    /// wechat: the account's. May read `${NAME}`.
    #[serde(default)]
    pub(crate) secret: Field<String>,
    /// Networks: the credential, such as an access token, a bot's token or an app password. May
    /// read `${NAME}`.
    #[serde(default)]
    pub(crate) token: Field<String>,
    /// Networks: the account that posts, such as a handle, an account SID, a page or an app.
    #[serde(default)]
    pub(crate) account: Field<String>,
    /// Networks: the place to post to, such as a chat, a room, a topic, a subreddit or a board.
    #[serde(default)]
    pub(crate) room: Field<String>,
    /// aliyun_sms, wechat_template: the approved template to use.
    #[serde(default)]
    pub(crate) template_id: Field<String>,
    /// telegram, wechat_template: the attribute of a contact that holds the address on the network.
    #[serde(default)]
    pub(crate) address: Field<String>,
    /// dingtalk, feishu: one of the words in the robot's own settings that every post must contain;
    /// `chorus check` looks for it.
    #[serde(default)]
    pub(crate) keyword: Field<String>,
    /// webhook, telegram: `feed` posts once to the feed, `contact` once for each contact.
    #[serde(default)]
    pub(crate) per: Field<Per>,
    /// Networks: the language of what is posted to the feed, such as zh-CN; the brand's if not
    /// given.
    #[serde(default)]
    pub(crate) language: Field<String>,
    /// smtp: signs every message with DKIM (RFC 6376), so that receivers know it is the brand's.
    #[serde(default)]
    pub(crate) dkim: Field<DkimFile>,
    /// The highest sending rate, such as 100/s; per s, min, h or d.
    #[serde(default)]
    pub(crate) rate: Field<String>,
    /// The number of sends that may be in progress at once: 1 to 1000; 8 if not given.
    #[serde(default)]
    pub(crate) connections: Field<u32>,
    /// The number of messages that it may send in a day; days are those of the brand's time zone.
    #[serde(default)]
    pub(crate) daily_cap: Field<u32>,
    /// The warm-up of a new sender: the number of messages on the first day, and its growth.
    #[serde(default)]
    pub(crate) warm_up: Field<WarmUpFile>,
    /// outbox, smtp: limits for each receiver, such as gmail, outlook or example.com; `default` is
    /// every other one, each by itself.
    #[serde(default)]
    pub(crate) groups: Field<Entries<GroupFile>>,
    /// smtp: the receiver of a domain that no group names: `domain` makes each a receiver by
    /// itself, `mx` groups them by the operator of their mail servers, as the DNS says.
    #[serde(default)]
    pub(crate) group_by: Field<GroupByFile>,
    /// The cost of a message.
    #[serde(default)]
    pub(crate) cost: Field<CostFile>,
}

/// The way in which domains that no group names are grouped into receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupByFile {
    /// By name: each domain that is not well known is its own receiver.
    Domain,
    /// By the operator of their mail servers, from the MX records.
    Mx,
}

/// The daily limit of a new sender, which grows each day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WarmUpFile {
    /// The number of messages on the first day.
    pub(crate) start: Field<u32>,
    /// The factor by which the number grows each day: 1 to 10, such as 1.4.
    #[schemars(with = "f64")]
    pub(crate) growth: Field<Scalar>,
    /// The first day of the warm-up.
    #[schemars(with = "String")]
    pub(crate) from: Field<Scalar>,
}

/// The limits of one receiver of mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupFile {
    /// The domains of the receiver, besides those it is known for.
    #[serde(default)]
    pub(crate) domains: Field<Vec<Field<String>>>,
    /// The highest sending rate, such as 20/s; per s, min, h or d.
    #[serde(default)]
    pub(crate) rate: Field<String>,
    /// The number of messages that may be in progress to it at once: 1 to 1000.
    #[serde(default)]
    pub(crate) connections: Field<u32>,
    /// The number of messages per day.
    #[serde(default)]
    pub(crate) daily_cap: Field<u32>,
    /// The warm-up for this receiver, as for the channel.
    #[serde(default)]
    pub(crate) warm_up: Field<WarmUpFile>,
}

/// The DKIM signature of messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DkimFile {
    /// The domain that signs the message; that of `from` if not given.
    #[serde(default)]
    pub(crate) domain: Field<String>,
    /// The DNS name of the public key: SELECTOR._domainkey.DOMAIN.
    pub(crate) selector: Field<String>,
    /// An RSA key of 2048 to 4096 bits: a PEM file of the workspace that only its owner may read,
    /// or `${NAME}`, which holds the PEM text.
    pub(crate) key: Field<String>,
    /// A second signature by Ed25519 (RFC 8463), for receivers that support it.
    #[serde(default)]
    pub(crate) ed25519: Field<SecondKeyFile>,
}

/// The key of a second signature.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondKeyFile {
    /// The DNS name of its public key: SELECTOR._domainkey.DOMAIN.
    pub(crate) selector: Field<String>,
    /// An Ed25519 key: a PEM file of the workspace that only its owner may read, or `${NAME}`,
    /// which holds the PEM text.
    pub(crate) key: Field<String>,
}

/// The kind of a channel, by its name in files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum KindFile {
    /// An outbox, which stores messages in the database.
    Outbox,
    /// A mail server, reached by SMTP.
    Smtp,
    /// A network, by its kind.
    Network(&'static Network),
}

impl KindFile {
    fn find(name: &str) -> Option<Self> {
        match name {
            "outbox" => Some(Self::Outbox),
            "smtp" => Some(Self::Smtp),
            network => Network::find(network).map(Self::Network),
        }
    }

    fn names() -> impl Iterator<Item = &'static str> {
        ["outbox", "smtp"].into_iter().chain(NETWORKS.iter().map(|network| network.kind))
    }
}

impl<'de> Deserialize<'de> for KindFile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::find(&name).ok_or_else(|| {
            let shown: String = name.chars().take(40).collect();
            let meant = nearest(&shown, Self::names());
            let suggestion = meant.map_or_else(
                || format!("it is one of {}", Self::names().collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            serde::de::Error::custom(format_args!("cannot be `{shown}`; {suggestion}"))
        })
    }
}

impl JsonSchema for KindFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KindFile".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = Self::names().collect();
        schemars::json_schema!({ "description": "The kind of a channel.", "type": "string", "enum": names })
    }
}

/// The cost of a message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostFile {
    /// The amount for each message sent; at most six decimals.
    #[schemars(with = "f64")]
    pub(crate) per_message: Field<Scalar>,
    /// The currency: three capital letters, such as CNY.
    pub(crate) currency: Field<String>,
}
