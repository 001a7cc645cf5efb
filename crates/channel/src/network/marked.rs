//! What networks without a place for buttons or pictures get in their Markdown instead.

use crate::piece;

/// A link that says `label`.
pub(super) fn link(label: &str, url: &str) -> String {
    format!("[{}]({url})", escaped(label))
}

/// A picture with its words.
pub(super) fn picture(alt: &str, url: &str) -> String {
    format!("![{}]({url})", escaped(alt))
}

/// `text` as text.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    piece::markdown(text, &mut out);
    out
}

/// Paragraphs, without those that say nothing.
pub(super) fn paragraphs<'a>(all: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let said: Vec<&str> = all.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    said.join("\n\n")
}
