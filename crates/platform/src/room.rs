//! What one network has taken and been asked.

use std::collections::VecDeque;

use axum::body::Bytes;
use serde_json::Value;

use crate::answer::Reply;
use crate::ask::Ask;
use crate::notes::{Notes, Shelf};
use crate::text;
use crate::{Fault, Kind};

/// How many posts and requests are kept per network.
const KEPT: usize = 1000;
/// How many answers are remembered, to be given again.
const ANSWERS: usize = 20_000;
/// How many bytes of pictures are kept per network.
const BYTES: usize = 3 << 20;
/// Longer texts in raw posts are cut.
const RAW: usize = 4 << 10;
/// Bytes of a post's text; graphemes may be as long as they like, and some networks count these.
const TEXT: usize = 256 << 10;
/// How much of a request's body is kept.
const BODY: usize = 4 << 10;

/// A post as the network stored it.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// Which network.
    pub network: Kind,
    /// Who posted, or where: as the network calls them.
    pub account: String,
    /// What the network calls the post.
    pub id: String,
    /// The key that makes a second try the same post, where the network has one and the request said one.
    pub idempotency: Option<String>,
    /// What people read, markup resolved.
    pub text: String,
    /// A headline, where the network has one.
    pub title: Option<String>,
    /// The addresses that people can follow, each once.
    pub links: Vec<String>,
    /// The picture.
    pub image: Option<Picture>,
    /// Buttons with addresses.
    pub buttons: Vec<Button>,
    /// The request's body as it was read; long texts are cut.
    pub raw: Value,
}

/// A picture of a post.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Its size, where it was uploaded; 0 where only its address was said.
    pub bytes: usize,
    /// The alternative text.
    pub alt: Option<String>,
    /// Its address, where it was not uploaded.
    pub url: Option<String>,
    /// The upload's name in the album.
    pub(crate) upload: Option<String>,
}

/// A button of a post.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub text: String,
    /// Where it leads.
    pub url: String,
}

/// A request, taken or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// GET, POST, …
    pub method: String,
    /// Path and query below the network's prefix.
    pub path: String,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The first 4 KiB of the body.
    pub body: String,
    /// The status it was answered with; 0 where there was no answer.
    pub status: u16,
    /// Why it was refused; `None` where it was not.
    pub refused: Option<String>,
    /// What went wrong on demand.
    pub fault: Option<Fault>,
}

/// What a network file says of a post that it takes.
#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) idempotency: Option<String>,
    pub(crate) text: String,
    pub(crate) title: Option<String>,
    /// Beside those that stand in the text.
    pub(crate) links: Vec<String>,
    pub(crate) image: Option<Picture>,
    pub(crate) buttons: Vec<Button>,
    pub(crate) raw: Value,
}

/// An uploaded file.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Its bytes.
    pub(crate) bytes: Bytes,
    /// The alternative text that came with it.
    pub(crate) alt: Option<String>,
    /// How often its state was asked for.
    pub(crate) asked: u32,
}

/// What a network remembers.
#[derive(Debug)]
pub(crate) struct Room {
    kind: Kind,
    /// Posts, oldest first.
    pub(crate) received: Shelf<Received>,
    /// Requests, oldest first.
    pub(crate) requests: Shelf<Request>,
    /// How many posts were ever taken.
    pub(crate) accepted: u64,
    /// What is to go wrong: with requests whose path has this part, or with the next post.
    pub(crate) faults: VecDeque<(Option<String>, Fault)>,
    /// Answers that are given again, with the time of the first.
    pub(crate) once: Notes<(i64, Reply)>,
    /// Whatever else the network has to know of single posts.
    pub(crate) notes: Notes<Value>,
    /// What outlives many posts: tokens, and when posts came.
    pub(crate) sessions: Notes<Value>,
    /// Hosts that links may lead to, where the network asks for it.
    pub(crate) safe_hosts: Vec<String>,
    album: Notes<Upload>,
    album_bytes: usize,
    serial: u64,
}

