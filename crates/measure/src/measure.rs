//! The ways to count a text, and to find the place where it has to be cut.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use super::{LengthBudget, Unit, mastodon, sms, weighted_length};

/// A way to count the length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Unicode scalar values, as `char` in Rust.
    Characters,
    /// Extended grapheme clusters (UAX 29), as Bluesky's `maxGraphemes` counts
    /// (atproto.com/specs/lexicon, "string").
    Graphemes,
    /// Bytes of the text's UTF-8 encoding.
    Bytes,
    /// Code units of UTF-16, as Java and JavaScript count.
    Utf16,
    /// X's weighted length (docs.x.com/fundamentals/counting-characters; twitter-text,
    /// configuration 3).
    Weighted,
    /// Mastodon's count: graphemes, with a fixed number for each URL and `@user@host` counted as
    /// `@user` (docs.joinmastodon.org/user/posting; `StatusLengthValidator` of the server).
    Mastodon {
        /// Characters that each URL counts: `configuration.statuses.characters_reserved_per_url` of
        /// the instance, usually [`RESERVED_PER_URL`](super::RESERVED_PER_URL).
        url: usize,
    },
    /// Segments of a text message (3GPP TS 23.038, 23.040).
    Segments,
}

impl Measure {
    /// Returns the unit of the count.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Characters => Unit::Characters,
            Self::Graphemes | Self::Mastodon { .. } => Unit::Graphemes,
            Self::Bytes => Unit::Bytes,
            Self::Utf16 => Unit::Utf16,
            Self::Weighted => Unit::Weighted,
            Self::Segments => Unit::Segments,
        }
    }

    /// Returns the length of `text`.
    #[must_use]
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Graphemes => text.graphemes(true).count(),
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Weighted => weighted_length::weighted_length(text),
            Self::Mastodon { url } => mastodon::CountedText::new(text, url).text.graphemes(true).count(),
            Self::Segments => sms::Sms::of(text).segments,
        }
    }

    /// Returns the byte offset up to which `text` fits into `allowed`, or its length when all of it
    /// fits. The offset is never inside a grapheme, nor inside a URL that counts as one.
    #[must_use]
    pub fn cut_point(self, text: &str, allowed: usize) -> usize {
        if self.of(text) <= allowed {
            return text.len();
        }
        let at = match self {
            Self::Characters | Self::Graphemes | Self::Bytes | Self::Utf16 => {
                return self.last_whole_grapheme(text, allowed);
            }
            Self::Weighted => weighted_length::first_over_limit(text, allowed),
            Self::Mastodon { url } => mastodon::CountedText::new(text, url).first_over_limit(allowed),
            Self::Segments => sms::first_over_limit(text, allowed),
        };
        self.shrink_to_fit(text, grapheme_start(text, at), allowed)
    }

    /// Compares the length of `text` with a limit.
    #[must_use]
    pub fn budget(self, what: &'static str, text: &str, allowed: usize) -> LengthBudget {
        let measured = self.of(text);
        let over_at = (measured > allowed).then(|| self.cut_point(text, allowed));
        LengthBudget { what, unit: self.unit(), measured, allowed, over_at }
    }

    /// Returns the end of the last grapheme that fits, for measures in which the length of a text
    /// is the sum of its graphemes' lengths.
    fn last_whole_grapheme(self, text: &str, allowed: usize) -> usize {
        let mut left = allowed;
        for (at, grapheme) in text.grapheme_indices(true) {
            let size = if self == Self::Graphemes { 1 } else { self.of(grapheme) };
            match left.checked_sub(size) {
                Some(rest) => left = rest,
                None => return at,
            }
        }
        text.len()
    }

    /// Moves `at` back until the text before it fits. Needed where URLs count as one, because a cut
    /// can create a URL that was none (`x.commerce` cut after `x.com`).
    fn shrink_to_fit(self, text: &str, mut at: usize, allowed: usize) -> usize {
        while at > 0 && self.of(&text[..at]) > allowed {
            at = text[..at].grapheme_indices(true).next_back().map_or(0, |(start, _)| start);
        }
        at
    }
}

/// Returns the start of the grapheme that contains `at`, which is the start of a character.
fn grapheme_start(text: &str, at: usize) -> usize {
    if GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).unwrap_or(true) {
        return at;
    }
    text.grapheme_indices(true).map(|(start, _)| start).take_while(|start| *start <= at).last().unwrap_or(0)
}
