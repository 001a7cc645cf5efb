//! How long a text is, as each network counts it, and where it would have to end.
//!
//! Pure functions over text. [`Measure`] counts and finds the place to cut, [`limit`] has the networks' own numbers
//! as [`Budget`]s, [`sms`] knows segments, [`little`] LinkedIn's escapes, [`facet`] Bluesky's links.

mod address;
mod emoji;
pub mod facet;
mod fold;
pub mod limit;
pub mod little;
mod scale;
pub mod sms;
mod weight;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use fold::RESERVED_PER_URL;
pub use scale::Measure;
pub use weight::first_forbidden;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// Characters as people see them: extended grapheme clusters (UAX 29).
    Graphemes,
    /// Bytes of UTF-8.
    Bytes,
    /// X's weights: a Latin letter is one, a Chinese character or an emoji two, an address 23.
    Weighted,
    /// Code units of UTF-16, as Java and JavaScript count.
    Utf16,
    /// Parts that a text message is sent and billed in.
    Segments,
    /// Blocks of a layout: Slack's, cards', embeds.
    Blocks,
}

impl Unit {
    /// What people call so many of it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Graphemes => "characters (graphemes)",
            Self::Bytes => "bytes",
            Self::Weighted => "characters as X counts them",
            Self::Utf16 => "characters (UTF-16)",
            Self::Segments => "segments",
            Self::Blocks => "blocks",
        }
    }
}

/// A text beside the limit it is held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// What is limited, in a marketer's words: `"text"`, `"caption"`.
    pub what: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// How many there are.
    pub measured: usize,
    /// How many there may be.
    pub allowed: usize,
    /// The byte offset of the first character over the limit; none while the text fits, or where what is counted is
    /// not text. The text before it fits.
    pub over_at: Option<usize>,
}

impl Budget {
    /// Of things that are not characters: blocks, fields, buttons.
    #[must_use]
    pub const fn of_things(what: &'static str, unit: Unit, measured: usize, allowed: usize) -> Self {
        Self { what, unit, measured, allowed, over_at: None }
    }

    /// Whether it is within the limit.
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.measured <= self.allowed
    }
}
