//! The protocol of a network: pure functions from a post, and from what has been answered so far, to the next request;
//! from an answer to its meaning. Everything else of a network is a row of [`campaign::network::NETWORKS`].

use std::collections::BTreeMap;
use std::fmt::Debug;

use egress::{Request, Response};
use jiff::Timestamp;
use measure::Budget;
use message::Post;
use serde_json::Value;

use crate::access::Access;
use crate::verdict::Verdict;

/// The protocol of a network.
pub(crate) trait Protocol: Debug + Sync {
    /// Returns the next request of a post, given what the ones before were answered. Whatever is asked before the one
    /// that publishes may be asked any number of times.
    ///
    /// # Errors
    /// This post cannot be made at all.
    fn next(&self, access: &Access, post: &Post, known: &Known) -> Result<Request, ComposeError>;

    /// Returns the meaning of an answer to one of its requests.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict;

    /// Returns every limit of the network on this post, with how much of it is used: the limits that the place itself
    /// has told, as far as `known` holds them, else the usual ones.
    fn budgets(&self, _post: &Post, _known: &Known) -> Vec<Budget> {
        Vec::new()
    }

    /// Returns the next request of a search for a post of which nobody knows whether it arrived; the last one is called
    /// [`LOOK_UP`]. None where there is no such search.
    fn look_up(&self, _access: &Access, _post: &Post, _known: &Known) -> Option<Request> {
        None
    }

    /// Returns [`Verdict::Sent`] if the answer to [`LOOK_UP`] holds the post.
    fn found(&self, _access: &Access, _post: &Post, _answer: &Response) -> Option<Verdict> {
        None
    }

    /// Returns a request that shows whether the account can be used, and posts nothing. `now` dates signatures. None
    /// where there is no such request.
    fn examine(&self, _access: &Access, _now: Timestamp) -> Option<Request> {
        None
    }

    /// Checks the account's settings beyond their being there.
    ///
    /// # Errors
    /// They cannot be used; the text holds no secret.
    fn ready(&self, _access: &Access) -> Result<(), ComposeError> {
        Ok(())
    }

    /// Returns an answer like those that a preparation gets, to show requests without making them.
    fn example(&self, _name: &str) -> Value {
        Value::Null
    }
}

/// Reason for which a post cannot be made for a network, in words for people.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The network's own template is not JSON.
    #[error("its template is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// The post lacks what the network asks for, or has what the network does not take.
    #[error("{0}")]
    Unsuitable(String),
}

impl From<String> for ComposeError {
    fn from(text: String) -> Self {
        Self::Unsuitable(text)
    }
}

impl From<&str> for ComposeError {
    fn from(text: &str) -> Self {
        Self::Unsuitable(text.to_owned())
    }
}

/// The name of the request that looks a post up.
pub(crate) const LOOK_UP: &str = "look-up";

/// What has been answered so far, by the names of the requests, and what time it is.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    now: Timestamp,
    answers: BTreeMap<&'static str, Response>,
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
    pub(crate) fn get(&self, name: &str) -> Option<&Response> {
        self.answers.get(name)
    }

    /// A text in the JSON that the request of that name was answered: `pointer` as in RFC 6901. Numbers count.
    pub(crate) fn text(&self, name: &str, pointer: &str) -> Option<String> {
        text_at(&self.get(name)?.json(), pointer)
    }

    /// Keeps an answer.
    pub(crate) fn put(&mut self, name: &'static str, answer: Response) {
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
