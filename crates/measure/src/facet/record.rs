//! One facet, as the record wants it.

use std::ops::Range;

use serde::Serialize;

/// A part of a text that is more than text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// Where it is.
    pub index: Index,
    /// What it is.
    pub features: [Feature; 1],
}

/// A range of bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// The first byte.
    pub byte_start: usize,
    /// The byte after the last.
    pub byte_end: usize,
}

/// What a part of a text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "$type")]
pub enum Feature {
    /// A link.
    #[serde(rename = "app.bsky.richtext.facet#link")]
    Link {
        /// Where to.
        uri: String,
    },
    /// A mention of somebody.
    #[serde(rename = "app.bsky.richtext.facet#mention")]
    Mention {
        /// Whom: `did:plc:…`.
        did: String,
    },
    /// A hashtag, or a cashtag with its sign.
    #[serde(rename = "app.bsky.richtext.facet#tag")]
    Tag {
        /// Without the sign of a hashtag.
        tag: String,
    },
}

impl Facet {
    pub(super) fn new(range: Range<usize>, feature: Feature) -> Self {
        Self { index: Index { byte_start: range.start, byte_end: range.end }, features: [feature] }
    }

    pub(super) const fn meets(&self, other: &Self) -> bool {
        self.index.byte_start < other.index.byte_end && other.index.byte_start < self.index.byte_end
    }
}
