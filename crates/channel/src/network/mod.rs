//! The networks: what differs between them, one small file each. A network is pure: from a post, and from what
//! has been answered so far, it makes the next request; from an answer, its meaning. [`line`] does the rest.

mod access;
mod answer;
mod line;
mod request;
mod shown;
mod verdict;

mod again;
mod aliyun_sms;
mod bluesky;
#[cfg(test)]
mod credentials;
mod dingtalk;
mod discord;
mod douyin;
mod facebook;
mod feishu;
mod form;
mod graph;
mod html;
pub(crate) mod keyword;
mod linkedin;
mod marked;
mod mastodon;
mod matrix;
mod mattermost;
mod mention;
mod ntfy;
mod own;
mod picture;
mod pinterest;
mod reddit;
#[cfg(test)]
mod sample;
mod slack;
mod teams;
mod telegram;
mod threads;
mod twilio;
mod webhook;
mod wechat;
mod wechat_template;
mod wecom;
mod weibo;
mod x;

use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use serde_json::Value;

use crate::Post;
use crate::dialect::Dialect;
pub(crate) use access::Access;
pub(crate) use answer::Answer;
pub(crate) use line::{Endpoint, Line};
use measure::Budget;
pub(crate) use request::{Body, Part, Request, segment};
pub use shown::{ShownRequest, budgets, requests};
pub(crate) use verdict::Verdict;

/// What is different about a network.
pub(crate) trait Network: Debug + Sync {
    /// Its name in files.
    fn kind(&self) -> &'static str;

    /// How its texts are marked up.
    fn dialect(&self) -> Dialect;

    /// Whether title and button have places of their own, outside the text.
    fn has_card(&self) -> bool {
        false
    }

    /// Whether it takes pictures as files, and not only by their address.
    fn takes_files(&self) -> bool {
        false
    }

    /// Hosts besides its API's own that get the account's credentials, because uploading a picture needs them there.
    /// Every other address that an answer names is called without.
    fn upload_hosts(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the answer to a post that was taken does not say, for people: where a network does not tell all.
    fn reservation(&self) -> Option<&'static str> {
        None
    }

    /// The next request of a post, given what the ones before were answered. Whatever is asked before the one that
    /// publishes may be asked any number of times.
    ///
    /// # Errors
    /// Why this post cannot be made at all, in words for people.
    fn next(&self, access: &Access, post: &Post, known: &Known) -> Result<Request, String>;

    /// What an answer to one of its requests means.
    fn verdict(&self, request: &Request, answer: &Answer) -> Verdict;

    /// Every limit of the network on this post, with how much of it is used.
    fn budgets(&self, _post: &Post) -> Vec<Budget> {
        Vec::new()
    }

    /// The same by the limits that the place itself has told, as far as `known` holds them.
    fn budgets_there(&self, post: &Post, _known: &Known) -> Vec<Budget> {
        self.budgets(post)
    }

    /// Where a post of which nobody knows whether it arrived can be looked up: the next request of that search,
    /// whose last is called [`LOOK_UP`]. None where it cannot.
    fn look_up(&self, _access: &Access, _post: &Post, _known: &Known) -> Option<Request> {
        None
    }

    /// Whether the answer to [`LOOK_UP`] holds the post: [`Verdict::Sent`] if so.
    fn found(&self, _access: &Access, _post: &Post, _answer: &Answer) -> Option<Verdict> {
        None
    }

    /// A request that shows whether the account can be used, and posts nothing. None where there is no such thing.
    fn examine(&self, _access: &Access) -> Option<Request> {
        None
    }

    /// The same, where such a request says what time it is.
    fn examine_at(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        self.examine(access)
    }

    /// Whether what the account says can be used at all, beyond being there.
    ///
    /// # Errors
    /// What is wrong with it, in words that hold no secret.
    fn ready(&self, _access: &Access) -> Result<(), String> {
        Ok(())
    }

    /// An answer like those that a preparation gets, for those who want to see the requests without making them.
    fn example(&self, _name: &str) -> Value {
        Value::Null
    }
}

/// What the request that looks a post up is called.
pub(crate) const LOOK_UP: &str = "look-up";

/// What has been answered so far, by the names of the requests, and what time it is.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    now: Timestamp,
    answers: BTreeMap<&'static str, Answer>,
}

impl Known {
    /// Nothing yet.
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { now, answers: BTreeMap::new() }
    }

    /// When the post goes: what signatures are dated by.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answer to the request of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Answer> {
        self.answers.get(name)
    }

    /// A text in the JSON that the request of that name was answered: `pointer` as in RFC 6901. Numbers count.
    pub(crate) fn text(&self, name: &str, pointer: &str) -> Option<String> {
        text_at(&self.get(name)?.json(), pointer)
    }

    /// Keeps an answer.
    pub(crate) fn put(&mut self, name: &'static str, answer: Answer) {
        self.answers.insert(name, answer);
    }
}

/// A text or number in JSON, as text.
pub(crate) fn text_at(json: &Value, pointer: &str) -> Option<String> {
    match json.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// All of them, in the order of [`campaign::network::NETWORKS`].
static ALL: &[&dyn Network] = &[
    &webhook::Webhook,
    &slack::Slack,
    &discord::Discord,
    &mattermost::Mattermost,
    &wecom::Wecom,
    &dingtalk::Dingtalk,
    &feishu::Feishu,
    &mastodon::Mastodon,
    &bluesky::Bluesky,
    &telegram::Telegram,
    &teams::Teams,
    &matrix::Matrix,
    &ntfy::Ntfy,
    &twilio::Twilio,
    &aliyun_sms::AliyunSms,
    &x::X,
    &linkedin::LinkedIn,
    &facebook::Facebook,
    &threads::Threads,
    &reddit::Reddit,
    &pinterest::Pinterest,
    &wechat::WeChat,
    &wechat_template::WeChatTemplate,
    &weibo::Weibo,
    &douyin::Douyin,
];

/// The network of a kind.
pub(crate) fn find(kind: &str) -> Option<&'static dyn Network> {
    ALL.iter().copied().find(|network| network.kind() == kind)
}
