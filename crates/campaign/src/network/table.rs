//! All networks, in the order in which people meet them. Sources of the ceilings: the vendors' pages named in the
//! file of each network in crate `network`.

use super::Again::{LookedUp, Safe, Twice};
use super::Key::{Account, Address, From, Keyword, Room, Secret, TemplateId, Token, Url};
use super::{Markup, Network, Place, Reach};

/// What most networks have in common.
const fn feed(kind: &'static str, title: &'static str) -> Network {
    Network {
        kind,
        title,
        origin: None,
        needs: &[],
        takes: &[],
        reach: Reach::Feed,
        again: Twice,
        ceiling: None,
        daily: None,
        mentions: &[],
        approved_only: false,
        markup: Markup::Plain,
        has_card: false,
        takes_files: false,
        upload_hosts: &[],
        reservation: None,
    }
}

/// Every network that Chorus speaks to.
pub static NETWORKS: &[Network] = &[
    Network {
        needs: &[Url],
        takes: &[Secret],
        reach: Reach::Either(Place::Anywhere),
        again: Safe,
        markup: Markup::CommonMark,
        ..feed("webhook", "a webhook")
    },
    Network {
        needs: &[Url],
        ceiling: Some("1/s"),
        mentions: &["@channel", "@here", "@everyone"],
        markup: Markup::Mrkdwn,
        has_card: true,
        ..feed("slack", "Slack")
    },
    Network {
        needs: &[Url],
        ceiling: Some("30/min"),
        mentions: &["@everyone", "@here"],
        markup: Markup::Discord,
        has_card: true,
        takes_files: true,
        ..feed("discord", "Discord")
    },
    Network {
        needs: &[Url],
        takes: &[Room],
        mentions: &["@all", "@channel", "@here"],
        markup: Markup::Mattermost,
        has_card: true,
        ..feed("mattermost", "Mattermost")
    },
    Network {
        needs: &[Url],
        ceiling: Some("20/min"),
        mentions: &["@all"],
        markup: Markup::Wecom,
        has_card: true,
        ..feed("wecom", "WeCom")
    },
    Network {
        needs: &[Url],
        takes: &[Secret, Keyword],
        ceiling: Some("20/min"),
        markup: Markup::Dingtalk,
        has_card: true,
        ..feed("dingtalk", "DingTalk")
    },
    Network {
        needs: &[Url],
        takes: &[Secret, Keyword],
        ceiling: Some("100/min"),
        markup: Markup::Lark,
        has_card: true,
        ..feed("feishu", "Feishu")
    },
    Network {
        needs: &[Token],
        again: LookedUp,
        ceiling: Some("60/min"),
        mentions: &["@name@host"],
        takes_files: true,
        ..feed("mastodon", "Mastodon")
    },
    Network {
        origin: Some("https://bsky.social"),
        needs: &[Account, Token],
        again: Safe,
        ceiling: Some("1600/h"),
        markup: Markup::Spans,
        has_card: true,
        takes_files: true,
        ..feed("bluesky", "Bluesky")
    },
    Network {
        origin: Some("https://api.telegram.org"),
        needs: &[Token],
        takes: &[Room, Address],
        reach: Reach::Either(Place::Attribute("telegram_chat")),
        ceiling: Some("20/min"),
        markup: Markup::Html,
        has_card: true,
        takes_files: true,
        ..feed("telegram", "Telegram")
    },
    Network {
        needs: &[Url],
        ceiling: Some("4/s"),
        markup: Markup::Adaptive,
        has_card: true,
        reservation: Some("Teams has taken it, and does not tell whether it is shown"),
        ..feed("teams", "Microsoft Teams")
    },
    Network {
        needs: &[Token, Room],
        again: Safe,
        mentions: &["@room"],
        markup: Markup::Html,
        takes_files: true,
        ..feed("matrix", "Matrix")
    },
    Network {
        origin: Some("https://ntfy.sh"),
        needs: &[Room],
        takes: &[Token],
        again: LookedUp,
        ceiling: Some("12/min"),
        markup: Markup::CommonMark,
        has_card: true,
        ..feed("ntfy", "ntfy")
    },
    Network {
        origin: Some("https://api.twilio.com"),
        needs: &[Account, Token, From],
        reach: Reach::Contact(Place::Phone),
        again: LookedUp,
        ..feed("twilio", "SMS by Twilio")
    },
    Network {
        origin: Some("https://dysmsapi.aliyuncs.com"),
        needs: &[Account, Secret, From, TemplateId],
        reach: Reach::Contact(Place::Phone),
        again: LookedUp,
        approved_only: true,
        ..feed("aliyun_sms", "SMS by Aliyun")
    },
    Network {
        origin: Some("https://api.x.com"),
        needs: &[Token],
        again: LookedUp,
        ceiling: Some("400/h"),
        daily: Some(10_000),
        takes_files: true,
        ..feed("x", "X")
    },
    Network {
        origin: Some("https://api.linkedin.com"),
        needs: &[Token, Account],
        again: LookedUp,
        has_card: true,
        takes_files: true,
        upload_hosts: &["www.linkedin.com"],
        ..feed("linkedin", "LinkedIn")
    },
    Network {
        origin: Some("https://graph.facebook.com"),
        needs: &[Token, Account],
        again: LookedUp,
        takes_files: true,
        ..feed("facebook", "a Facebook page")
    },
    Network {
        origin: Some("https://graph.threads.net"),
        needs: &[Token, Account],
        again: LookedUp,
        daily: Some(250),
        ..feed("threads", "Threads")
    },
    Network {
        origin: Some("https://oauth.reddit.com"),
        needs: &[Token, Account, Room],
        again: LookedUp,
        ceiling: Some("60/min"),
        markup: Markup::Reddit,
        has_card: true,
        ..feed("reddit", "Reddit")
    },
    Network {
        origin: Some("https://api.pinterest.com"),
        needs: &[Token, Room],
        again: LookedUp,
        has_card: true,
        takes_files: true,
        ..feed("pinterest", "Pinterest")
    },
    Network {
        origin: Some("https://api.weixin.qq.com"),
        needs: &[Account, Secret],
        again: Safe,
        ceiling: Some("60/min"),
        has_card: true,
        takes_files: true,
        ..feed("wechat", "a WeChat official account")
    },
    Network {
        origin: Some("https://api.weixin.qq.com"),
        needs: &[Account, Secret, TemplateId],
        takes: &[Address],
        reach: Reach::Contact(Place::Attribute("wechat_openid")),
        again: Safe,
        approved_only: true,
        ..feed("wechat_template", "WeChat template messages")
    },
    Network {
        origin: Some("https://api.weibo.com"),
        needs: &[Token],
        takes: &[From],
        again: LookedUp,
        ceiling: Some("30/h"),
        takes_files: true,
        ..feed("weibo", "Weibo")
    },
    Network {
        origin: Some("https://open.douyin.com"),
        needs: &[Token, Account],
        takes_files: true,
        ..feed("douyin", "Douyin")
    },
];

