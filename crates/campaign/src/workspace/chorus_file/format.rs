//! `chorus.toml` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use source::{Entries, Field, Scalar, nearest};

use crate::network::{NETWORKS, Network};
use crate::workspace::{AttributeKind, Per};

/// Who speaks, through what, and where rows are kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChorusFile {
    /// Who speaks.
    pub(crate) brand: Field<BrandFile>,
    /// Where rows are kept.
    #[serde(default)]
    pub(crate) database: Field<DatabaseFile>,
    /// Where pages and links are served.
    #[serde(default)]
    pub(crate) server: Field<ServerFile>,
    /// What is known of a contact, and as what: text, number, boolean or date. What is not declared is text.
    #[serde(default)]
    pub(crate) attributes: Field<Entries<AttributeKind>>,
    /// The ways out, each under a name of its own.
    #[serde(default)]
    pub(crate) channels: Field<Entries<ChannelFile>>,
}

/// Who speaks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrandFile {
    /// What it is called.
    pub(crate) name: Field<String>,
    /// Its site: http or https.
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
    /// Phrases that no channel may say.
    #[serde(default)]
    pub(crate) never_say: Field<Vec<Field<String>>>,
    /// Where it sends, by ISO 3166 codes such as CN or SG: the advertising laws there are checked.
    #[serde(default)]
    pub(crate) markets: Field<Vec<Field<String>>>,
    /// Up to 20 e-mail addresses of the house that get test copies by `chorus send --to seeds`.
    #[serde(default)]
    pub(crate) seeds: Field<Vec<Field<String>>>,
}

/// Where rows are kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseFile {
    /// sqlite:path, relative to the workspace, or postgres://…; may read `${NAME}`. sqlite:data/chorus.db if not given.
    #[serde(default)]
    pub(crate) url: Field<String>,
}

/// Where pages and links are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerFile {
    /// An address and a port; 127.0.0.1:8080 if not given.
    #[serde(default)]
    pub(crate) listen: Field<String>,
    /// Another address and port, for the pages of marketers, the API, /metrics and /readyz; they stand at `listen` if
    /// not given.
    #[serde(default)]
    pub(crate) admin_listen: Field<String>,
    /// The HTTP proxy that posts to networks go through, such as `http://proxy.example:3128`; may read `${NAME}`. The
    /// environment's HTTPS_PROXY if not given.
    #[serde(default)]
    pub(crate) proxy: Field<String>,
    /// The start of every tracked link, as readers reach it; `http://127.0.0.1:8080` if not given.
    #[serde(default)]
    pub(crate) public_url: Field<String>,
}

/// One way out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelFile {
    /// What it talks to.
    pub(crate) kind: Field<KindFile>,
    /// outbox, smtp: the sender, as in `Harbour Coffee <news@harbour.example>`. twilio: a number or a messaging
    /// service; aliyun_sms: the sign name.
    #[serde(default)]
    pub(crate) from: Field<String>,
    /// outbox, smtp: where answers go.
    #[serde(default)]
    pub(crate) reply_to: Field<String>,
    /// smtp: smtps://user:password@host, or smtp:// for STARTTLS. webhook, slack, discord, mattermost, wecom,
    /// dingtalk, feishu, teams: the whole address to post to. May read `${NAME}`.
    #[serde(default)]
    pub(crate) url: Field<String>,
    /// Networks: scheme, host and path that stand in for the vendor's. Only here may an inner address stand.
    #[serde(default)]
    pub(crate) base_url: Field<String>,
    /// What signs. webhook: whsec_… or base64; dingtalk, feishu: the robot's; aliyun_sms, wechat: the account's. May
    /// read `${NAME}`.
    #[serde(default)]
    pub(crate) secret: Field<String>,
    /// Networks: what lets in, such as an access token, a bot's token or an app password. May read `${NAME}`.
    #[serde(default)]
    pub(crate) token: Field<String>,
    /// Networks: who posts, such as a handle, an account SID, a page or an app.
    #[serde(default)]
    pub(crate) account: Field<String>,
    /// Networks: where it is posted, such as a chat, a room, a topic, a subreddit or a board.
    #[serde(default)]
    pub(crate) room: Field<String>,
    /// aliyun_sms, wechat_template: which approved template.
    #[serde(default)]
    pub(crate) template_id: Field<String>,
    /// telegram, wechat_template: the attribute of a contact that says where to reach him.
    #[serde(default)]
    pub(crate) address: Field<String>,
    /// dingtalk, feishu: one of the words in the robot's own settings that every post must say; `chorus check` looks
    /// for it.
    #[serde(default)]
    pub(crate) keyword: Field<String>,
    /// webhook, telegram: once to the feed, or once for each contact.
    #[serde(default)]
    pub(crate) per: Field<Per>,
    /// Networks: the language of what is posted to the feed, such as zh-CN; the brand's if not given.
    #[serde(default)]
    pub(crate) language: Field<String>,
    /// smtp: signs every message (RFC 6376), so that receivers know it is the brand's.
    #[serde(default)]
    pub(crate) dkim: Field<DkimFile>,
    /// How fast it may send, such as 100/s; per s, min, h or d.
    #[serde(default)]
    pub(crate) rate: Field<String>,
    /// How many sends may be under way at once: 1 to 1000; 8 if not given.
    #[serde(default)]
    pub(crate) connections: Field<u32>,
    /// How many messages it may send in a day; days are those of the brand's time zone.
    #[serde(default)]
    pub(crate) daily_cap: Field<u32>,
    /// A new sender begins small: how many messages on the first day, and how that grows.
    #[serde(default)]
    pub(crate) warm_up: Field<WarmUpFile>,
    /// outbox, smtp: what each receiver may get, such as gmail, outlook or example.com; `default` is every other
    /// one, each by itself.
    #[serde(default)]
    pub(crate) groups: Field<Entries<GroupFile>>,
    /// smtp: whether a domain that no group names is a receiver by itself, or belongs to whoever runs its mail
    /// servers, as the DNS says.
    #[serde(default)]
    pub(crate) group_by: Field<GroupByFile>,
    /// What a message costs.
    #[serde(default)]
    pub(crate) cost: Field<CostFile>,
}

