//! The state of one network: its posts, the log of its requests, and the faults to come.

use std::collections::VecDeque;

use axum::body::Bytes;
use serde_json::Value;

use crate::bounded::{BoundedMap, RecentList};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::reply::Reply;
use crate::request::Request;
use crate::text;

/// The largest number of notes, sessions and uploads of a network.
const MAX_ENTRIES: usize = 1000;
/// The largest number of replies that are remembered for repetition.
const MAX_REPLIES: usize = 20_000;
/// The largest total size of a network's uploads, in bytes.
const MAX_UPLOAD_BYTES: usize = 3 << 20;
/// The longest string in a stored request body, in bytes.
const MAX_RAW_BYTES: usize = 4 << 10;
/// The longest stored text, in bytes. Some networks count graphemes, each of which can have any
/// number of bytes.
const MAX_TEXT_BYTES: usize = 256 << 10;
/// The longest body in the log of requests, in bytes.
const MAX_LOGGED_BYTES: usize = 4 << 10;

/// A post as the network stored it.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The time of arrival, in Unix milliseconds.
    pub at: i64,
    /// The network that stored the post.
    pub network: Kind,
    /// The author, or the destination, as the network names it.
    pub account: String,
    /// The network's id of the post.
    pub id: String,
    /// The idempotency key, if the network has one and the request had it.
    pub idempotency: Option<String>,
    /// The visible text, with markup resolved.
    pub text: String,
    /// The headline, if the network has one.
    pub title: Option<String>,
    /// The URLs that people can follow, each once.
    pub links: Vec<String>,
    /// The picture of the post, if any.
    pub image: Option<Picture>,
    /// The buttons of the post, in order.
    pub buttons: Vec<Button>,
    /// The request's body; each string is cut after 4 KiB.
    pub raw: Value,
}

/// A picture of a post.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// The size in bytes of an uploaded picture; 0 if only its URL is known.
    pub bytes: usize,
    /// The picture's alternative text.
    pub alt: Option<String>,
    /// The URL of a picture that was not uploaded.
    pub url: Option<String>,
    /// The id of the upload.
    pub upload: Option<String>,
}

/// A button of a post.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Button {
    /// The visible label of the button.
    pub text: String,
    /// The URL that the button opens.
    pub url: String,
}

/// A logged request, accepted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The time of arrival, in Unix milliseconds.
    pub at: i64,
    /// The method: GET, POST, …
    pub method: String,
    /// Path and query below the network's prefix.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 4 KiB of the body.
    pub body: String,
    /// The status of the response; 0 if there was none.
    pub status: u16,
    /// The reason for the refusal; `None` for an accepted request.
    pub refused: Option<String>,
    /// The fault that applied.
    pub fault: Option<Fault>,
}

/// A post that a network accepts; see [`Received`] for the fields.
#[derive(Debug, Default)]
pub struct Post {
    /// The author, or the destination.
    pub account: String,
    /// The network's id of the post.
    pub id: String,
    /// The idempotency key of the request.
    pub idempotency: Option<String>,
    /// The text, with markup resolved.
    pub text: String,
    /// The headline of the post.
    pub title: Option<String>,
    /// The links that are not in the text.
    pub links: Vec<String>,
    /// The picture of the post.
    pub image: Option<Picture>,
    /// The buttons of the post.
    pub buttons: Vec<Button>,
    /// The body of the request.
    pub raw: Value,
}

/// A file that was uploaded to the network.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The bytes of the file.
    pub bytes: Bytes,
    /// The alternative text that came with it.
    pub alt: Option<String>,
    /// The number of requests for the upload's state.
    pub status_requests: u32,
}

/// The posts, the request log and the faults of one network.
#[derive(Debug)]
pub struct NetworkState {
    kind: Kind,
    /// The newest posts, oldest first.
    pub received: RecentList<Received>,
    /// The newest requests, oldest first.
    pub requests: RecentList<LoggedRequest>,
    /// The number of all posts ever accepted.
    pub accepted: u64,
    /// The faults to come: for a request whose path contains the part, or for the next post.
    pub faults: VecDeque<(Option<String>, Fault)>,
    /// The replies to repeat under the same idempotency key, with the time of the first in Unix
    /// milliseconds.
    pub replies: BoundedMap<(i64, Reply)>,
    /// Notes of the network about single posts.
    pub notes: BoundedMap<Value>,
    /// State that lasts longer than many posts: tokens, and the times of requests.
    pub sessions: BoundedMap<Value>,
    /// The hosts that links may lead to, on networks that require them to be registered.
    pub safe_hosts: Vec<String>,
    uploads: BoundedMap<Upload>,
    upload_bytes: usize,
    serial: u64,
}

