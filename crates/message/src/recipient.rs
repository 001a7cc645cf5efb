//! Recipients of messages, and the prefixes of the tracking links made for them.

use jiff::Timestamp;

/// Prefixes of the tracking links of a message. The recipient's signed token is appended to each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPrefixes {
    /// For each link of the message, by position: `https://news.example/c/<link>.`
    pub click: Vec<String>,
    /// For the tracking pixel that records opens: `https://news.example/o/`
    pub open: String,
    /// For unsubscribing, by GET and by one-click POST (RFC 8058): `https://news.example/u/`
    pub unsubscribe: String,
}

/// A placeholder token as long as those of the `tracking` crate.
pub const SAMPLE_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl LinkPrefixes {
    /// Returns prefixes below `public_url` for `count` links that are as long as real ones and not
    /// registered, so they lead nowhere. [`SAMPLE_TOKEN`] is appended to them.
    #[must_use]
    pub fn sample(public_url: &url::Url, count: usize) -> Self {
        let base = public_url.as_str().trim_end_matches('/');
        Self {
            click: (0..count).map(|link| format!("{base}/c/{link:A<27}.")).collect(),
            open: format!("{base}/o/"),
            unsubscribe: format!("{base}/u/"),
        }
    }
}

/// The fields of a contact that templates can read.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Person {
    /// The e-mail address, if known.
    pub email: Option<String>,
    /// The phone number, if known.
    pub phone: Option<String>,
    /// The marketer's id of the contact, from their own system.
    pub external_id: Option<String>,
    /// The language, as a BCP 47 tag.
    pub language: Option<String>,
    /// The time zone, as an IANA name.
    pub timezone: Option<String>,
    /// All other attributes: a template reads `contact.first_name` from here. Missing attributes
    /// render as empty.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// The recipient of a message, with the values that must be the same on every attempt.
#[derive(Debug, Clone)]
pub struct Recipient<'a> {
    /// The contact; `None` for a post to a channel's feed.
    pub person: Option<&'a Person>,
    /// The token appended to each link prefix: ASCII letters, digits, `-`, `_` and `.`.
    pub token: &'a str,
    /// An opaque id, unique to the delivery: the left side of the Message-ID, or the `webhook-id`.
    pub message_id: &'a str,
    /// The time at which the delivery fell due, used as the `Date` header so that every attempt has
    /// the same bytes.
    pub date: Timestamp,
    /// Set if an earlier attempt may have arrived.
    pub possible_duplicate: bool,
}

/// Error for a message that cannot be rendered for this recipient; other recipients are not
/// affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("render the message: {0}")]
pub struct RenderError(pub String);
