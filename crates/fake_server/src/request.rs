//! The request to a network, and access to its parts.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use crate::form::{self, Part};

/// A request to one network.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method: GET, POST, …
    pub method: Method,
    /// The path below the network's prefix, with a leading `/` and percent-encoded.
    pub path: String,
    /// The parameters of the query, decoded and in order.
    pub query: Vec<(String, String)>,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The complete body, without transfer encoding.
    pub body: Bytes,
    /// The time of arrival, in Unix milliseconds.
    pub at: i64,
    /// The network's base URL, without a trailing slash.
    pub base: String,
}

impl Request {
    /// Returns true if the request has this method.
    pub fn is(&self, method: &Method) -> bool {
        self.method == method
    }

    /// Returns the time of arrival in Unix seconds.
    pub fn seconds(&self) -> i64 {
        self.at.div_euclid(1000)
    }

    /// Returns the time of arrival as RFC 3339 with milliseconds.
    pub fn rfc3339(&self) -> String {
        rfc3339(self.at)
    }

    /// Returns the segments of the path, decoded, without empty ones.
    pub fn parts(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(form::percent_decoded).collect()
    }

    /// Returns the value of a header, if it is ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the token of `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// Returns the first parameter of this name in the query.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the media type of the body, without its parameters, in lower case.
    pub fn media_type(&self) -> String {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Returns true if the content type is JSON.
    pub fn is_json(&self) -> bool {
        self.media_type() == "application/json"
    }

    /// Parses the body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Parses the body as a JSON object, if the content type is JSON, too.
    pub fn object(&self) -> Option<Value> {
        self.json().filter(|value| self.is_json() && value.is_object())
    }

    /// Returns the fields of a form, urlencoded or multipart, without files.
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

    /// Returns the parts of a multipart body; none if it is malformed.
    pub fn files(&self) -> Vec<Part> {
        form::multipart(self.header("content-type").unwrap_or_default(), &self.body).unwrap_or_default()
    }
}

/// Formats Unix milliseconds as RFC 3339 with milliseconds.
pub fn rfc3339(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Returns the value of the first field of this name.
pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Returns the field of a JSON object, if it is a string.
pub fn text_field<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
