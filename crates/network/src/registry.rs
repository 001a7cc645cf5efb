//! The list of all network protocols by name.

use crate::kinds::{
    aliyun_sms, bluesky, dingtalk, discord, douyin, facebook, feishu, linkedin, mastodon, matrix, mattermost,
    ntfy, pinterest, reddit, slack, teams, telegram, threads, twilio, webhook, wechat, wechat_template,
    wecom, weibo, x,
};
use crate::protocol::Protocol;

/// All protocols, in the order of [`campaign::network::NETWORKS`].
static PROTOCOLS: &[(&str, &dyn Protocol)] = &[
    ("webhook", &webhook::Webhook),
    ("slack", &slack::Slack),
    ("discord", &discord::Discord),
    ("mattermost", &mattermost::Mattermost),
    ("wecom", &wecom::Wecom),
    ("dingtalk", &dingtalk::Dingtalk),
    ("feishu", &feishu::Feishu),
    ("mastodon", &mastodon::Mastodon),
    ("bluesky", &bluesky::Bluesky),
    ("telegram", &telegram::Telegram),
    ("teams", &teams::Teams),
    ("matrix", &matrix::Matrix),
    ("ntfy", &ntfy::Ntfy),
    ("twilio", &twilio::Twilio),
    ("aliyun_sms", &aliyun_sms::AliyunSms),
    ("x", &x::X),
    ("linkedin", &linkedin::LinkedIn),
    ("facebook", &facebook::Facebook),
    ("threads", &threads::Threads),
    ("reddit", &reddit::Reddit),
    ("pinterest", &pinterest::Pinterest),
    ("wechat", &wechat::WeChat),
    ("wechat_template", &wechat_template::WeChatTemplate),
    ("weibo", &weibo::Weibo),
    ("douyin", &douyin::Douyin),
];

/// Returns the protocol of the network `kind`.
pub(crate) fn find(kind: &str) -> Option<&'static dyn Protocol> {
    PROTOCOLS.iter().find(|(name, _)| *name == kind).map(|(_, protocol)| *protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_the_files_has_a_protocol() {
        let kinds: Vec<_> = campaign::network::NETWORKS.iter().map(|network| network.kind).collect();
        assert_eq!(PROTOCOLS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), kinds);
    }
}
