//! A compiled step and a recipient make a message.

mod fill;
mod mime;
mod plain_text;
mod post;
mod quoted;

use std::collections::BTreeMap;
use std::sync::Arc;

use message::{LinkStarts, Message, Person, PictureFile, Recipient, RenderError};

use crate::compiled::{Compiled, VERSION, Variant};
use crate::language;
pub(crate) use fill::Fill;
use mime::Mime;
pub use plain_text::PlainText;

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
    /// The text for this person, and its language.
    fn variant(&self, person: Option<&Person>) -> Option<(&str, &Variant)> {
        let own = person.and_then(|person| person.language.as_deref());
        let tags = self.variants.iter().map(|(tag, _)| tag.as_str());
        let (tag, variant) = self.variants.get(language::for_contact(&tags, own, &self.language)?)?;
        Some((tag, variant))
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

/// ASCII that needs no escape in a header, an attribute, text or JSON, and short enough for a header line.
fn is_link_start(start: &str) -> bool {
    let web = start.starts_with("https://") || start.starts_with("http://");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$()*+,;%=".contains(&byte);
    web && start.len() <= 600 && start.bytes().all(fits)
}
