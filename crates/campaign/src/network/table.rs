//! The table of all networks. Sources of the rate limits: the vendors' pages named in the file of
//! each network in crate `network`.

use super::ChannelKey::{Account, Address, From, Keyword, Room, Secret, TemplateId, Token, Url};
use super::Idempotency::{Keyed, Lookup};
use super::{Idempotency, Markup, Network, Reach, RequiredAddress};

/// Returns a network that posts to a feed, with the properties that most networks have in common.
const fn feed_network(kind: &'static str, title: &'static str) -> Network {
    Network {
        kind,
        title,
        origin: None,
        required_keys: &[],
        optional_keys: &[],
        reach: Reach::Feed,
        idempotency: Idempotency::None,
        max_rate: None,
        max_per_day: None,
        mentions: &[],
        approved_only: false,
        markup: Markup::Plain,
        has_card: false,
        uploads_images: false,
        upload_hosts: &[],
        acceptance_caveat: None,
    }
}

/// Every network that Chorus supports.
pub static NETWORKS: &[Network] = &[
    Network {
        required_keys: &[Url],
        optional_keys: &[Secret],
        reach: Reach::Either(RequiredAddress::NotNeeded),
        idempotency: Keyed,
        markup: Markup::CommonMark,
        ..feed_network("webhook", "a webhook")
    },
    Network {
        required_keys: &[Url],
        max_rate: Some("1/s"),
        mentions: &["@channel", "@here", "@everyone"],
        markup: Markup::Mrkdwn,
        has_card: true,
        ..feed_network("slack", "Slack")
    },
    Network {
        required_keys: &[Url],
        max_rate: Some("30/min"),
        mentions: &["@everyone", "@here"],
        markup: Markup::Discord,
        has_card: true,
        uploads_images: true,
        ..feed_network("discord", "Discord")
    },
    Network {
        required_keys: &[Url],
        optional_keys: &[Room],
        mentions: &["@all", "@channel", "@here"],
        markup: Markup::Mattermost,
        has_card: true,
        ..feed_network("mattermost", "Mattermost")
    },
    Network {
        required_keys: &[Url],
        max_rate: Some("20/min"),
        mentions: &["@all"],
        markup: Markup::Wecom,
        has_card: true,
        ..feed_network("wecom", "WeCom")
    },
    Network {
        required_keys: &[Url],
        optional_keys: &[Secret, Keyword],
        max_rate: Some("20/min"),
        markup: Markup::Dingtalk,
        has_card: true,
        ..feed_network("dingtalk", "DingTalk")
    },
    Network {
        required_keys: &[Url],
        optional_keys: &[Secret, Keyword],
        max_rate: Some("100/min"),
        markup: Markup::Lark,
        has_card: true,
        ..feed_network("feishu", "Feishu")
    },
    Network {
        required_keys: &[Token],
        idempotency: Lookup,
        max_rate: Some("60/min"),
        mentions: &["@name@host"],
        uploads_images: true,
        ..feed_network("mastodon", "Mastodon")
    },
    Network {
        origin: Some("https://bsky.social"),
        required_keys: &[Account, Token],
        idempotency: Keyed,
        max_rate: Some("1600/h"),
        markup: Markup::Spans,
        has_card: true,
        uploads_images: true,
        ..feed_network("bluesky", "Bluesky")
    },
    Network {
        origin: Some("https://api.telegram.org"),
        required_keys: &[Token],
        optional_keys: &[Room, Address],
        reach: Reach::Either(RequiredAddress::Attribute("telegram_chat")),
        max_rate: Some("20/min"),
        markup: Markup::Html,
        has_card: true,
        uploads_images: true,
        ..feed_network("telegram", "Telegram")
    },
    Network {
        required_keys: &[Url],
        max_rate: Some("4/s"),
        markup: Markup::Adaptive,
        has_card: true,
        acceptance_caveat: Some("Teams has accepted it, but does not report whether it is shown"),
        ..feed_network("teams", "Microsoft Teams")
    },
    Network {
        required_keys: &[Token, Room],
        idempotency: Keyed,
        mentions: &["@room"],
        markup: Markup::Html,
        uploads_images: true,
        ..feed_network("matrix", "Matrix")
    },
    Network {
        origin: Some("https://ntfy.sh"),
        required_keys: &[Room],
        optional_keys: &[Token],
        idempotency: Lookup,
        max_rate: Some("12/min"),
        markup: Markup::CommonMark,
        has_card: true,
        ..feed_network("ntfy", "ntfy")
    },
    Network {
        origin: Some("https://api.twilio.com"),
        required_keys: &[Account, Token, From],
        reach: Reach::Contact(RequiredAddress::Phone),
        idempotency: Lookup,
        ..feed_network("twilio", "SMS by Twilio")
    },
    Network {
        origin: Some("https://dysmsapi.aliyuncs.com"),
        required_keys: &[Account, Secret, From, TemplateId],
        reach: Reach::Contact(RequiredAddress::Phone),
        idempotency: Lookup,
        approved_only: true,
        ..feed_network("aliyun_sms", "SMS by Aliyun")
    },
    Network {
        origin: Some("https://api.x.com"),
        required_keys: &[Token],
        idempotency: Lookup,
        max_rate: Some("400/h"),
        max_per_day: Some(10_000),
        uploads_images: true,
        ..feed_network("x", "X")
    },
    Network {
        origin: Some("https://api.linkedin.com"),
        required_keys: &[Token, Account],
        idempotency: Lookup,
        has_card: true,
        uploads_images: true,
        upload_hosts: &["www.linkedin.com"],
        ..feed_network("linkedin", "LinkedIn")
    },
    Network {
        origin: Some("https://graph.facebook.com"),
        required_keys: &[Token, Account],
        idempotency: Lookup,
        uploads_images: true,
        ..feed_network("facebook", "a Facebook page")
    },
    Network {
        origin: Some("https://graph.threads.net"),
        required_keys: &[Token, Account],
        idempotency: Lookup,
        max_per_day: Some(250),
        ..feed_network("threads", "Threads")
    },
    Network {
        origin: Some("https://oauth.reddit.com"),
        required_keys: &[Token, Account, Room],
        idempotency: Lookup,
        max_rate: Some("60/min"),
        markup: Markup::Reddit,
        has_card: true,
        ..feed_network("reddit", "Reddit")
    },
    Network {
        origin: Some("https://api.pinterest.com"),
        required_keys: &[Token, Room],
        idempotency: Lookup,
        has_card: true,
        uploads_images: true,
        ..feed_network("pinterest", "Pinterest")
    },
    Network {
        origin: Some("https://api.weixin.qq.com"),
        required_keys: &[Account, Secret],
        idempotency: Keyed,
        max_rate: Some("60/min"),
        has_card: true,
        uploads_images: true,
        ..feed_network("wechat", "a WeChat official account")
    },
    Network {
        origin: Some("https://api.weixin.qq.com"),
        required_keys: &[Account, Secret, TemplateId],
        optional_keys: &[Address],
        reach: Reach::Contact(RequiredAddress::Attribute("wechat_openid")),
        idempotency: Keyed,
        approved_only: true,
        ..feed_network("wechat_template", "WeChat template messages")
    },
    Network {
        origin: Some("https://api.weibo.com"),
        required_keys: &[Token],
        optional_keys: &[From],
        idempotency: Lookup,
        max_rate: Some("30/h"),
        uploads_images: true,
        ..feed_network("weibo", "Weibo")
    },
    Network {
        origin: Some("https://open.douyin.com"),
        required_keys: &[Token, Account],
        uploads_images: true,
        ..feed_network("douyin", "Douyin")
    },
];

