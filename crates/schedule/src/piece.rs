//! Pieces of a text that know where they start.

use std::ops::Range;

/// A piece of the source and where it starts, so that errors can point at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl<'a> Piece<'a> {
    /// A part of it, by bytes that lie on character boundaries.
    pub(crate) fn part(self, range: Range<usize>) -> Self {
        Self { text: &self.text[range.clone()], start: self.start + range.start }
    }

    pub(crate) fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> + 'a {
        let start = self.start;
        self.text.split(separator).scan(start, move |at, text| {
            let piece = Piece { text, start: *at };
            *at += text.len() + separator.len_utf8();
            Some(piece)
        })
    }

    /// The words between ASCII white space.
    pub(crate) fn words(self) -> impl Iterator<Item = Self> + 'a {
        self.text.split_ascii_whitespace().map(move |word| {
            // A word is a slice of the text, so the distance of their addresses is its place.
            let start = word.as_ptr() as usize - self.text.as_ptr() as usize;
            Piece { text: word, start: self.start + start }
        })
    }
}
