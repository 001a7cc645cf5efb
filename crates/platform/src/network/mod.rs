//! The networks: one file each, which checks a request as its vendor does and answers as its vendor does.

mod aliyun_sms;
mod bluesky;
mod bluesky_post;
mod dingtalk;
mod discord;
mod discord_message;
mod douyin;
mod facebook;
mod feishu;
mod feishu_card;
mod graph;
mod linkedin;
mod linkedin_text;
mod mastodon;
mod mastodon_text;
mod matrix;
mod mattermost;
mod ntfy;
mod pinterest;
mod reddit;
mod slack;
mod slack_blocks;
mod sms;
mod teams;
mod telegram;
mod telegram_html;
mod threads;
mod twilio;
mod webhook;
mod wechat;
mod wechat_api;
mod wechat_template;
mod wecom;
mod weibo;
mod x;
mod x_text;

use std::fmt::Debug;

use crate::Kind;
use crate::answer::{Answer, Reply};
use crate::ask::Ask;
use crate::fault::Trouble;
use crate::pace::Ceiling;
use crate::room::Room;

/// What differs between networks.
pub(crate) trait Network: Debug + Sync {
    /// Whether the request would make a post, were it taken.
    fn publishes(&self, ask: &Ask) -> bool;

    /// Takes or refuses a request. `Err` holds the refusal as the vendor words it, with why.
    fn play(&self, room: &mut Room, ask: &Ask) -> Answer;

    /// What the vendor says in this trouble.
    fn trouble(&self, trouble: &Trouble, ask: &Ask) -> Reply;

    /// What the vendor publishes as the most posts that it takes.
    fn ceilings(&self) -> &'static [Ceiling] {
        &[]
    }

    /// The same for requests that make no post: logins, uploads.
    fn other_ceilings(&self, _: &Ask) -> &'static [Ceiling] {
        &[]
    }

    /// What a ceiling is for: the address that is posted to, or a part of it.
    fn paced_by(&self, ask: &Ask) -> String {
        let credential = ["key", "access_token"].iter().find_map(|name| ask.param(name)).unwrap_or_default();
        format!("{} {credential}", ask.path)
    }
}

/// The network of this kind.
pub(crate) fn of(kind: Kind) -> &'static dyn Network {
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
mod probe;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::Fault;
    use crate::network::probe::Probe;

    /// Status, telling headers and body of everything that every network says in trouble.
    #[test]
    fn every_network_has_its_own_words_for_trouble() {
        let faults = [
            Fault::RateLimited { seconds: 90 },
            Fault::ExpiredToken,
            Fault::Revoked,
            Fault::RejectText("not here".to_owned()),
        ];
        let mut told = String::new();
        for kind in Kind::all() {
            writeln!(told, "{kind}").unwrap();
            for fault in &faults {
                let reply = Probe::post(kind, "/x").trouble(fault);
                assert!(reply.refused.is_some(), "{kind} {fault:?}");
                let body = String::from_utf8(reply.body.to_vec()).unwrap();
                let headers = reply.headers.iter().filter(|(name, _)| *name != "content-type");
                let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
                writeln!(told, "  {} {} {}", reply.status, headers.join(" | "), body.trim()).unwrap();
            }
        }
        insta::assert_snapshot!(told);
    }

    #[test]
    fn nothing_that_anybody_sends_ends_in_a_panic() {
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
                        assert_eq!(probe.room.accepted, 0);
                    }
                }
            }
        }
    }
}
