//! The record of a Bluesky post: its text with facets, its embed and its key.

use measure::facet::{RichText, Span};
use message::dialect::{SPAN_END, SPAN_SEPARATOR, SPAN_START};
use message::{Parts, Post};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const COLLECTION: &str = "app.bsky.feed.post";

/// Returns the text of a post with its facets: title, text and the button as a link.
pub(crate) fn rich_text(parts: &Parts) -> RichText {
    let mut spans = Vec::new();
    let plain = |text| Span { text, link: None };
    if let Some(title) = &parts.title {
        spans.push(plain(title.as_str()));
    }
    if !parts.text.is_empty() {
        if !spans.is_empty() {
            spans.push(plain("\n\n"));
        }
        push_marked_text(&parts.text, &mut spans);
    }
    if let Some(action) = &parts.action {
        if !spans.is_empty() {
            spans.push(plain("\n\n"));
        }
        spans.push(Span { text: &action.label, link: Some(&action.url) });
    }
    RichText::new(&spans, &|_| None)
}

/// Splits a text with marked links into spans.
fn push_marked_text<'a>(text: &'a str, spans: &mut Vec<Span<'a>>) {
    for (number, piece) in text.split(SPAN_START).enumerate() {
        let link = piece.split_once(SPAN_END).filter(|_| number > 0);
        match link.and_then(|(link, rest)| Some((link.split_once(SPAN_SEPARATOR)?, rest))) {
            Some(((label, to), rest)) => {
                spans.push(Span { text: label, link: Some(to) });
                spans.push(Span { text: rest, link: None });
            }
            None => spans.push(Span { text: piece, link: None }),
        }
    }
}

/// Returns the URL of the post's link card. A post has either a card or a picture, which is shown
/// larger and with alternative text; the link is in the text in any case.
fn card_url(parts: &Parts) -> Option<&str> {
    if parts.picture.is_some() {
        return None;
    }
    let button = parts.action.as_ref().map(|action| action.url.as_str());
    button.or_else(|| parts.link.as_deref().filter(|link| parts.text.contains(link)))
}

/// Builds the record of a post; `blob` is the uploaded picture with its alternative text.
pub(crate) fn record(parts: &Parts, post: &Post, blob: Option<(Value, &str)>) -> Value {
    let rich_text = rich_text(parts);
    let mut record = json!({
        "$type": COLLECTION,
        "text": rich_text.text,
        "createdAt": post.at.to_string(),
        "langs": [post.language],
    });
    if !rich_text.facets.is_empty() {
        record["facets"] = json!(rich_text.facets);
    }
    if let Some((blob, alt)) = blob {
        record["embed"] =
            json!({ "$type": "app.bsky.embed.images", "images": [{ "alt": alt, "image": blob }] });
    } else if let Some(uri) = card_url(parts) {
        let first = rich_text.text.lines().next().unwrap_or_default();
        let title = parts.title.as_deref().unwrap_or(first);
        let below = parts.action.as_ref().map(|action| action.label.as_str()).unwrap_or_default();
        let external = json!({ "uri": uri, "title": title, "description": below });
        record["embed"] = json!({ "$type": "app.bsky.embed.external", "external": external });
    }
    record
}

/// Returns a TID: 53 bits of microseconds and 10 bits of a clock identifier, in base 32. The
/// microseconds within the second and the clock identifier are derived from the delivery, so that
/// two deliveries of the same second collide with a probability of one in a thousand million.
pub(crate) fn rkey(post: &Post) -> String {
    const LETTERS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
    let hash = Sha256::digest(post.id.as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let second = u64::try_from(post.at.as_second()).unwrap_or_default();
    let micros = second.wrapping_mul(1_000_000).wrapping_add(number % 1_000_000) & ((1 << 53) - 1);
    let id = micros << 10 | (number >> 54);
    let letter = |place: u32| LETTERS[usize::try_from(id >> (place * 5) & 31).unwrap_or_default()];
    (0..13).rev().map(|place| char::from(letter(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{now, post};

    #[test]
    fn unbalanced_marks_are_not_links() {
        let mut spans = Vec::new();
        push_marked_text("a\u{2}b\u{3}c d\u{2}e\u{4}f", &mut spans);
        assert!(spans.iter().all(|span| span.link.is_none()));
    }

    #[test]
    fn the_key_is_a_tid_and_the_same_every_time() {
        let key = rkey(&post());
        assert_eq!(key, rkey(&Post { possible_duplicate: true, ..post() }));
        assert!(key.len() == 13 && key.bytes().all(|c| b"234567abcdefghijklmnopqrstuvwxyz".contains(&c)));
        assert!(key.starts_with(|c| "234567abcdefghij".contains(c)), "{key}");
        assert_ne!(key, rkey(&Post { id: "another".into(), ..post() }));
        let later = now() + jiff::SignedDuration::from_secs(1);
        assert!(rkey(&Post { at: later, ..post() }) > key);
    }
}