impl Room {
    /// An empty one.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            received: Shelf::new(|post| 512 + post.text.len() + post.raw.to_string().len()),
            requests: Shelf::new(Request::weight),
            accepted: 0,
            faults: VecDeque::new(),
            once: Notes::new(ANSWERS),
            notes: Notes::new(KEPT),
            sessions: Notes::new(KEPT),
            safe_hosts: ["127.0.0.1", "localhost", "harbour.example"].map(str::to_owned).to_vec(),
            album: Notes::new(KEPT),
            album_bytes: 0,
            serial: 0,
        }
    }

    /// A number that was not given before.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Keeps a post.
    pub(crate) fn keep(&mut self, ask: &Ask, post: Post) {
        let mut links = text::links(&post.text);
        for link in post.links {
            if !links.contains(&link) {
                links.push(link);
            }
        }
        let received = Received {
            at: ask.at,
            network: self.kind,
            account: post.account,
            id: post.id,
            idempotency: post.idempotency,
            text: text::clipped(&post.text, TEXT).to_owned(),
            title: post.title.filter(|title| !title.is_empty()),
            links,
            image: post.image,
            buttons: post.buttons,
            raw: pruned(post.raw),
        };
        self.accepted += 1;
        self.received.push(received);
    }
    /// Keeps an uploaded file.
    pub(crate) fn upload(&mut self, id: &str, bytes: Bytes, alt: Option<String>) {
        self.album_bytes += bytes.len();
        self.album.put(id, Upload { bytes, alt, asked: 0 });
        while self.album_bytes > BYTES {
            // The newest stays, however large: its network has not used it yet.
            let Some(old) = self.album.forget_oldest() else { break };
            self.album_bytes -= old.bytes.len();
        }
    }

    /// An uploaded file.
    pub(crate) fn uploaded(&self, id: &str) -> Option<&Upload> {
        self.album.get(id)
    }

    /// An uploaded file, to be changed.
    pub(crate) fn uploaded_mut(&mut self, id: &str) -> Option<&mut Upload> {
        self.album.get_mut(id)
    }

    /// The picture that an upload makes.
    pub(crate) fn picture(&self, id: &str, alt: Option<&str>) -> Option<Picture> {
        let upload = self.uploaded(id)?;
        let alt = alt.map(str::to_owned).or_else(|| upload.alt.clone()).filter(|alt| !alt.is_empty());
        Some(Picture { bytes: upload.bytes.len(), alt, url: None, upload: Some(id.to_owned()) })
    }
}

impl Picture {
    /// A picture of which only the address is known.
    pub(crate) fn at(url: &str, alt: Option<&str>) -> Self {
        let alt = alt.filter(|alt| !alt.is_empty()).map(str::to_owned);
        Self { bytes: 0, alt, url: Some(url.to_owned()), upload: None }
    }
}

impl Request {
    /// Its bytes, about.
    fn weight(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| 48 + name.len() + value.len());
        256 + self.body.len() + self.path.len() + headers.sum::<usize>()
    }

    /// What was asked and how it was answered.
    pub(crate) fn of(ask: &Ask, reply: Option<&Reply>, fault: Option<Fault>) -> Self {
        let query: Vec<String> = ask.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let headers = ask.headers.iter();
        let headers =
            headers.map(|(k, v)| (k.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()));
        Self {
            at: ask.at,
            method: ask.method.to_string(),
            path: format!("{}{mark}{}", ask.path, query.join("&")),
            headers: headers.collect(),
            body: text::clipped(&String::from_utf8_lossy(&ask.body[..ask.body.len().min(BODY)]), BODY)
                .to_owned(),
            status: reply.map_or(0, |reply| reply.status),
            refused: reply.and_then(|reply| reply.refused.clone()),
            fault,
        }
    }
}

/// Long texts cut, and said so.
fn pruned(value: Value) -> Value {
    match value {
        Value::String(long) if long.len() > RAW => {
            Value::String(format!("{}… ({} bytes)", text::clipped(&long, RAW), long.len()))
        }
        Value::Array(items) => items.into_iter().map(pruned).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, pruned(value))).collect(),
        other => other,
    }
}
