//! Bluesky's facets: what in a post is a link, a mention, a tag, by byte offsets of UTF-8
//! (`app.bsky.richtext.facet`; docs.bsky.app/docs/advanced-guides/post-richtext).
//!
//! Links that a text brings with it become facets; in the rest they are found as `RichText.detectFacets` of
//! @atproto/api 0.19 finds them.

mod detect;

use std::ops::Range;

use serde::Serialize;

/// A piece of text, perhaps with where it links to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'a> {
    /// What is read.
    pub text: &'a str,
    /// An absolute address.
    pub link: Option<&'a str>,
}

/// A post's text with its facets, in order and apart; as JSON what the record wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RichText {
    /// The text, plain.
    pub text: String,
    /// What in it is more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
}

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

impl RichText {
    /// What spans say together. `did` tells whom a handle means; mentions of others stay text, since a facet must name
    /// a DID.
    #[must_use]
    pub fn new(spans: &[Span<'_>], did: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut text = String::new();
        let mut facets = Vec::new();
        for span in spans {
            let start = text.len();
            text.push_str(span.text);
            if let Some(uri) = span.link.filter(|_| !span.text.is_empty()) {
                facets.push(Facet::new(start..text.len(), Feature::Link { uri: uri.to_owned() }));
            }
        }
        let linked = facets.len();
        for facet in detect::all(&text, did) {
            if !facets[..linked].iter().any(|link| link.meets(&facet)) {
                facets.push(facet);
            }
        }
        facets.sort_by_key(|facet| facet.index.byte_start);
        Self { text, facets }
    }
}

impl Facet {
    fn new(range: Range<usize>, feature: Feature) -> Self {
        Self { index: Index { byte_start: range.start, byte_end: range.end }, features: [feature] }
    }

    const fn meets(&self, other: &Self) -> bool {
        self.index.byte_start < other.index.byte_end && other.index.byte_start < self.index.byte_end
    }
}
