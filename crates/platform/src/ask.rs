//! A request as a network sees it.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use crate::form::{self, Part};

/// A request, its path without the network's prefix.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// GET, POST, …
    pub(crate) method: Method,
    /// Begins with `/`; still percent-encoded.
    pub(crate) path: String,
    /// Decoded, in the order of the address.
    pub(crate) query: Vec<(String, String)>,
    /// All of them.
    pub(crate) headers: HeaderMap,
    /// All of it.
    pub(crate) body: Bytes,
    /// When it came, in Unix milliseconds.
    pub(crate) at: i64,
    /// Where the network is played, without a slash at the end.
    pub(crate) base: String,
}

impl Ask {
    /// Whether it is this method.
    pub(crate) fn is(&self, method: &Method) -> bool {
        self.method == method
    }

    /// Unix seconds.
    pub(crate) fn seconds(&self) -> i64 {
        self.at.div_euclid(1000)
    }

    /// When it came, as RFC 3339 with milliseconds.
    pub(crate) fn stamp(&self) -> String {
        stamp(self.at)
    }

    /// The parts of the path, decoded.
    pub(crate) fn parts(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(form::percent_decoded).collect()
    }

    /// A header that is a text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What `Authorization: Bearer` says.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// A parameter of the address.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The media type of the body, without its parameters, in small letters.
    pub(crate) fn media_type(&self) -> String {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether the body says that it is JSON.
    pub(crate) fn says_json(&self) -> bool {
        self.media_type() == "application/json"
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a JSON object that says it is JSON.
    pub(crate) fn object(&self) -> Option<Value> {
        self.json().filter(|value| self.says_json() && value.is_object())
    }

    /// The fields of a form, urlencoded or multipart; files are left out.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        match self.media_type().as_str() {
            "application/x-www-form-urlencoded" => form::urlencoded(&self.body),
            "multipart/form-data" => {
                let texts = self.files().into_iter().filter(|part| part.file.is_none());
                texts.map(|part| (part.name, String::from_utf8_lossy(&part.body).into_owned())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The parts of a multipart body; none where it is not well made.
    pub(crate) fn files(&self) -> Vec<Part> {
        form::multipart(self.header("content-type").unwrap_or_default(), &self.body).unwrap_or_default()
    }
}

/// Unix milliseconds as RFC 3339 with milliseconds.
pub(crate) fn stamp(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The field of this name.
pub(crate) fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A field of a JSON object that is a text.
pub(crate) fn said<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
