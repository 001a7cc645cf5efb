//! Rendering of a compiled step for one recipient.

mod body_encoding;
mod mime;
mod piece_writer;
mod plain_text;
mod post;

use std::collections::BTreeMap;
use std::sync::Arc;

use message::{LinkPrefixes, Message, Person, PictureFile, Recipient, RenderError};

use crate::compiled::{Compiled, VERSION, Variant};
use crate::language;
use mime::MimeBuilder;
pub(crate) use piece_writer::PieceWriter;
pub use plain_text::PlainText;

/// A renderer of the messages of one compiled step. It is cheap to clone and to share between
/// tasks, and holds no contact's data.
#[derive(Debug, Clone)]
pub struct Renderer(Arc<RenderPlan>);

#[derive(Debug)]
struct RenderPlan {
    language: String,
    /// The language tags, in lowercase, with their texts.
    variants: Vec<(String, Variant)>,
    prefixes: LinkPrefixes,
    mime: Option<MimeBuilder>,
    /// The pictures of posts by their ids.
    pictures: BTreeMap<String, Arc<PictureFile>>,
}

/// The maximum length of a subject, in characters: a word of it must fit in a line of 998 bytes
/// (RFC 5322 §2.1.1).
const MAX_SUBJECT: usize = 255;

/// The maximum length of a token and of a message id, in bytes.
const MAX_ID: usize = 200;

impl Renderer {
    /// Returns a renderer of `compiled` whose tracking links start with `prefixes`.
    ///
    /// # Errors
    /// The step was compiled by another version, `prefixes.click` and `compiled.links` differ in
    /// length, or a prefix holds characters that are not allowed in a header or in HTML.
    pub fn new(compiled: &Compiled, prefixes: &LinkPrefixes) -> Result<Self, RenderError> {
        if compiled.version != VERSION {
            return Err(RenderError(format!("it was compiled by another version ({})", compiled.version)));
        }
        if prefixes.click.len() != compiled.links.len() {
            let (given, links) = (prefixes.click.len(), compiled.links.len());
            return Err(RenderError(format!("it has {links} links, and {given} prefixes were given")));
        }
        let mut all = prefixes.click.iter().chain([&prefixes.open, &prefixes.unsubscribe]);
        if let Some(bad) = all.find(|start| !is_link_prefix(start)) {
            return Err(RenderError(format!("`{bad}` cannot be the start of a link")));
        }
        let mime = compiled
            .envelope
            .as_ref()
            .map(|envelope| MimeBuilder::new(envelope, &compiled.files))
            .transpose()?;
        let variants =
            compiled.variants.iter().map(|(tag, variant)| (tag.to_ascii_lowercase(), variant.clone()));
        Ok(Self(Arc::new(RenderPlan {
            language: compiled.language.to_ascii_lowercase(),
            variants: variants.collect(),
            prefixes: prefixes.clone(),
            mime,
            pictures: post::pictures(&compiled.files)?,
        })))
    }

    /// Renders the message for one recipient. The same arguments give the same bytes.
    ///
    /// # Errors
    /// The recipient's address, token or message id is invalid, or the message is longer than 2
    /// MiB.
    pub fn render(&self, recipient: &Recipient<'_>) -> Result<Message, RenderError> {
        for name in [recipient.token, recipient.message_id] {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || name.len() > MAX_ID || !name.bytes().all(fits) {
                return Err(RenderError(
                    "its token or message id holds a character that is not allowed".to_owned(),
                ));
            }
        }
        let plan = &*self.0;
        let writer = PieceWriter::new(recipient.person, &plan.prefixes, recipient.token, recipient.date);
        match plan.variant(recipient.person) {
            Some((_, Variant::Email { subject, html, text })) => {
                let mime = plan.mime.as_ref().ok_or_else(|| RenderError("it has no sender".to_owned()))?;
                let texts = mime::RenderedTexts {
                    subject: one_line(&writer.write(subject)?),
                    html: writer.write(html)?,
                    text: writer.write(text)?.trim_start_matches('\n').to_owned(),
                };
                mime.email(recipient, texts, &plan.prefixes.unsubscribe).map(Message::Email)
            }
            Some((language, Variant::Post(draft))) => {
                post::post(&writer, draft, language, recipient, &plan.pictures)
                    .map(Box::new)
                    .map(Message::Post)
            }
            None => Err(RenderError("it has no text in any language".to_owned())),
        }
    }
}

impl RenderPlan {
    /// Returns the texts for a contact, or for a feed if it is `None`, with their language tag.
    fn variant(&self, person: Option<&Person>) -> Option<(&str, &Variant)> {
        let own = person.and_then(|person| person.language.as_deref());
        let tags = self.variants.iter().map(|(tag, _)| tag.as_str());
        let (tag, variant) = self.variants.get(language::choose_for_contact(&tags, own, &self.language)?)?;
        Some((tag, variant))
    }
}

/// Returns a subject on one line with single spaces, as decoders of RFC 2047 drop white space
/// between encoded words. Breaks up `=?`, which could be taken for an encoded word, and cuts the
/// subject to 255 characters.
fn one_line(text: &str) -> String {
    let text = text.replace("=?", "= ?");
    let words: Vec<_> = text.split([' ', '\t', '\n']).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_SUBJECT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns true if a link prefix is an http(s) URL of at most 600 ASCII characters that need no
/// escaping in a header, an HTML attribute, text or JSON.
fn is_link_prefix(start: &str) -> bool {
    let web = start.starts_with("https://") || start.starts_with("http://");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$()*+,;%=".contains(&byte);
    web && start.len() <= 600 && start.bytes().all(fits)
}
