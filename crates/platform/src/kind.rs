//! The networks that are played.

use std::fmt;
use std::str::FromStr;

/// A network, called as in `chorus.toml`.
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

/// What posts of a network look like to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A message in a room where people work or talk.
    Chat,
    /// A post on a public timeline.
    Social,
    /// A short message on one person's telephone.
    Phone,
    /// An article of an account that people follow.
    Article,
    /// What a machine takes.
    Machine,
}

/// There is no network of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("find a network called {0:?}")]
pub struct UnknownKind(String);

/// Kind, name in files, name on screens, family; in the order of [`Kind`].
const TABLE: [(Kind, &str, &str, Family); 25] = [
    (Kind::Webhook, "webhook", "Webhook", Family::Machine),
    (Kind::Slack, "slack", "Slack", Family::Chat),
    (Kind::Discord, "discord", "Discord", Family::Chat),
    (Kind::Mattermost, "mattermost", "Mattermost", Family::Chat),
    (Kind::Wecom, "wecom", "WeCom 企业微信", Family::Chat),
    (Kind::Dingtalk, "dingtalk", "DingTalk 钉钉", Family::Chat),
    (Kind::Feishu, "feishu", "Feishu 飞书", Family::Chat),
    (Kind::Mastodon, "mastodon", "Mastodon", Family::Social),
    (Kind::Bluesky, "bluesky", "Bluesky", Family::Social),
    (Kind::Telegram, "telegram", "Telegram", Family::Chat),
    (Kind::Teams, "teams", "Microsoft Teams", Family::Chat),
    (Kind::Matrix, "matrix", "Matrix", Family::Chat),
    (Kind::Ntfy, "ntfy", "ntfy", Family::Phone),
    (Kind::Twilio, "twilio", "SMS (Twilio)", Family::Phone),
    (Kind::AliyunSms, "aliyun_sms", "SMS (Aliyun 阿里云短信)", Family::Phone),
    (Kind::X, "x", "X", Family::Social),
    (Kind::Linkedin, "linkedin", "LinkedIn", Family::Social),
    (Kind::Facebook, "facebook", "Facebook", Family::Social),
    (Kind::Threads, "threads", "Threads", Family::Social),
    (Kind::Reddit, "reddit", "Reddit", Family::Social),
    (Kind::Pinterest, "pinterest", "Pinterest", Family::Social),
    (Kind::Wechat, "wechat", "WeChat 公众号", Family::Article),
    (Kind::WechatTemplate, "wechat_template", "WeChat 模板消息", Family::Phone),
    (Kind::Weibo, "weibo", "Weibo 微博", Family::Social),
    (Kind::Douyin, "douyin", "Douyin 抖音", Family::Social),
];

impl Kind {
    /// All of them, in the order of the files' documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(kind, ..)| *kind)
    }

    /// As it is written in `chorus.toml`; also the first part of the paths below which it is played.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// What its posts look like.
    pub fn family(self) -> Family {
        self.row().3
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, Family) {
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
    fn the_table_stands_in_the_order_of_the_kinds() {
        for (position, kind) in Kind::all().enumerate() {
            assert_eq!(kind as usize, position, "{kind}");
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!(Kind::all().count(), Kind::Douyin as usize + 1);
        assert!("fax".parse::<Kind>().is_err());
    }
}
