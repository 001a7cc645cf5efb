//! The reply of a network to a request.

use std::fmt::Display;

use axum::body::Bytes;
use serde_json::Value;

/// A network's reply to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The headers, without Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// The complete body, without transfer encoding.
    pub body: Bytes,
    /// The reason for the refusal, for tests and their reader; `None` for an accepted request.
    pub refused: Option<String>,
}

/// A reply, or a refusal, which is a reply with a reason.
pub type Answer = Result<Reply, Reply>;

impl Reply {
    /// Returns a reply without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), refused: None }
    }

    /// Returns a reply with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::typed(status, "application/json; charset=utf-8", body.to_string())
    }

    /// Returns a reply with a plain-text body.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", body.into())
    }

    /// Returns a reply with an HTML body.
    pub fn html(status: u16, body: impl Into<String>) -> Self {
        Self::typed(status, "text/html; charset=utf-8", body.into())
    }

    fn typed(status: u16, kind: &str, body: String) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self { status, headers, body: Bytes::from(body), refused: None }
    }

    /// Sets a header, replacing one of the same name.
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, format!("{value}")));
        self
    }

    /// Makes the reply a refusal for this reason.
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.refused = Some(reason.into());
        self
    }
}

/// Checks a rule.
///
/// # Errors
/// The refusal, if the rule does not hold.
pub fn ensure(fits: bool, refusal: impl FnOnce() -> Reply) -> Result<(), Reply> {
    if fits { Ok(()) } else { Err(refusal()) }
}
