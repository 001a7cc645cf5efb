//! Markdown for the buttons and pictures of a post, on networks that have no fields for them.

use message::flavor::{self, Flavor};

/// Returns a Markdown link with the text `label`.
pub(crate) fn link(flavor: Flavor, label: &str, url: &str) -> String {
    format!("[{}]({url})", escaped(flavor, label))
}

/// Returns a Markdown image with its alternative text.
pub(crate) fn picture(flavor: Flavor, alt: &str, url: &str) -> String {
    format!("![{}]({url})", escaped(flavor, alt))
}

/// Escapes `text` for a place inside a line.
pub(crate) fn escaped(flavor: Flavor, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    flavor::escape(flavor, text, false, &mut out);
    out
}

/// Escapes `text` for the beginning of a line.
pub(crate) fn escaped_line(flavor: Flavor, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    flavor::escape(flavor, text, true, &mut out);
    out
}

/// Joins the texts that are not empty as paragraphs.
pub(crate) fn paragraphs<'a>(all: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let filled: Vec<&str> = all.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    filled.join("\n\n")
}
