//! What goes out.

use std::sync::Arc;

use jiff::Timestamp;

/// One message for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// By `smtp` or kept by `outbox`.
    Email(Email),
    /// To a network.
    Post(Box<Post>),
}

/// An e-mail, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Where bounces go: the address of the channel's `from`.
    pub envelope_from: String,
    /// Whom it goes to.
    pub envelope_to: String,
    /// The subject, decoded.
    pub subject: String,
    /// The HTML part, decoded.
    pub html: String,
    /// The text part, decoded.
    pub text: String,
    /// The bytes of RFC 5322, lines ended by CR LF, not dot-stuffed.
    pub raw: Vec<u8>,
}

/// What is posted to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The same on every try of a delivery, and of no other: `webhook-id`, `Idempotency-Key`, the name of a record.
    pub id: String,
    /// When the delivery fell due: the same on every try.
    pub at: Timestamp,
    /// Whether an earlier try may have arrived.
    pub again: bool,
    /// Where the contact is reached: a phone number, a chat; none for a feed, or where no address is needed.
    pub to: Option<String>,
    /// The language it is in, as a BCP 47 tag.
    pub language: String,
    /// What it says.
    pub content: Content,
}

/// What a post says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// JSON, whole, as a template of the network's own says: `slack.json`; and what a webhook gets.
    Own(String),
    /// Parts that the network puts together as it likes.
    Parts(Box<Parts>),
}

/// A post in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// The title, where the network has a place for one: plain text on one line.
    pub title: Option<String>,
    /// The text in the network's dialect, without what has a place of its own.
    pub text: String,
    /// All of it as plain text, title and links in it.
    pub plain: String,
    /// The button, where the network has a place for one.
    pub action: Option<Action>,
    /// `message.link`, led through the tracker.
    pub link: Option<String>,
    /// The picture.
    pub picture: Option<Picture>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// A picture with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where it comes from.
    pub source: PictureSource,
    /// What it shows, in words.
    pub alt: String,
}

/// Where a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureSource {
    /// From an address that everybody can reach.
    Url(String),
    /// From a file.
    File(Arc<PictureFile>),
}

/// A picture's file.
#[derive(Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// Its name.
    pub name: String,
    /// Its media type, such as `image/png`.
    pub media: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for PictureFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PictureFile({}, {}, {} bytes)", self.name, self.media, self.bytes.len())
    }
}

impl Picture {
    /// Its address, if it has one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match &self.source {
            PictureSource::Url(url) => Some(url),
            PictureSource::File(_) => None,
        }
    }

    /// Its file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&PictureFile> {
        match &self.source {
            PictureSource::Url(_) => None,
            PictureSource::File(file) => Some(file),
        }
    }
}

impl Post {
    /// Its parts, unless it is whole already.
    #[must_use]
    pub fn parts(&self) -> Option<&Parts> {
        match &self.content {
            Content::Own(_) => None,
            Content::Parts(parts) => Some(parts),
        }
    }

    /// What people read of it besides the title and the button, as plain text; the JSON, if it is whole already.
    #[must_use]
    pub fn body(&self) -> &str {
        let Some(parts) = self.parts() else { return self.said() };
        let mut text = parts.plain.trim();
        if let Some(title) = &parts.title {
            text = text.strip_prefix(title.as_str()).unwrap_or(text).trim_start();
        }
        if let Some(action) = &parts.action {
            let last = text.rfind("\n\n").map_or(0, |at| at);
            if text.get(last..).is_some_and(|last| last.contains(&action.url)) {
                text = text.get(..last).unwrap_or_default().trim_end();
            }
        }
        text
    }

    /// What it says, for people: plain text, or the JSON.
    #[must_use]
    pub fn said(&self) -> &str {
        match &self.content {
            Content::Own(body) => body,
            Content::Parts(parts) => &parts.plain,
        }
    }
}
