//! A compiled step and a recipient make a message.

mod fill;
mod mime;
mod post;
mod quoted;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::compile::{Compiled, VERSION, Variant, primary};
use crate::{Message, PictureFile};
pub(crate) use fill::Fill;
use mime::Mime;

/// Makes messages of one compiled step. Cheap to clone and to share between tasks; holds no contact's data.
#[derive(Debug, Clone)]
pub struct Renderer(Arc<Ready>);

#[derive(Debug)]
struct Ready {
    language: String,
    /// By language tag in small letters.
    variants: Vec<(String, Variant)>,
    starts: LinkStarts,
    mime: Option<Mime>,
    /// By their ids.
    pictures: BTreeMap<String, Arc<PictureFile>>,
}

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
    /// Who; `None` for a channel's own feed.
    pub person: Option<&'a Person>,
    /// What is put after each link start: ASCII letters, digits, `-`, `_` and `.`.
    pub token: &'a str,
    /// Opaque and unique to the delivery: the left side of the Message-ID, the `webhook-id`.
    pub message_id: &'a str,
    /// `Date`: when the delivery fell due, so that a second try is the same bytes.
    pub date: Timestamp,
    /// Whether an earlier try may have arrived.
    pub again: bool,
}

/// Why a message could not be made for this recipient: nobody else is concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("render the message: {0}")]
pub struct RenderError(pub String);

/// The longest subject, in characters: one word of it must fit a line of 998 bytes (RFC 5322 §2.1.1).
const MAX_SUBJECT: usize = 255;

/// The longest token and message id, in bytes.
const MAX_NAME: usize = 200;

impl Renderer {
    /// Gets ready.
    ///
    /// # Errors
    /// The compiled step does not fit this version, or `starts.click` is not as long as `compiled.links`, or a
    /// start cannot stand in a header or in HTML.
    pub fn new(compiled: &Compiled, starts: &LinkStarts) -> Result<Self, RenderError> {
        if compiled.version != VERSION {
            return Err(RenderError(format!("it was compiled by another version ({})", compiled.version)));
        }
        if starts.click.len() != compiled.links.len() {
            let (starts, links) = (starts.click.len(), compiled.links.len());
            return Err(RenderError(format!("it has {links} links, and {starts} starts were given")));
        }
        let mut all = starts.click.iter().chain([&starts.open, &starts.unsubscribe]);
        if let Some(bad) = all.find(|start| !is_link_start(start)) {
            return Err(RenderError(format!("`{bad}` cannot be the start of a link")));
        }
        let mime =
            compiled.envelope.as_ref().map(|envelope| Mime::new(envelope, &compiled.files)).transpose()?;
        let variants = compiled.variants.iter().map(|(tag, said)| (tag.to_ascii_lowercase(), said.clone()));
        Ok(Self(Arc::new(Ready {
            language: compiled.language.to_ascii_lowercase(),
            variants: variants.collect(),
            starts: starts.clone(),
            mime,
            pictures: post::pictures(&compiled.files)?,
        })))
    }

    /// The message for one recipient: the same bytes for the same arguments.
    ///
    /// # Errors
    /// The address cannot be written to, or a value of the contact cannot stand where the template puts it.
    pub fn render(&self, recipient: &Recipient<'_>) -> Result<Message, RenderError> {
        for name in [recipient.token, recipient.message_id] {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
                return Err(RenderError("its token or message id holds what it may not".to_owned()));
            }
        }
        let ready = &*self.0;
        let fill = Fill::new(recipient.person, &ready.starts, recipient.token, recipient.date);
        match ready.variant(recipient.person) {
            Some((_, Variant::Email { subject, html, text })) => {
                let mime = ready.mime.as_ref().ok_or_else(|| RenderError("it has no sender".to_owned()))?;
                let said = mime::Said {
                    subject: one_line(&fill.write(subject)?),
                    html: fill.write(html)?,
                    text: fill.write(text)?.trim_start_matches('\n').to_owned(),
                };
                mime.email(recipient, said, &ready.starts.unsubscribe).map(Message::Email)
            }
            Some((language, Variant::Post(draft))) => {
                post::post(&fill, draft, language, recipient, &ready.pictures)
                    .map(Box::new)
                    .map(Message::Post)
            }
            None => Err(RenderError("it says nothing in any language".to_owned())),
        }
    }
}

impl Ready {
    /// What is said to this person: in their language, in the same one of another country, in the brand's.
    fn variant(&self, person: Option<&Person>) -> Option<(&str, &Variant)> {
        let own = person.and_then(|person| person.language.as_deref()).map(str::to_ascii_lowercase);
        let own = own.and_then(|tag| self.in_language(&tag.replace('_', "-")));
        let said = own.or_else(|| self.in_language(&self.language)).or_else(|| self.variants.first());
        said.map(|(language, variant)| (language.as_str(), variant))
    }

    fn in_language(&self, tag: &str) -> Option<&(String, Variant)> {
        let exact = |wanted: &str| self.variants.iter().find(|(tag, _)| tag == wanted);
        let alike = || self.variants.iter().find(|(other, _)| primary(other) == primary(tag));
        exact(tag).or_else(|| exact(primary(tag))).or_else(alike)
    }
}

/// One space where there were several: decoders of RFC 2047 drop those between encoded words. And nothing that
/// could be taken for an encoded word.
fn one_line(text: &str) -> String {
    let text = text.replace("=?", "= ?");
    let words: Vec<_> = text.split([' ', '\t', '\n']).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_SUBJECT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A text on one line, without more white space than there must be.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// ASCII that needs no escape in a header, an attribute, text or JSON, and short enough for a header line.
fn is_link_start(start: &str) -> bool {
    let web = start.starts_with("https://") || start.starts_with("http://");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$()*+,;%=".contains(&byte);
    web && start.len() <= 600 && start.bytes().all(fits)
}
