//! An HTTP request as plain data, which can be sent or shown in a preview.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// An HTTP request with its purpose, credentials and effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The purpose of the request; later requests find its response by this name.
    pub name: &'static str,
    /// The HTTP method, in capitals: `GET`, `POST`, `PUT`.
    pub method: &'static str,
    /// A path below the network's origin, or a whole URL from a response.
    pub target: String,
    /// Names and values of the headers, in order, without `content-type` (see [`Body`]) and without
    /// credentials.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that authenticate the account. A [`Client`](crate::Client) sends them only to the
    /// account's own origin and to its `trusted_hosts`.
    pub credentials: Vec<(&'static str, String)>,
    /// The body, which sets `content-type`.
    pub body: Body,
    /// Set if the post may be published once the request is sent; earlier requests only prepare it.
    pub publishes: bool,
    /// The time for which the response can be used for other posts, too.
    pub cache_for: Option<Duration>,
}

/// The body of a request, which determines its media type.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// No body and no media type.
    Empty,
    /// A JSON value, sent as `application/json`.
    Json(Value),
    /// Serialized JSON, sent unchanged as `application/json`.
    JsonText(String),
    /// Names and values of the fields of an `application/x-www-form-urlencoded` form.
    Form(Vec<(&'static str, String)>),
    /// The fields of a `multipart/form-data` form.
    Multipart(Vec<Part>),
    /// A media type, and bytes of that type.
    Bytes(String, Vec<u8>),
}

/// A field of `multipart/form-data`.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of the form field.
    pub name: &'static str,
    /// The file's name and media type, if the field is a file.
    pub file: Option<(String, String)>,
    /// The text or the file's content.
    pub bytes: Vec<u8>,
}

impl Part {
    /// Returns a text field.
    pub fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, file: None, bytes: text.into().into_bytes() }
    }

    /// Returns a file field; `file` is the file's name and `media` its media type.
    #[must_use]
    pub fn file(name: &'static str, file: &str, media: &str, bytes: &[u8]) -> Self {
        Self { name, file: Some((file.to_owned(), media.to_owned())), bytes: bytes.to_vec() }
    }
}

impl Request {
    /// Returns a GET request without a body.
    pub fn get(name: &'static str, target: impl Into<String>) -> Self {
        Self::new(name, "GET", target, Body::Empty)
    }

    /// Returns a POST request with a JSON body.
    pub fn json(name: &'static str, target: impl Into<String>, body: Value) -> Self {
        Self::new(name, "POST", target, Body::Json(body))
    }

    /// Returns a POST request with a URL-encoded form.
    pub fn form(name: &'static str, target: impl Into<String>, fields: Vec<(&'static str, String)>) -> Self {
        Self::new(name, "POST", target, Body::Form(fields))
    }

    /// Returns a request without headers that publishes nothing and is not cached.
    pub fn new(name: &'static str, method: &'static str, target: impl Into<String>, body: Body) -> Self {
        Self {
            name,
            method,
            target: target.into(),
            headers: Vec::new(),
            credentials: Vec::new(),
            body,
            publishes: false,
            cache_for: None,
        }
    }

    /// Adds a header that is no credential.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header that authenticates the account.
    pub fn credential(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.credentials.push((name, value.into()));
        self
    }

    /// Adds the credential `Authorization: Bearer` (RFC 6750).
    pub fn bearer(self, token: &str) -> Self {
        self.credential("authorization", format!("Bearer {token}"))
    }

    /// Adds the credential `Authorization: Basic` (RFC 7617).
    pub fn basic(self, user: &str, password: &str) -> Self {
        self.credential("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// Marks the request as the one that publishes the post.
    pub fn publishes(self) -> Self {
        Self { publishes: true, ..self }
    }

    /// Lets the response be used for other posts, too, for `duration`.
    pub fn cached_for(self, duration: Duration) -> Self {
        Self { cache_for: Some(duration), ..self }
    }
}

impl Body {
    /// Returns the media type, if there is one, and the bytes.
    pub fn encoded(&self) -> (Option<String>, Vec<u8>) {
        match self {
            Self::Empty => (None, Vec::new()),
            Self::Json(value) => (Some(JSON.to_owned()), value.to_string().into_bytes()),
            Self::JsonText(text) => (Some(JSON.to_owned()), text.clone().into_bytes()),
            Self::Form(fields) => (
                Some("application/x-www-form-urlencoded".to_owned()),
                form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes(),
            ),
            Self::Multipart(parts) => multipart(parts),
            Self::Bytes(media, bytes) => (Some(media.clone()), bytes.clone()),
        }
    }
}

const JSON: &str = "application/json";

/// Encodes fields as `multipart/form-data` (RFC 7578). The boundary is a hash of the contents, so
/// that equal parts give equal bytes.
fn multipart(parts: &[Part]) -> (Option<String>, Vec<u8>) {
    let whole: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
    let boundary = format!("chorus-{}", hex::encode(&Sha256::digest(&whole)[..16]));
    let mut body = Vec::with_capacity(whole.len() + 256 * parts.len());
    for part in parts {
        let name = part.name;
        body.extend_from_slice(
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"").as_bytes(),
        );
        if let Some((file, media)) = &part.file {
            let file: String =
                file.chars().map(|c| if c == '"' || c.is_control() { '_' } else { c }).collect();
            body.extend_from_slice(format!("; filename=\"{file}\"\r\ncontent-type: {media}").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (Some(format!("multipart/form-data; boundary={boundary}")), body)
}

/// All characters but the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes `text` as one segment of a URL's path.
#[must_use]
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipart_is_deterministic_and_uses_its_boundary() {
        let file = Part::file("photo", "a\"b.png", "image/png", &[1, 2]);
        let body = Body::Multipart(vec![Part::text("text", "hé"), file]);
        let (media, bytes) = body.encoded();
        assert_eq!((media.clone(), bytes.clone()), body.encoded());
        let boundary = media.unwrap().split_once("boundary=").unwrap().1.to_owned();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(text.matches(&boundary).count(), 3);
        assert!(text.contains(
            "name=\"photo\"; filename=\"a_b.png\"\r\ncontent-type: image/png\r\n\r\n\u{1}\u{2}\r\n"
        ));
    }

    #[test]
    fn segments_hold_no_slash() {
        assert_eq!(segment("!a:b/c é~"), "%21a%3Ab%2Fc%20%C3%A9~");
    }
}