impl Network {
    /// The network of that kind.
    #[must_use]
    pub fn find(kind: &str) -> Option<&'static Self> {
        NETWORKS.iter().find(|network| network.kind == kind)
    }
}

impl super::Account {
    /// A signed webhook.
    ///
    /// # Panics
    /// Never: the network is in the table.
    #[must_use]
    pub fn webhook(
        url: crate::secret::Secret,
        secret: Option<crate::secret::Secret>,
        per: super::Per,
    ) -> Self {
        let network = Network::find("webhook").unwrap_or(&NETWORKS[0]);
        Self { url: Some(url), secret, ..Self::new(network, per) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::network::Key;

    #[test]
    fn every_network_is_there_once_and_can_be_read() {
        let kinds: BTreeSet<_> = NETWORKS.iter().map(|network| network.kind).collect();
        assert_eq!(kinds.len(), NETWORKS.len());
        assert_eq!(NETWORKS.len(), 25);
        let readme = include_str!("../../../../README.md");
        let untold = kinds.iter().find(|kind| !readme.contains(&format!("`{kind}`")));
        assert_eq!(untold, None, "the README says what every kind of channel needs");
        for network in NETWORKS {
            assert_eq!(network.ceiling.is_some(), network.ceiling().is_some(), "{}", network.kind);
            assert!(!network.needs.iter().any(|key| network.takes.contains(key)), "{}", network.kind);
            let origin = network.origin.map(url::Url::parse);
            assert!(origin.is_none_or(|origin| origin.is_ok_and(|url| url.scheme() == "https")));
            let by_attribute = matches!(
                network.reach,
                Reach::Contact(Place::Attribute(_)) | Reach::Either(Place::Attribute(_))
            );
            assert_eq!(network.has(Key::Address), by_attribute, "{}", network.kind);
        }
    }
}
