//! The networks: one file each, which checks a request as its vendor does and answers as its vendor does.

mod bluesky;
mod bluesky_post;
mod dingtalk;
mod discord;
mod discord_message;
mod feishu;
mod feishu_card;
mod mastodon;
mod mastodon_text;
mod matrix;
mod mattermost;
mod ntfy;
mod slack;
mod slack_blocks;
mod teams;
mod telegram;
mod telegram_html;
mod webhook;
mod wecom;

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
