//! A compiled step as plain text, for those who look at what it says.

use jiff::Timestamp;
use message::{LinkStarts, Person, SAMPLE_TOKEN};

use super::fill::Fill;
use crate::compile::{Holes, from_html};
use crate::compiled::{Compiled, Variant};

/// The texts of a step in one of its languages, as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainText {
    /// The subject, of an e-mail.
    pub subject: Option<String>,
    /// All texts; of a post that a template of the network's own says, the strings of its JSON.
    pub text: String,
}

impl Compiled {
    /// Returns what the step says to `reader` in `language`, one of its own; `None` if it cannot be rendered.
    #[must_use]
    pub fn plain_text(
        &self,
        language: &str,
        starts: &LinkStarts,
        reader: Option<&Person>,
    ) -> Option<PlainText> {
        let fill = Fill::new(reader, starts, SAMPLE_TOKEN, Timestamp::UNIX_EPOCH);
        match self.variants.get(language)? {
            Variant::Email { subject, html, .. } => {
                let subject = fill.write(subject).ok()?;
                let html = fill.write(html).ok()?;
                Some(PlainText { subject: Some(subject), text: from_html(&html, &Holes::default()) })
            }
            Variant::Post(draft) => {
                let text = fill.write(&draft.parts.plain).ok()?;
                let is_json = draft.own.is_some() && text.trim_start().starts_with('{');
                Some(PlainText { subject: None, text: if is_json { strings(&text) } else { text } })
            }
        }
    }
}

/// All texts of a JSON document.
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
