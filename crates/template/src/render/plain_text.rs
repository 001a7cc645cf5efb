//! Rendering of a compiled step as plain text, for checks of its contents.

use jiff::Timestamp;
use message::{LinkPrefixes, Person, SAMPLE_TOKEN};

use super::piece_writer::PieceWriter;
use crate::compile::{Placeholders, html_to_text};
use crate::compiled::{Compiled, Variant};

/// The texts of a step in one of its languages, as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainText {
    /// The subject, if the text is an e-mail.
    pub subject: Option<String>,
    /// The whole text; for a post with its own JSON template, all strings in that JSON.
    pub text: String,
}

impl Compiled {
    /// Renders the step in `language`, one of its own, for `reader`, or for a feed if it is `None`.
    /// `None` if the step lacks the language or cannot be rendered.
    #[must_use]
    pub fn plain_text(
        &self,
        language: &str,
        prefixes: &LinkPrefixes,
        reader: Option<&Person>,
    ) -> Option<PlainText> {
        let writer = PieceWriter::new(reader, prefixes, SAMPLE_TOKEN, Timestamp::UNIX_EPOCH);
        match self.variants.get(language)? {
            Variant::Email { subject, html, .. } => {
                let subject = writer.write(subject).ok()?;
                let html = writer.write(html).ok()?;
                Some(PlainText {
                    subject: Some(subject),
                    text: html_to_text(&html, &Placeholders::default()),
                })
            }
            Variant::Post(draft) => {
                let text = writer.write(&draft.parts.plain).ok()?;
                let is_json = draft.body.is_some() && text.trim_start().starts_with('{');
                Some(PlainText { subject: None, text: if is_json { strings(&text) } else { text } })
            }
        }
    }
}

/// Returns all strings in a JSON document, one on each line.
fn strings(json: &str) -> String {
    fn walk(value: &serde_json::Value, out: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => out.push(text.clone()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, out)),
            serde_json::Value::Object(map) => map.values().for_each(|item| walk(item, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(&serde_json::from_str(json).unwrap_or_default(), &mut out);
    out.join("\n")
}
