//! A request to a network.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use crate::form::{self, Part};

/// A request to one network.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// The path below the network's prefix, with a `/` in front and percent-encoded.
    pub path: String,
    /// The parameters of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The time of arrival, in Unix milliseconds.
    pub at: i64,
    /// The network's base URL, without a slash at the end.
    pub base: String,
}

impl Request {
    /// Returns true where the method is this one.
    pub fn is(&self, method: &Method) -> bool {
        self.method == method
    }

    /// The time of arrival in Unix seconds.
    pub fn seconds(&self) -> i64 {
        self.at.div_euclid(1000)
    }

    /// The time of arrival as RFC 3339 with milliseconds.
    pub fn rfc3339(&self) -> String {
        rfc3339(self.at)
    }

    /// The segments of the path, decoded, empty ones left out.
    pub fn parts(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(form::percent_decoded).collect()
    }

    /// The value of a header, where it is ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The first parameter of this name in the query.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The media type of the body, without its parameters, in lower case.
    pub fn media_type(&self) -> String {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Returns true where the content type is JSON.
    pub fn says_json(&self) -> bool {
        self.media_type() == "application/json"
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a JSON object, where the content type is JSON too.
    pub fn object(&self) -> Option<Value> {
        self.json().filter(|value| self.says_json() && value.is_object())
    }

    /// The fields of a form, urlencoded or multipart; files are left out.
    pub fn fields(&self) -> Vec<(String, String)> {
        match self.media_type().as_str() {
            "application/x-www-form-urlencoded" => form::urlencoded(&self.body),
            "multipart/form-data" => {
                let texts = self.files().into_iter().filter(|part| part.file.is_none());
                texts.map(|part| (part.name, String::from_utf8_lossy(&part.body).into_owned())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The parts of a multipart body; none where it is malformed.
    pub fn files(&self) -> Vec<Part> {
        form::multipart(self.header("content-type").unwrap_or_default(), &self.body).unwrap_or_default()
    }
}

/// Formats Unix milliseconds as RFC 3339 with milliseconds.
pub fn rfc3339(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The value of the first field of this name.
pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The field of a JSON object, where it is a string.
pub fn text_field<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
