//! Serialization of a facet as the record `app.bsky.richtext.facet` requires it.

use std::ops::Range;

use serde::Serialize;

/// A range of a post's text that is a link, a mention or a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// Byte range in the text.
    pub index: Index,
    /// The single feature of the range; the record's schema has an array here.
    pub features: [Feature; 1],
}

/// A half-open range of bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Offset of the first byte.
    pub byte_start: usize,
    /// Offset of the byte after the last.
    pub byte_end: usize,
}

/// The kind of a facet, with its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "$type")]
pub enum Feature {
    /// A link to a page.
    #[serde(rename = "app.bsky.richtext.facet#link")]
    Link {
        /// The absolute URL of the page.
        uri: String,
    },
    /// A mention of an account.
    #[serde(rename = "app.bsky.richtext.facet#mention")]
    Mention {
        /// The account's identifier, `did:plc:…`.
        did: String,
    },
    /// A hashtag, or a cashtag including its `$`.
    #[serde(rename = "app.bsky.richtext.facet#tag")]
    Tag {
        /// The tag; a hashtag is without its `#`.
        tag: String,
    },
}

impl Facet {
    pub(super) fn new(range: Range<usize>, feature: Feature) -> Self {
        Self { index: Index { byte_start: range.start, byte_end: range.end }, features: [feature] }
    }

    pub(super) const fn overlaps(&self, other: &Self) -> bool {
        self.index.byte_start < other.index.byte_end && other.index.byte_start < self.index.byte_end
    }
}
