//! Bytes of a text as a line and a column that people count.

use std::ops::Range;

/// `span` moved to where `text` can be cut: inside it, on the edges of characters, not backwards.
pub(super) fn fit(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// The part of `span` on its first line: what a caret can stand under.
pub(super) fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let span = fit(text, span);
    let inside = text.get(span.clone()).unwrap_or_default();
    let length = inside.find(['\n', '\r']).unwrap_or(inside.len());
    span.start..span.start + length
}

/// Line and column of the byte `at`: both from 1, the column in characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..fit(text, &(at..at)).start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}
