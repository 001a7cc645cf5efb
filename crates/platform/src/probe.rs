//! A client that calls a network without HTTP, for tables of requests in unit tests.

use std::fmt::Display;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use fake_server::{Fault, Kind, NetworkState, Received, Reply, Request, account, form};
use serde_json::Value;

use crate::registry;

/// One request, and the state of the network that receives it.
pub(crate) struct Probe {
    kind: Kind,
    request: Request,
    pub(crate) state: NetworkState,
}

/// The default time of a request: 2026-08-22T10:00:00Z.
pub(crate) const NOW: i64 = 1_787_392_800_000;

impl Probe {
    pub(crate) fn new(kind: Kind, method: Method, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request {
            method,
            path: path.to_owned(),
            query: form::urlencoded(query.as_bytes()),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            at: NOW,
            base: format!("http://127.0.0.1:1/{kind}"),
        };
        Self { kind, request, state: NetworkState::new(kind) }
    }

    pub(crate) fn post(kind: Kind, path: &str) -> Self {
        Self::new(kind, Method::POST, path)
    }

    pub(crate) fn get(kind: Kind, path: &str) -> Self {
        Self::new(kind, Method::GET, path)
    }

    /// Replaces the request and keeps the state.
    pub(crate) fn then(mut self, next: Self) -> Self {
        self.request = next.request;
        self
    }

    pub(crate) fn at(mut self, at: i64) -> Self {
        self.request.at = at;
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.request.method = Method::from_bytes(method.as_bytes()).unwrap();
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.request.path = path.to_owned();
        self.request.query = form::urlencoded(query.as_bytes());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Display) -> Self {
        let value = HeaderValue::from_str(&format!("{value}")).unwrap();
        self.request.headers.insert(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn header_of(&self, name: &str) -> String {
        self.request.header(name).unwrap().to_owned()
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.request.headers.remove(name);
        self
    }

    /// Adds the account's bearer token.
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

    /// Sets a multipart body of texts and one optional file.
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
        self.request.body = body.into();
        self.header("content-type", kind)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.request.body
    }

    /// Sends the request and returns the reply's status and body.
    pub(crate) fn send(&mut self) -> (u16, String) {
        let reply = self.reply();
        (reply.status, String::from_utf8(reply.body.to_vec()).unwrap())
    }

    /// Sends the request and returns the reply's body as JSON.
    pub(crate) fn value(&mut self) -> Value {
        let (_, body) = self.send();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    pub(crate) fn reply(&mut self) -> Reply {
        let network = registry::network(self.kind);
        network.handle(&mut self.state, &self.request).unwrap_or_else(|refusal| refusal)
    }

    /// Returns the network's reply to the vendor error of this fault.
    pub(crate) fn error_reply(&self, fault: &Fault) -> Reply {
        registry::network(self.kind).error_reply(&fault.vendor_error().unwrap(), &self.request)
    }

    pub(crate) fn publishes(&self) -> bool {
        registry::network(self.kind).publishes(&self.request)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.iter().cloned().collect()
    }

    /// Checks that every request is refused with this status, a body that contains these words, and
    /// a reason, and that no post is stored.
    #[track_caller]
    pub(crate) fn table(rows: impl IntoIterator<Item = (Self, u16, &'static str)>) {
        for (number, (mut probe, status, words)) in rows.into_iter().enumerate() {
            let before = probe.state.accepted;
            let reply = probe.reply();
            let body = String::from_utf8_lossy(&reply.body).into_owned();
            assert!(reply.status == status && body.contains(words), "row {number}: {} {body}", reply.status);
            assert!(reply.refused.is_some(), "row {number}: no reason: {body}");
            assert_eq!(probe.state.accepted, before, "row {number} was stored");
        }
    }
}
