//! The list of all networks with their names.

use std::fmt;
use std::str::FromStr;

/// A network, named as in `chorus.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are the networks' names")]
pub enum Kind {
    Webhook,
    Slack,
    Discord,
    Mattermost,
    Wecom,
    Dingtalk,
    Feishu,
    Mastodon,
    Bluesky,
    Telegram,
    Teams,
    Matrix,
    Ntfy,
    Twilio,
    AliyunSms,
    X,
    Linkedin,
    Facebook,
    Threads,
    Reddit,
    Pinterest,
    Wechat,
    WechatTemplate,
    Weibo,
    Douyin,
}

/// The form in which a network shows posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A message in a room where people work or talk.
    Chat,
    /// A post on a public timeline.
    Social,
    /// A short message on one person's phone.
    Phone,
    /// An article of an account that people follow.
    Article,
    /// A request to another program.
    Machine,
}

/// The error that no network has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("find a network called {0:?}")]
pub struct UnknownKind(String);

/// A network's names and family.
struct Row {
    kind: Kind,
    /// The network's name in `chorus.toml`.
    name: &'static str,
    /// The network's name on screens.
    title: &'static str,
    family: Family,
}

const fn row(kind: Kind, name: &'static str, title: &'static str, family: Family) -> Row {
    Row { kind, name, title, family }
}

/// All networks in the order of [`Kind`].
const TABLE: [Row; 25] = [
    row(Kind::Webhook, "webhook", "Webhook", Family::Machine),
    row(Kind::Slack, "slack", "Slack", Family::Chat),
    row(Kind::Discord, "discord", "Discord", Family::Chat),
    row(Kind::Mattermost, "mattermost", "Mattermost", Family::Chat),
    row(Kind::Wecom, "wecom", "WeCom 企业微信", Family::Chat),
    row(Kind::Dingtalk, "dingtalk", "DingTalk 钉钉", Family::Chat),
    row(Kind::Feishu, "feishu", "Feishu 飞书", Family::Chat),
    row(Kind::Mastodon, "mastodon", "Mastodon", Family::Social),
    row(Kind::Bluesky, "bluesky", "Bluesky", Family::Social),
    row(Kind::Telegram, "telegram", "Telegram", Family::Chat),
    row(Kind::Teams, "teams", "Microsoft Teams", Family::Chat),
    row(Kind::Matrix, "matrix", "Matrix", Family::Chat),
    row(Kind::Ntfy, "ntfy", "ntfy", Family::Phone),
    row(Kind::Twilio, "twilio", "SMS (Twilio)", Family::Phone),
    row(Kind::AliyunSms, "aliyun_sms", "SMS (Aliyun 阿里云短信)", Family::Phone),
    row(Kind::X, "x", "X", Family::Social),
    row(Kind::Linkedin, "linkedin", "LinkedIn", Family::Social),
    row(Kind::Facebook, "facebook", "Facebook", Family::Social),
    row(Kind::Threads, "threads", "Threads", Family::Social),
    row(Kind::Reddit, "reddit", "Reddit", Family::Social),
    row(Kind::Pinterest, "pinterest", "Pinterest", Family::Social),
    row(Kind::Wechat, "wechat", "WeChat 公众号", Family::Article),
    row(Kind::WechatTemplate, "wechat_template", "WeChat 模板消息", Family::Phone),
    row(Kind::Weibo, "weibo", "Weibo 微博", Family::Social),
    row(Kind::Douyin, "douyin", "Douyin 抖音", Family::Social),
];

impl Kind {
    /// Returns all networks, in the order of the documentation of `chorus.toml`.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.kind)
    }

    /// Returns the name in `chorus.toml`, which is also the first segment of the network's paths on
    /// the server.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the name on screens.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Returns the form in which the network shows posts.
    pub fn family(self) -> Family {
        self.row().family
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::all().find(|kind| kind.name() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_order_of_the_kinds() {
        for (position, kind) in Kind::all().enumerate() {
            assert_eq!(kind as usize, position, "{kind}");
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!(Kind::all().count(), Kind::Douyin as usize + 1);
        assert!("fax".parse::<Kind>().is_err());
    }
}
