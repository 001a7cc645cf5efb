//! Byte offsets of a text as line and column numbers.

use std::ops::Range;

/// Clamps `span` to `text` and to character boundaries, with the end not before the start.
pub(super) fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Returns the part of `span` on its first line, which a caret can mark.
pub(super) fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let span = clamp(text, span);
    let inside = text.get(span.clone()).unwrap_or_default();
    let length = inside.find(['\n', '\r']).unwrap_or(inside.len());
    span.start..span.start + length
}

/// Returns the line and column of the byte `at`, both from 1, the column in characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..clamp(text, &(at..at)).start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}
