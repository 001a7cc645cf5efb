//! What a network answers.

use std::fmt::Display;

use axum::body::Bytes;
use serde_json::Value;

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Headers beside Content-Length.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// All of the body.
    pub(crate) body: Bytes,
    /// Why the request was refused, for those who look at the platform; `None` where it was not.
    pub(crate) refused: Option<String>,
}

/// An answer, or a refusal.
pub(crate) type Answer = Result<Reply, Reply>;

impl Reply {
    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), refused: None }
    }

    /// JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::typed(status, "application/json; charset=utf-8", body.to_string())
    }

    /// Plain text.
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", body.into())
    }

    /// A page.
    pub(crate) fn html(status: u16, body: impl Into<String>) -> Self {
        Self::typed(status, "text/html; charset=utf-8", body.into())
    }

    fn typed(status: u16, kind: &str, body: String) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self { status, headers, body: Bytes::from(body), refused: None }
    }

    /// The same with a header, in place of one of this name.
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, format!("{value}")));
        self
    }

    /// The same as a refusal, and why.
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.refused = Some(reason.into());
        self
    }
}

/// `Ok` where `fits`, else the refusal.
pub(crate) fn must(fits: bool, refusal: impl FnOnce() -> Reply) -> Result<(), Reply> {
    if fits { Ok(()) } else { Err(refusal()) }
}
