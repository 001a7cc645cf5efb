//! Asks a network without a server, for the tables of tests.

use std::fmt::Display;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::account::account;
use crate::ask::Ask;
use crate::form;
use crate::room::{Received, Room};
use crate::{Fault, Kind};

/// One request, and the room it is sent to.
pub(crate) struct Probe {
    kind: Kind,
    ask: Ask,
    pub(crate) room: Room,
}

/// When a request comes, unless it says otherwise: 2026-08-22T10:00:00Z.
pub(crate) const NOW: i64 = 1_787_392_800_000;

impl Probe {
    pub(crate) fn new(kind: Kind, method: Method, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let ask = Ask {
            method,
            path: path.to_owned(),
            query: form::urlencoded(query.as_bytes()),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            at: NOW,
            base: format!("http://127.0.0.1:1/{kind}"),
        };
        Self { kind, ask, room: Room::new(kind) }
    }

    pub(crate) fn post(kind: Kind, path: &str) -> Self {
        Self::new(kind, Method::POST, path)
    }

    pub(crate) fn get(kind: Kind, path: &str) -> Self {
        Self::new(kind, Method::GET, path)
    }

    /// Another request to the same room.
    pub(crate) fn then(mut self, next: Self) -> Self {
        self.ask = next.ask;
        self
    }

    pub(crate) fn at(mut self, at: i64) -> Self {
        self.ask.at = at;
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.ask.method = Method::from_bytes(method.as_bytes()).unwrap();
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.ask.path = path.to_owned();
        self.ask.query = form::urlencoded(query.as_bytes());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Display) -> Self {
        let value = HeaderValue::from_str(&format!("{value}")).unwrap();
        self.ask.headers.insert(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn header_of(&self, name: &str) -> String {
        self.ask.header(name).unwrap().to_owned()
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.ask.headers.remove(name);
        self
    }

    /// With the account's bearer token.
    pub(crate) fn bearer(self) -> Self {
        let token = account(self.kind).token.unwrap_or("nobody");
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string())
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.bytes("application/x-www-form-urlencoded", body)
    }

    /// A multipart body: texts, and one file.
    pub(crate) fn multipart(self, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Self {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        if let Some((name, bytes)) = file {
            let head = "filename=\"a.png\"\r\nContent-Type: image/png";
            body.extend(
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; {head}\r\n\r\n").bytes(),
            );
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        self.bytes("multipart/form-data; boundary=b", body)
    }

    pub(crate) fn bytes(mut self, kind: &str, body: impl Into<Bytes>) -> Self {
        self.ask.body = body.into();
        self.header("content-type", kind)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.ask.body
    }

    /// Status and body of the answer.
    pub(crate) fn send(&mut self) -> (u16, String) {
        let reply = self.reply();
        (reply.status, String::from_utf8(reply.body.to_vec()).unwrap())
    }

    /// The answer's body as JSON.
    pub(crate) fn value(&mut self) -> Value {
        let (_, body) = self.send();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    pub(crate) fn reply(&mut self) -> crate::answer::Reply {
        let network = super::of(self.kind);
        network.play(&mut self.room, &self.ask).unwrap_or_else(|refusal| refusal)
    }

    /// What the network says when this goes wrong.
    pub(crate) fn trouble(&self, fault: &Fault) -> crate::answer::Reply {
        super::of(self.kind).trouble(&fault.trouble().unwrap(), &self.ask)
    }

    pub(crate) fn publishes(&self) -> bool {
        super::of(self.kind).publishes(&self.ask)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.room.received.iter().cloned().collect()
    }

    /// Every row is refused with this status and a body that says this, keeps nothing, and has a reason.
    #[track_caller]
    pub(crate) fn table(rows: impl IntoIterator<Item = (Self, u16, &'static str)>) {
        for (number, (mut probe, status, words)) in rows.into_iter().enumerate() {
            let before = probe.room.accepted;
            let reply = probe.reply();
            let body = String::from_utf8_lossy(&reply.body).into_owned();
            assert!(reply.status == status && body.contains(words), "row {number}: {} {body}", reply.status);
            assert!(reply.refused.is_some(), "row {number}: no reason: {body}");
            assert_eq!(probe.room.accepted, before, "row {number} was kept");
        }
    }
}
