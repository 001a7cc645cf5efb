//! Bluesky's facets: what in a post is a link, a mention, a tag, by byte offsets of UTF-8
//! (`app.bsky.richtext.facet`; docs.bsky.app/docs/advanced-guides/post-richtext).
//!
//! Links that a text brings with it become facets; in the rest they are found as `RichText.detectFacets` of
//! @atproto/api 0.19 finds them.

mod detect;
mod record;

use serde::Serialize;

pub use self::record::{Facet, Feature, Index};

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
