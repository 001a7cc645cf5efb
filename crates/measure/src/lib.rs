//! Text lengths as each network counts them, and the place at which a text has to be cut to fit.
//!
//! [`Measure`] counts and finds the cut, [`limit`] holds the networks' limits and returns
//! [`LengthBudget`]s, [`sms`] splits text messages into segments, [`linkedin`] escapes text for
//! LinkedIn, and [`facet`] finds the links of a Bluesky post.
//!
//! Invariants:
//! - The functions are pure: they read no clock, no file and no network.
//! - The text before a cut fits the limit.
//! - A cut is never inside a grapheme, nor inside a URL that counts as one.
//!
//! ```
//! use measure::{Measure, Unit, limit};
//!
//! assert_eq!(Measure::Characters.of("e\u{301}"), 2);
//! assert_eq!(Measure::Graphemes.of("e\u{301}"), 1);
//! assert_eq!(Measure::Graphemes.cut_point("cafe\u{301}s", 4), "cafe\u{301}".len());
//!
//! let text = "折扣".repeat(71);
//! let budget = limit::x(&text);
//! assert_eq!((budget.unit, budget.measured, budget.allowed), (Unit::Weighted, 284, 280));
//! assert!(!budget.fits());
//! let fitting = &text[..budget.over_at.expect("the text is too long")];
//! assert!(limit::x(fitting).fits());
//! ```

mod emoji;
pub mod facet;
pub mod limit;
pub mod linkedin;
mod mastodon;
mod measure;
pub mod sms;
mod url;
mod weighted_length;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::mastodon::RESERVED_PER_URL;
pub use self::measure::Measure;
pub use self::weighted_length::first_forbidden;

/// The unit in which a length is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values, as `char` in Rust.
    Characters,
    /// User-perceived characters: extended grapheme clusters (UAX 29).
    Graphemes,
    /// Bytes of the text's UTF-8 encoding.
    Bytes,
    /// X's weights: a Latin letter counts 1, a Chinese character or an emoji 2, a URL 23.
    Weighted,
    /// Code units of UTF-16, as Java and JavaScript count.
    Utf16,
    /// Segments in which a text message is sent and billed.
    Segments,
    /// Blocks of a layout: Slack blocks, card elements, embeds.
    Blocks,
}

impl Unit {
    /// Returns the unit's name in the plural, for messages.
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

/// A measured length and the limit that applies to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LengthBudget {
    /// The limited part of the post, in a marketer's words: `"text"`, `"caption"`.
    pub what: &'static str,
    /// The unit of `measured` and `allowed`.
    pub unit: Unit,
    /// The measured length of the part.
    pub measured: usize,
    /// The largest length that is accepted.
    pub allowed: usize,
    /// Byte offset of the first character over the limit: the text before it fits. `None` while the
    /// text fits, or for a unit that is not text.
    pub over_at: Option<usize>,
}

impl LengthBudget {
    /// A budget for items that are not characters, such as blocks, fields or buttons.
    #[must_use]
    pub const fn of_things(what: &'static str, unit: Unit, measured: usize, allowed: usize) -> Self {
        Self { what, unit, measured, allowed, over_at: None }
    }

    /// Returns true if the measured length is within the limit.
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.measured <= self.allowed
    }
}
