//! Recipients, and the links that are made for them.

use jiff::Timestamp;

/// The starts of links: what names the recipient (and says who signed it) is put after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkStarts {
    /// For each link by position: `https://news.example/c/<link>.`
    pub click: Vec<String>,
    /// The pixel: `https://news.example/o/`
    pub open: String,
    /// Unsubscribe, by GET and by one-click POST: `https://news.example/u/`
    pub unsubscribe: String,
}

/// A token as long as those of `tracking`.
pub const SAMPLE_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl LinkStarts {
    /// Links below `public_url` for `count` destinations that are as long as real ones and lead nowhere: nothing is
    /// registered for them. [`SAMPLE_TOKEN`] is put after them.
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

/// A contact as templates see it.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Person {
    /// E-mail.
    pub email: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// The marketer's own key.
    pub external_id: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// Everything else; a template reads `contact.first_name` from here. Missing ones are empty.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// For whom, and what must be the same on every try.
#[derive(Debug, Clone)]
pub struct Recipient<'a> {
    /// The person; `None` for a channel's own feed.
    pub person: Option<&'a Person>,
    /// The token after each link start: ASCII letters, digits, `-`, `_` and `.`.
    pub token: &'a str,
    /// Opaque and unique to the delivery: the left side of the Message-ID, the `webhook-id`.
    pub message_id: &'a str,
    /// `Date`: when the delivery fell due, so that a second try is the same bytes.
    pub date: Timestamp,
    /// Set if an earlier try may have arrived.
    pub again: bool,
}

/// Reason for which a message cannot be made for this recipient; nobody else is concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("render the message: {0}")]
pub struct RenderError(pub String);
