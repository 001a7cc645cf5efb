//! Ways to count a text.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use super::{Budget, Unit, fold, sms, weight};

/// A way to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Unicode scalar values.
    Characters,
    /// Extended grapheme clusters (UAX 29): what Bluesky's `maxGraphemes` counts (atproto.com/specs/lexicon, "string").
    Graphemes,
    /// Bytes of UTF-8.
    Bytes,
    /// Code units of UTF-16.
    Utf16,
    /// X's weighted length (docs.x.com/fundamentals/counting-characters; twitter-text, configuration 3).
    Weighted,
    /// Mastodon's: graphemes, an address counting a fixed number and `@user@host` only `@user`
    /// (docs.joinmastodon.org/user/posting; `StatusLengthValidator` of the server).
    Mastodon {
        /// What an address counts: `configuration.statuses.characters_reserved_per_url` of the instance, usually
        /// [`RESERVED_PER_URL`](super::RESERVED_PER_URL).
        url: usize,
    },
    /// Segments of a text message (3GPP TS 23.038, 23.040).
    Segments,
}

impl Measure {
    /// What it counts.
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

    /// How many there are in `text`.
    #[must_use]
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Graphemes => text.graphemes(true).count(),
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Weighted => weight::weighted(text),
            Self::Mastodon { url } => fold::Folded::new(text, url).text.graphemes(true).count(),
            Self::Segments => sms::Sms::of(text).segments,
        }
    }

    /// The byte offset up to which `text` fits into `allowed`; its length when all of it does. Never inside a
    /// character as people see it, nor inside an address that counts as one. What is before it fits.
    #[must_use]
    pub fn cut_point(self, text: &str, allowed: usize) -> usize {
        if self.of(text) <= allowed {
            return text.len();
        }
        let at = match self {
            Self::Characters | Self::Graphemes | Self::Bytes | Self::Utf16 => {
                return self.whole(text, allowed);
            }
            Self::Weighted => weight::first_over(text, allowed),
            Self::Mastodon { url } => fold::Folded::new(text, url).first_over(allowed),
            Self::Segments => sms::first_over(text, allowed),
        };
        self.settle(text, boundary(text, at), allowed)
    }

    /// `text` against a limit.
    #[must_use]
    pub fn budget(self, what: &'static str, text: &str, allowed: usize) -> Budget {
        let measured = self.of(text);
        let over_at = (measured > allowed).then(|| self.cut_point(text, allowed));
        Budget { what, unit: self.unit(), measured, allowed, over_at }
    }

    /// The end of the last grapheme that fits, where a text counts what its graphemes count together.
    fn whole(self, text: &str, allowed: usize) -> usize {
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

    /// Goes back until the text before fits: where addresses count as one, an end can make an address of what was
    /// none (`x.commerce` cut after `x.com`).
    fn settle(self, text: &str, mut at: usize, allowed: usize) -> usize {
        while at > 0 && self.of(&text[..at]) > allowed {
            at = text[..at].grapheme_indices(true).next_back().map_or(0, |(start, _)| start);
        }
        at
    }
}

/// The start of the grapheme that `at`, the start of a character, is in.
fn boundary(text: &str, at: usize) -> usize {
    if GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).unwrap_or(true) {
        return at;
    }
    text.grapheme_indices(true).map(|(start, _)| start).take_while(|start| *start <= at).last().unwrap_or(0)
}
