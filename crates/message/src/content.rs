//! The content of messages: e-mails and posts to networks.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

/// One message for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// An e-mail, sent over SMTP or stored in the outbox.
    Email(Email),
    /// A post to a network or a webhook.
    Post(Box<Post>),
}

/// A rendered e-mail with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address for bounces (SMTP MAIL FROM): that of the channel's `from`.
    pub envelope_from: String,
    /// The recipient's address (SMTP RCPT TO).
    pub envelope_to: String,
    /// The subject as readers see it, without RFC 2047 encoding.
    pub subject: String,
    /// The HTML part, without its transfer encoding.
    pub html: String,
    /// The plain text part, without its transfer encoding.
    pub text: String,
    /// The whole message as RFC 5322 bytes: lines end with CR LF, without SMTP dot-stuffing.
    pub raw: Vec<u8>,
}

/// A post to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The idempotency key: the same on every attempt of a delivery and unique to it. Sent as
    /// `webhook-id`, `Idempotency-Key` or the name of a record.
    pub id: String,
    /// The time at which the delivery fell due: the same on every attempt.
    pub at: Timestamp,
    /// Set if an earlier attempt may have arrived.
    pub possible_duplicate: bool,
    /// The recipient's address on the network, such as a phone number or a chat; `None` for a feed,
    /// or where no address is needed.
    pub to: Option<String>,
    /// The language of the post, as a BCP 47 tag.
    pub language: String,
    /// The texts and pictures of the post, or its complete JSON.
    pub content: Content,
}

/// The content of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The complete JSON body: of a template in the network's own format, such as `slack.json`, or
    /// of a webhook.
    Json(String),
    /// Separate parts, which each network's adapter puts together.
    Parts(Box<Parts>),
}

/// The parts of a post.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// The title, where the network has a field for one: plain text on one line.
    pub title: Option<String>,
    /// The text in the network's markup, without the parts that have their own fields.
    pub text: String,
    /// The whole post as plain text, including title and links.
    pub plain: String,
    /// The button, where the network has a field for one.
    pub action: Option<Action>,
    /// The address of `message.link`, redirected through the click tracker.
    pub link: Option<String>,
    /// The picture shown with the text, if any.
    pub picture: Option<Picture>,
    /// The users or groups to notify, in the network's notation. Text that looks like a mention
    /// notifies no one.
    pub mention: Vec<String>,
}

/// A button that opens an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The text on the button.
    pub label: String,
    /// The absolute URL that the button opens.
    pub url: String,
}

/// A picture with its alternative text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// A public address, or a file that is uploaded.
    pub source: PictureSource,
    /// The alternative text for readers who cannot see the picture.
    pub alt: String,
}

/// The source of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureSource {
    /// A publicly reachable URL.
    Url(String),
    /// A file with its bytes in memory.
    File(Arc<PictureFile>),
}

/// The file of a picture.
#[derive(Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// The file name, such as `spring.png`.
    pub name: String,
    /// The media type, such as `image/png`.
    pub media: String,
    /// The encoded image.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for PictureFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PictureFile({}, {}, {} bytes)", self.name, self.media, self.bytes.len())
    }
}

impl Picture {
    /// Returns the address of the picture, if its source is one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match &self.source {
            PictureSource::Url(url) => Some(url),
            PictureSource::File(_) => None,
        }
    }

    /// Returns the file of the picture, if its source is one.
    #[must_use]
    pub fn file(&self) -> Option<&PictureFile> {
        match &self.source {
            PictureSource::Url(_) => None,
            PictureSource::File(file) => Some(file),
        }
    }
}

impl Post {
    /// Returns the parts; `None` if the content is JSON.
    #[must_use]
    pub fn parts(&self) -> Option<&Parts> {
        match &self.content {
            Content::Json(_) => None,
            Content::Parts(parts) => Some(parts),
        }
    }

    /// Returns the text without title and button, as plain text. For JSON: the string at
    /// `data.text` if there is one, otherwise all of it, pretty-printed where it can be parsed.
    #[must_use]
    pub fn body(&self) -> Cow<'_, str> {
        let parts = match &self.content {
            Content::Parts(parts) => parts,
            Content::Json(json) => return own_body(json),
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

    /// Returns the whole post as plain text, or the JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Json(body) => body,
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
            possible_duplicate: false,
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
            assert_eq!(post(Content::Json(own.into())).body(), body);
        }
    }
}
