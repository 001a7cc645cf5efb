//! Messages: e-mails and posts.

use std::borrow::Cow;
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
    /// The address for bounces: that of the channel's `from`.
    pub envelope_from: String,
    /// The recipient's address.
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

/// A post to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The same on every try of a delivery, and of no other: `webhook-id`, `Idempotency-Key`, the name of a record.
    pub id: String,
    /// The time at which the delivery fell due: the same on every try.
    pub at: Timestamp,
    /// Set if an earlier try may have arrived.
    pub again: bool,
    /// The contact's address there: a phone number, a chat; none for a feed, or where no address is needed.
    pub to: Option<String>,
    /// The language it is in, as a BCP 47 tag.
    pub language: String,
    /// Its content.
    pub content: Content,
}

/// The content of a post.
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
    /// The people it calls, in words that the network knows. Nothing that the texts say calls anybody.
    pub mention: Vec<String>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its label.
    pub label: String,
    /// The address it leads to.
    pub url: String,
}

/// A picture with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its source.
    pub source: PictureSource,
    /// Its description in words.
    pub alt: String,
}

/// The source of a picture.
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
    /// Its content.
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

    /// Returns what people read of it besides the title and the button, as plain text. Of JSON that is whole already: the text
    /// in it, where it is one of ours (`data.text`), or all of it.
    #[must_use]
    pub fn body(&self) -> Cow<'_, str> {
        let parts = match &self.content {
            Content::Parts(parts) => parts,
            Content::Own(json) => return own_body(json),
        };
        let mut text = parts.plain.trim();
        if let Some(title) = &parts.title {
            text = text.strip_prefix(title.as_str()).unwrap_or(text).trim_start();
        }
        if let Some(action) = &parts.action {
            let last = text.rfind("\n\n").unwrap_or(0);
            if text.get(last..).is_some_and(|last| last.contains(&action.url)) {
                text = text.get(..last).unwrap_or_default().trim_end();
            }
        }
        Cow::Borrowed(text)
    }

    /// Returns its text for people: plain text, or the JSON.
    #[must_use]
    pub fn said(&self) -> &str {
        match &self.content {
            Content::Own(body) => body,
            Content::Parts(parts) => &parts.plain,
        }
    }
}

fn own_body(json: &str) -> Cow<'_, str> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else { return Cow::Borrowed(json) };
    match value.pointer("/data/text").and_then(serde_json::Value::as_str) {
        Some(text) => Cow::Owned(text.to_owned()),
        None => serde_json::to_string_pretty(&value).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(content: Content) -> Post {
        Post {
            id: "1".into(),
            at: Timestamp::UNIX_EPOCH,
            again: false,
            to: None,
            language: "en".into(),
            content,
        }
    }

    #[test]
    fn title_and_button_are_not_read_twice() {
        let parts = |plain: &str| Parts {
            title: Some("Spring".into()),
            action: Some(Action { label: "Go".into(), url: "https://a.example".into() }),
            plain: plain.into(),
            ..Parts::default()
        };
        for (plain, body) in [
            ("Spring\n\nNow.\n\nSoon.\n\nGo: https://a.example", "Now.\n\nSoon."),
            ("Spring\n\nGo: https://a.example", ""),
            ("Now.", "Now."),
            ("", ""),
        ] {
            assert_eq!(post(Content::Parts(Box::new(parts(plain)))).body(), body, "{plain:?}");
        }
        for (own, body) in [
            ("{\"data\":{\"text\":\"Hi\"}}", "Hi"),
            ("{\"a\":1}", "{\n  \"a\": 1\n}"),
            ("no JSON", "no JSON"),
        ] {
            assert_eq!(post(Content::Own(own.into())).body(), body);
        }
    }
}
