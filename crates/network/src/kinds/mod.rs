//! The protocols of the networks, one file each.

pub(crate) mod aliyun_sms;
pub(crate) mod bluesky;
pub(crate) mod dingtalk;
pub(crate) mod discord;
pub(crate) mod douyin;
pub(crate) mod facebook;
pub(crate) mod feishu;
pub(crate) mod linkedin;
pub(crate) mod mastodon;
pub(crate) mod matrix;
pub(crate) mod mattermost;
pub(crate) mod ntfy;
pub(crate) mod pinterest;
pub(crate) mod reddit;
pub(crate) mod slack;
pub(crate) mod teams;
pub(crate) mod telegram;
pub(crate) mod threads;
pub(crate) mod twilio;
pub(crate) mod webhook;
pub(crate) mod wechat;
pub(crate) mod wechat_template;
pub(crate) mod wecom;
pub(crate) mod weibo;
pub(crate) mod x;
