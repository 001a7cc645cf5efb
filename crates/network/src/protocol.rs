//! The protocol of a network as pure functions: from a post and the answers so far to the next
//! request, and from an answer to its meaning. All other facts about a network are a row of
//! [`campaign::network::NETWORKS`].

use std::collections::BTreeMap;
use std::fmt::Debug;

use egress::{Request, Response};
use jiff::Timestamp;
use measure::LengthBudget;
use message::Post;
use serde_json::Value;

use crate::access::Access;
use crate::verdict::Verdict;

/// A network's requests and the meaning of its answers.
pub(crate) trait Protocol: Debug + Sync {
    /// Returns the next request of a post, given the answers to the requests before it. Requests
    /// before the one that publishes may be repeated any number of times.
    ///
    /// # Errors
    /// The network cannot take this post.
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError>;

    /// Returns the meaning of an answer to one of the network's requests.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict;

    /// Returns every limit of the network on this post with the amount used: the limits that the
    /// instance reported, as far as `prior` holds them, else the usual ones.
    fn budgets(&self, _post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        Vec::new()
    }

    /// Returns the next request of a search for a post whose outcome is unknown; the last one is
    /// named [`LOOK_UP`]. `None` if the network has no such search.
    fn look_up(&self, _access: &Access, _post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        None
    }

    /// Returns [`Verdict::Sent`] if the answer to [`LOOK_UP`] holds the post.
    fn find_post(&self, _access: &Access, _post: &Post, _answer: &Response) -> Option<Verdict> {
        None
    }

    /// Returns a request that tests the account's credentials and posts nothing. `now` dates
    /// signatures. `None` if the network has no such request.
    fn access_check(&self, _access: &Access, _now: Timestamp) -> Option<Request> {
        None
    }

    /// Checks the account's settings beyond their presence.
    ///
    /// # Errors
    /// The settings cannot be used; the text contains no secret.
    fn check_settings(&self, _access: &Access) -> Result<(), ComposeError> {
        Ok(())
    }

    /// Returns a sample answer to a preparing request, to show requests without making them.
    fn example_answer(&self, _name: &str) -> Value {
        Value::Null
    }
}

/// The reason for which a post cannot be made for a network, for the user.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The network's custom template is not JSON.
    #[error("its template is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// The post lacks something the network requires, or has something the network does not accept.
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

/// The name of the request that searches for a post.
pub(crate) const LOOK_UP: &str = "look-up";

/// The answers to a post's earlier requests, by the names of the requests, and the current time.
#[derive(Debug, Clone)]
pub(crate) struct PriorAnswers {
    now: Timestamp,
    answers: BTreeMap<&'static str, Response>,
}

impl PriorAnswers {
    /// Starts without any answer.
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { now, answers: BTreeMap::new() }
    }

    /// Returns the time at which the post is sent, which dates signatures.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns true if there is no answer yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Returns the answer to the request `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Response> {
        self.answers.get(name)
    }

    /// Returns a text or number in the JSON answer to the request `name`; `pointer` is a JSON
    /// pointer (RFC 6901).
    pub(crate) fn text(&self, name: &str, pointer: &str) -> Option<String> {
        text_at(&self.get(name)?.json(), pointer)
    }

    /// Stores the answer to the request `name`.
    pub(crate) fn put(&mut self, name: &'static str, answer: Response) {
        self.answers.insert(name, answer);
    }
}

/// Returns a text or number in JSON as text; empty text counts as absent.
pub(crate) fn text_at(json: &Value, pointer: &str) -> Option<String> {
    match json.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