impl Network {
    /// Returns the network with that `kind`.
    #[must_use]
    pub fn find(kind: &str) -> Option<&'static Self> {
        NETWORKS.iter().find(|network| network.kind == kind)
    }
}

impl super::Account {
    /// Creates the account of a signed webhook.
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
    use crate::network::ChannelKey;

    #[test]
    fn every_network_is_unique_documented_and_consistent() {
        let kinds: BTreeSet<_> = NETWORKS.iter().map(|network| network.kind).collect();
        assert_eq!(kinds.len(), NETWORKS.len());
        assert_eq!(NETWORKS.len(), 25);
        let readme = include_str!("../../../../README.md");
        let missing = kinds.iter().find(|kind| !readme.contains(&format!("`{kind}`")));
        assert_eq!(missing, None, "the README says what every kind of channel needs");
        for network in NETWORKS {
            assert_eq!(network.max_rate.is_some(), network.max_rate().is_some(), "{}", network.kind);
            let in_both = network.required_keys.iter().any(|key| network.optional_keys.contains(key));
            assert!(!in_both, "{}", network.kind);
            let origin = network.origin.map(url::Url::parse);
            assert!(origin.is_none_or(|origin| origin.is_ok_and(|url| url.scheme() == "https")));
            let by_attribute = matches!(
                network.reach,
                Reach::Contact(RequiredAddress::Attribute(_)) | Reach::Either(RequiredAddress::Attribute(_))
            );
            assert_eq!(network.has(ChannelKey::Address), by_attribute, "{}", network.kind);
        }
    }
}
