//! Bluesky's facets: the links, mentions and tags of a post, by byte offsets of UTF-8
//! (`app.bsky.richtext.facet`; docs.bsky.app/docs/advanced-guides/post-richtext).
//!
//! Links given with the text become facets; in the rest of the text facets are found as
//! `RichText.detectFacets` of @atproto/api 0.19 finds them.

mod detect;
mod record;

use serde::Serialize;

pub use self::record::{Facet, Feature, Index};

/// A piece of a post's text, optionally a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'a> {
    /// The visible text of the piece.
    pub text: &'a str,
    /// The absolute URL that the piece links to.
    pub link: Option<&'a str>,
}

/// A post's text with its facets, ordered and without overlaps; serializes to the fields of a post
/// record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RichText {
    /// The plain text of the post.
    pub text: String,
    /// The links, mentions and tags in the text, by position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
}

impl RichText {
    /// Joins the spans and finds their facets. `did` resolves a handle to its DID; a mention whose
    /// handle it does not resolve stays plain text, since a facet must name a DID.
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
        for facet in detect::detect_facets(&text, did) {
            if !facets[..linked].iter().any(|link| link.overlaps(&facet)) {
                facets.push(facet);
            }
        }
        facets.sort_by_key(|facet| facet.index.byte_start);
        Self { text, facets }
    }
}