/// What makes domains one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupByFile {
    /// Their names: each that is not well known is its own.
    Domain,
    /// Their MX records.
    Mx,
}

/// How many messages may go out on the days of a beginning.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WarmUpFile {
    /// How many on the first day.
    pub(crate) start: Field<u32>,
    /// How many times as many on each day after: 1 to 10, such as 1.4.
    #[schemars(with = "f64")]
    pub(crate) growth: Field<Scalar>,
    /// The first day.
    #[schemars(with = "String")]
    pub(crate) from: Field<Scalar>,
}

/// One receiver of mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupFile {
    /// The domains that are one receiver, besides those it is known for.
    #[serde(default)]
    pub(crate) domains: Field<Vec<Field<String>>>,
    /// How fast, such as 20/s; per s, min, h or d.
    #[serde(default)]
    pub(crate) rate: Field<String>,
    /// How many messages may be under way to it at once: 1 to 1000.
    #[serde(default)]
    pub(crate) connections: Field<u32>,
    /// How many messages in a day.
    #[serde(default)]
    pub(crate) daily_cap: Field<u32>,
    /// Begins small, as the channel's.
    #[serde(default)]
    pub(crate) warm_up: Field<WarmUpFile>,
}

/// How messages are signed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DkimFile {
    /// The domain that answers for the message; that of `from` if not given.
    #[serde(default)]
    pub(crate) domain: Field<String>,
    /// The name under which the public key stands: SELECTOR._domainkey.DOMAIN.
    pub(crate) selector: Field<String>,
    /// An RSA key of 2048 to 4096 bits: a PEM file of the workspace that only its owner may read, or `${NAME}`,
    /// which holds the PEM text.
    pub(crate) key: Field<String>,
    /// A second signature by Ed25519 (RFC 8463), for the receivers that know it.
    #[serde(default)]
    pub(crate) ed25519: Field<SecondKeyFile>,
}

/// The key of a second signature.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondKeyFile {
    /// Its own name: SELECTOR._domainkey.DOMAIN.
    pub(crate) selector: Field<String>,
    /// An Ed25519 key, kept as the first is.
    pub(crate) key: Field<String>,
}

/// What a channel talks to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum KindFile {
    /// Keeps messages in the database.
    Outbox,
    /// A mail server.
    Smtp,
    /// A network.
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
            let advice = meant.map_or_else(
                || format!("it is one of {}", Self::names().collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            serde::de::Error::custom(format_args!("cannot be `{shown}`; {advice}"))
        })
    }
}

impl JsonSchema for KindFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KindFile".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = Self::names().collect();
        schemars::json_schema!({ "description": "What a channel talks to.", "type": "string", "enum": names })
    }
}

/// What a message costs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostFile {
    /// For each message sent; at most six decimals.
    #[schemars(with = "f64")]
    pub(crate) per_message: Field<Scalar>,
    /// Three capital letters, such as CNY.
    pub(crate) currency: Field<String>,
}
