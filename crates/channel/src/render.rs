//! A compiled step and a recipient make a message.

use jiff::Timestamp;

use crate::{Compiled, Message};

/// Makes messages of one compiled step. Cheap to share between tasks; holds no contact's data.
#[derive(Debug)]
pub struct Renderer {}

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
    /// Who; `None` for a channel's own feed.
    pub person: Option<&'a Person>,
    /// What is put after each link start: ASCII letters, digits, `-`, `_` and `.`.
    pub token: &'a str,
    /// Opaque and unique to the delivery: the left side of the Message-ID, the `webhook-id`.
    pub message_id: &'a str,
    /// `Date`: when the delivery fell due, so that a second try is the same bytes.
    pub date: Timestamp,
}

/// Why a message could not be made for this recipient: nobody else is concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("render the message: {0}")]
pub struct RenderError(pub String);

impl Renderer {
    /// Gets ready.
    ///
    /// # Errors
    /// The compiled step does not fit this version, or `starts.click` is not as long as `compiled.links`.
    pub fn new(_compiled: &Compiled, _starts: &LinkStarts) -> Result<Self, RenderError> {
        todo!()
    }

    /// The message for one recipient: the same bytes for the same arguments.
    ///
    /// # Errors
    /// The address cannot be written to, or a value of the contact cannot stand where the template puts it.
    pub fn render(&self, _recipient: &Recipient<'_>) -> Result<Message, RenderError> {
        todo!()
    }
}
