//! A request before anything is sent: pure data, which a preview can show.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its purpose: the name under which its answer is known to the requests after it.
    pub name: &'static str,
    /// `GET`, `POST`, `PUT`.
    pub method: &'static str,
    /// Its target: a path below the network's origin, or a whole address that an answer named.
    pub target: String,
    /// In order; `content-type` comes from the body. None of them is a credential.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that prove who we are. The HTTP client sends them to the account's own origin and to the hosts in
    /// `trusted_hosts` of its [`Client`](crate::Client), and drops them on the way to any other.
    pub credentials: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Body,
    /// Set if the post may be out once it is sent.
    pub publishes: bool,
    /// The time for which its answer serves other posts too, if it does.
    pub keep: Option<Duration>,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// No body.
    Empty,
    /// JSON.
    Json(Value),
    /// JSON that is text already.
    JsonText(String),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(&'static str, String)>),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
    /// Anything, with its media type.
    Bytes(String, Vec<u8>),
}

/// A field of `multipart/form-data`.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The field's name.
    pub name: &'static str,
    /// The file's name and media type, if it is a file.
    pub file: Option<(String, String)>,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Part {
    /// A field that is text.
    pub fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, file: None, bytes: text.into().into_bytes() }
    }

    /// Returns a field that is a file, with the file's name and media type.
    #[must_use]
    pub fn file(name: &'static str, file: &str, media: &str, bytes: &[u8]) -> Self {
        Self { name, file: Some((file.to_owned(), media.to_owned())), bytes: bytes.to_vec() }
    }
}

impl Request {
    /// A GET.
    pub fn get(name: &'static str, target: impl Into<String>) -> Self {
        Self::new(name, "GET", target, Body::Empty)
    }

    /// A POST of JSON.
    pub fn json(name: &'static str, target: impl Into<String>, body: Value) -> Self {
        Self::new(name, "POST", target, Body::Json(body))
    }

    /// A POST of a form.
    pub fn form(name: &'static str, target: impl Into<String>, fields: Vec<(&'static str, String)>) -> Self {
        Self::new(name, "POST", target, Body::Form(fields))
    }

    /// Any other.
    pub fn new(name: &'static str, method: &'static str, target: impl Into<String>, body: Body) -> Self {
        Self {
            name,
            method,
            target: target.into(),
            headers: Vec::new(),
            credentials: Vec::new(),
            body,
            publishes: false,
            keep: None,
        }
    }

    /// The same with a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a header that proves who we are.
    pub fn credential(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.credentials.push((name, value.into()));
        self
    }

    /// The same with `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.credential("authorization", format!("Bearer {token}"))
    }

    /// The same with `Authorization: Basic` (RFC 7617).
    pub fn basic(self, user: &str, password: &str) -> Self {
        self.credential("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// The same, after which the post may be out.
    pub fn publishes(self) -> Self {
        Self { publishes: true, ..self }
    }

    /// The same, whose answer serves other posts for so long too.
    pub fn kept(self, keep: Duration) -> Self {
        Self { keep: Some(keep), ..self }
    }
}

impl Body {
    /// The media type and the bytes.
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

/// RFC 7578. The boundary is made of what is in the parts, so that the same parts are the same bytes.
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

/// All but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns `text` percent-encoded for one segment of a path.
#[must_use]
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_fenced_and_the_same_every_time() {
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
