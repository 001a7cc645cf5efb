//! What networks without a place for buttons or pictures get in their Markdown instead.

use message::flavor::{self, Flavor};

/// A link that says `label`.
pub(crate) fn link(flavor: Flavor, label: &str, url: &str) -> String {
    format!("[{}]({url})", escaped(flavor, label))
}

/// A picture with its words.
pub(crate) fn picture(flavor: Flavor, alt: &str, url: &str) -> String {
    format!("![{}]({url})", escaped(flavor, alt))
}

/// `text` as text that goes on in a line.
pub(crate) fn escaped(flavor: Flavor, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    flavor::escape(flavor, text, false, &mut out);
    out
}

/// `text` as text that begins a line.
pub(crate) fn escaped_line(flavor: Flavor, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    flavor::escape(flavor, text, true, &mut out);
    out
}

/// Paragraphs, without those that say nothing.
pub(crate) fn paragraphs<'a>(all: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let said: Vec<&str> = all.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    said.join("\n\n")
}
