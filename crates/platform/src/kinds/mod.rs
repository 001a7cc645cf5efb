//! The server sides of the networks, one file each: how the vendor checks a request, and how it
//! words its answers.

pub(crate) mod aliyun_sms;
pub(crate) mod bluesky;
mod bluesky_post;
pub(crate) mod dingtalk;
pub(crate) mod discord;
mod discord_message;
pub(crate) mod douyin;
pub(crate) mod facebook;
pub(crate) mod feishu;
mod feishu_card;
mod graph;
pub(crate) mod linkedin;
mod linkedin_text;
pub(crate) mod mastodon;
mod mastodon_text;
pub(crate) mod matrix;
pub(crate) mod mattermost;
pub(crate) mod ntfy;
pub(crate) mod pinterest;
pub(crate) mod reddit;
pub(crate) mod slack;
mod slack_blocks;
mod sms;
pub(crate) mod teams;
pub(crate) mod telegram;
mod telegram_html;
pub(crate) mod threads;
pub(crate) mod twilio;
pub(crate) mod webhook;
pub(crate) mod wechat;
mod wechat_api;
pub(crate) mod wechat_template;
pub(crate) mod wecom;
pub(crate) mod weibo;
pub(crate) mod x;
mod x_text;
