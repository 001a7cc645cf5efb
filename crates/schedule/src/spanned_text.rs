//! Substrings with their byte position, for errors that point into a text.

use std::ops::Range;

/// A substring of the source and the byte position at which it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpannedText<'a> {
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl<'a> SpannedText<'a> {
    /// Returns a part of the substring. Panics unless both ends of `range` lie on character
    /// boundaries.
    pub(crate) fn part(self, range: Range<usize>) -> Self {
        Self { text: &self.text[range.clone()], start: self.start + range.start }
    }

    pub(crate) fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> + 'a {
        let start = self.start;
        self.text.split(separator).scan(start, move |at, text| {
            let piece = SpannedText { text, start: *at };
            *at += text.len() + separator.len_utf8();
            Some(piece)
        })
    }

    /// Splits at ASCII white space.
    pub(crate) fn words(self) -> impl Iterator<Item = Self> + 'a {
        self.text.split_ascii_whitespace().map(move |word| {
            // A word is a slice of the text, so the distance between their addresses is its
            // position.
            let start = word.as_ptr() as usize - self.text.as_ptr() as usize;
            SpannedText { text: word, start: self.start + start }
        })
    }
}
