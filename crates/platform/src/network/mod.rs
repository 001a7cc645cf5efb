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

    /// What the vendor publishes as the most that it takes.
    fn ceilings(&self) -> &'static [Ceiling] {
        &[]
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
        Kind::Weibo => &weibo::Weibo,
        Kind::Douyin => &douyin::Douyin,
        Kind::Wecom => &wecom::Wecom,
        Kind::Dingtalk => &dingtalk::Dingtalk,
        Kind::Feishu => &feishu::Feishu,
        Kind::Mastodon => &mastodon::Mastodon,
        Kind::Bluesky => &bluesky::Bluesky,
        _ => &webhook::Webhook,
    }
}

#[cfg(test)]
mod probe;