impl NetworkState {
    /// Returns the state of a network without posts.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            received: RecentList::new(|post| 512 + post.text.len() + post.raw.to_string().len()),
            requests: RecentList::new(LoggedRequest::weight),
            accepted: 0,
            faults: VecDeque::new(),
            replies: BoundedMap::new(MAX_REPLIES),
            notes: BoundedMap::new(MAX_ENTRIES),
            sessions: BoundedMap::new(MAX_ENTRIES),
            safe_hosts: ["127.0.0.1", "localhost", "harbour.example"].map(str::to_owned).to_vec(),
            uploads: BoundedMap::new(MAX_ENTRIES),
            upload_bytes: 0,
            serial: 0,
        }
    }

    /// Returns the next number: 1, 2, 3 …
    pub fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Stores a post and finds the links in its text.
    pub fn add_post(&mut self, request: &Request, post: Post) {
        let mut links = text::links(&post.text);
        for link in post.links {
            if !links.contains(&link) {
                links.push(link);
            }
        }
        let received = Received {
            at: request.at,
            network: self.kind,
            account: post.account,
            id: post.id,
            idempotency: post.idempotency,
            text: text::clipped(&post.text, MAX_TEXT_BYTES).to_owned(),
            title: post.title.filter(|title| !title.is_empty()),
            links,
            image: post.image,
            buttons: post.buttons,
            raw: pruned(post.raw),
        };
        self.accepted += 1;
        self.received.push(received);
    }

    /// Stores an uploaded file and drops the oldest ones over the limit.
    pub fn add_upload(&mut self, id: &str, bytes: Bytes, alt: Option<String>) {
        self.upload_bytes += bytes.len();
        self.uploads.put(id, Upload { bytes, alt, status_requests: 0 });
        while self.upload_bytes > MAX_UPLOAD_BYTES {
            // The newest one stays, however large: its network has not used it yet.
            let Some(old) = self.uploads.pop_oldest() else { break };
            self.upload_bytes -= old.bytes.len();
        }
    }

    /// Returns an uploaded file by its id.
    pub fn upload(&self, id: &str) -> Option<&Upload> {
        self.uploads.get(id)
    }

    /// Returns an uploaded file by its id, mutable.
    pub fn upload_mut(&mut self, id: &str) -> Option<&mut Upload> {
        self.uploads.get_mut(id)
    }

    /// Returns an upload as the picture of a post.
    pub fn picture(&self, id: &str, alt: Option<&str>) -> Option<Picture> {
        let upload = self.upload(id)?;
        let alt = alt.map(str::to_owned).or_else(|| upload.alt.clone()).filter(|alt| !alt.is_empty());
        Some(Picture { bytes: upload.bytes.len(), alt, url: None, upload: Some(id.to_owned()) })
    }
}

impl Picture {
    /// Returns a picture of which only the URL is known.
    pub fn at(url: &str, alt: Option<&str>) -> Self {
        let alt = alt.filter(|alt| !alt.is_empty()).map(str::to_owned);
        Self { bytes: 0, alt, url: Some(url.to_owned()), upload: None }
    }
}

impl LoggedRequest {
    /// Estimates the request's size in memory, in bytes.
    fn weight(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| 48 + name.len() + value.len());
        256 + self.body.len() + self.path.len() + headers.sum::<usize>()
    }

    /// Logs a request and its reply, which is `None` if no response was sent.
    pub(crate) fn new(request: &Request, reply: Option<&Reply>, fault: Option<Fault>) -> Self {
        let query: Vec<String> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let headers = request.headers.iter();
        let headers =
            headers.map(|(k, v)| (k.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()));
        Self {
            at: request.at,
            method: request.method.to_string(),
            path: format!("{}{mark}{}", request.path, query.join("&")),
            headers: headers.collect(),
            body: text::clipped(
                &String::from_utf8_lossy(&request.body[..request.body.len().min(MAX_LOGGED_BYTES)]),
                MAX_LOGGED_BYTES,
            )
            .to_owned(),
            status: reply.map_or(0, |reply| reply.status),
            refused: reply.and_then(|reply| reply.refused.clone()),
            fault,
        }
    }
}

/// Cuts long strings and notes their length.
fn pruned(value: Value) -> Value {
    match value {
        Value::String(long) if long.len() > MAX_RAW_BYTES => {
            Value::String(format!("{}… ({} bytes)", text::clipped(&long, MAX_RAW_BYTES), long.len()))
        }
        Value::Array(items) => items.into_iter().map(pruned).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, pruned(value))).collect(),
        other => other,
    }
}
