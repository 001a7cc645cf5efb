//! The list of all networks' server sides.

use fake_server::{FakeNetwork, Kind};

use crate::kinds::{
    aliyun_sms, bluesky, dingtalk, discord, douyin, facebook, feishu, linkedin, mastodon, matrix, mattermost,
    ntfy, pinterest, reddit, slack, teams, telegram, threads, twilio, webhook, wechat, wechat_template,
    wecom, weibo, x,
};

/// Returns the server side of a network.
pub(crate) fn network(kind: Kind) -> &'static dyn FakeNetwork {
    match kind {
        Kind::Webhook => &webhook::Webhook,
        Kind::Slack => &slack::Slack,
        Kind::Discord => &discord::Discord,
        Kind::Mattermost => &mattermost::Mattermost,
        Kind::Telegram => &telegram::Telegram,
        Kind::Teams => &teams::Teams,
        Kind::Matrix => &matrix::Matrix,
        Kind::Ntfy => &ntfy::Ntfy,
        Kind::Twilio => &twilio::Twilio,
        Kind::AliyunSms => &aliyun_sms::AliyunSms,
        Kind::X => &x::X,
        Kind::Linkedin => &linkedin::Linkedin,
        Kind::Facebook => &facebook::Facebook,
        Kind::Threads => &threads::Threads,
        Kind::Reddit => &reddit::Reddit,
        Kind::Pinterest => &pinterest::Pinterest,
        Kind::Wechat => &wechat::Wechat,
        Kind::WechatTemplate => &wechat_template::WechatTemplate,
        Kind::Weibo => &weibo::Weibo,
        Kind::Douyin => &douyin::Douyin,
        Kind::Wecom => &wecom::Wecom,
        Kind::Dingtalk => &dingtalk::Dingtalk,
        Kind::Feishu => &feishu::Feishu,
        Kind::Mastodon => &mastodon::Mastodon,
        Kind::Bluesky => &bluesky::Bluesky,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use fake_server::{Fault, Kind};

    use crate::probe::Probe;

    /// Returns the status, the significant headers and the body with which every network replies to
    /// every vendor error.
    #[test]
    fn every_network_has_its_own_words_for_trouble() {
        let faults = [
            Fault::RateLimited { seconds: 90 },
            Fault::ExpiredToken,
            Fault::Revoked,
            Fault::RejectText("not here".to_owned()),
        ];
        let mut table = String::new();
        for kind in Kind::all() {
            writeln!(table, "{kind}").unwrap();
            for fault in &faults {
                let reply = Probe::post(kind, "/x").error_reply(fault);
                assert!(reply.refused.is_some(), "{kind} {fault:?}");
                let body = String::from_utf8(reply.body.to_vec()).unwrap();
                let headers = reply.headers.iter().filter(|(name, _)| *name != "content-type");
                let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
                writeln!(table, "  {} {} {}", reply.status, headers.join(" | "), body.trim()).unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_request_causes_a_panic() {
        let bodies: [&[u8]; 6] =
            [b"", b"{}", b"[]", b"{\"text\":null,\"msgtype\":1,\"blocks\":[null]}", b"\xff\xfe", b"--b\r\n"];
        let kinds =
            ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""];
        let paths = [
            "/",
            "//",
            "/%",
            "/x/y/z/%ff?access_token=x&sign=%",
            "/api/submit",
            "/services///",
            "/bot/x",
            "/v5/pins",
        ];
        for kind in Kind::all() {
            for path in paths {
                for body in bodies {
                    for media in kinds {
                        let mut probe = Probe::post(kind, path).bearer().bytes(media, body);
                        probe.publishes();
                        assert!(probe.reply().refused.is_some(), "{kind} {path} {body:?} {media}");
                        assert_eq!(probe.state.accepted, 0);
                    }
                }
            }
        }
    }
}
