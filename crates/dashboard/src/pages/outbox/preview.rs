//! Preparation of a message's HTML for a frame that loads nothing: embedded pictures become inline
//! data, links do not work.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{MessageParser, MimeHeaders};

/// The maximum size of all inlined pictures of a message, in bytes: 8 MiB.
const MAX_PICTURE_BYTES: usize = 8 << 20;

/// The first element of the head: it makes links open in a new window, which the sandbox forbids.
/// Following a link would count as a click.
const BASE_TAG: &str = "<base target=\"_blank\">";

/// A grey placeholder for remote pictures: fetching one would count as an open.
const PLACEHOLDER_PICTURE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 600 300'%3E%3Crect \
    width='600' height='300' fill='%23e6e3dd'/%3E%3Cpath d='M250 180l35-45 25 30 15-18 25 33z' \
    fill='%23c9c4ba'/%3E%3C/svg%3E";

/// Returns the HTML for the frame.
pub(crate) fn html(html: &str, raw: &[u8]) -> String {
    let html = if html.contains("cid:") { with_pictures(html, raw) } else { Cow::Borrowed(html) };
    let html = without_addresses(&html);
    let at = after_head(&html);
    let (before, after) = html.split_at(at);
    format!("{before}{BASE_TAG}{after}")
}

/// Replaces remote pictures by the placeholder. This is only for looks: the policy of the frame
/// blocks those that are missed.
fn without_addresses(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once("<img") {
        let end = tag.find('>').unwrap_or(tag.len());
        let (tag, after) = tag.split_at(end);
        out.push_str(before);
        out.push_str("<img");
        match address(tag) {
            Some((from, to)) => {
                out.push_str(tag.get(..from).unwrap_or_default());
                out.push_str(PLACEHOLDER_PICTURE);
                out.push_str(tag.get(to..).unwrap_or_default());
            }
            None => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns the byte positions at which the http(s) address of a tag's `src` begins and ends.
fn address(tag: &str) -> Option<(usize, usize)> {
    let (before, value) = tag.split_once(" src=\"")?;
    let (address, _) = value.split_once('"')?;
    let from = before.len() + " src=\"".len();
    address.starts_with("http").then_some((from, from + address.len()))
}

/// Returns the position after the opening `head` tag; without one, the position after the doctype,
/// or 0.
fn after_head(html: &str) -> usize {
    let lower = html.to_ascii_lowercase();
    let head = lower.match_indices("<head").find(|(at, _)| {
        // `<header>` is something else.
        lower.as_bytes().get(at + 5).is_some_and(|next| *next == b'>' || next.is_ascii_whitespace())
    });
    let end = head.and_then(|(at, _)| lower.get(at..)?.find('>').map(|end| at + end + 1));
    // Content before a doctype would switch browsers to quirks mode.
    let doctype = || lower.trim_start().starts_with("<!doctype").then(|| lower.find('>').map(|end| end + 1));
    end.or_else(|| doctype().flatten()).unwrap_or(0)
}

/// Replaces `cid:` references (RFC 2392) by the data of the embedded pictures.
fn with_pictures<'a>(html: &'a str, raw: &[u8]) -> Cow<'a, str> {
    let Some(message) = MessageParser::default().parse(raw) else { return Cow::Borrowed(html) };
    let mut remaining = MAX_PICTURE_BYTES;
    let mut html = Cow::Borrowed(html);
    for part in &message.parts {
        let (Some(id), Some(kind)) = (part.content_id(), part.content_type()) else { continue };
        let (true, Some(subtype)) = (kind.ctype().eq_ignore_ascii_case("image"), kind.subtype()) else {
            continue;
        };
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let bytes = part.contents();
        if !plain(subtype) || bytes.len() > remaining {
            continue;
        }
        let name = format!("cid:{}", id.trim_matches(['<', '>']));
        if html.contains(&name) {
            remaining -= bytes.len();
            let data = format!("data:image/{subtype};base64,{}", STANDARD.encode(bytes));
            html = Cow::Owned(html.replacen(&name, &data, 3));
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_tag_goes_into_the_head_and_never_before_the_doctype() {
        assert_eq!(after_head("<!DOCTYPE html><html><HEAD lang=en><title>"), 35);
        assert_eq!(after_head("<!doctype html><header>"), 15);
        assert_eq!(after_head("<p>ü</p>"), 0);
        assert_eq!(after_head("<head"), 0);
        let page = html("<html><head></head><body>é</body></html>", b"");
        assert!(page.starts_with("<html><head><base target=\"_blank\">"), "{page}");
        assert!(page.ends_with("</head><body>é</body></html>"), "{page}");
    }

    #[test]
    fn a_picture_in_the_message_is_shown() {
        let raw = b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\
            Content-Type: text/html\r\n\r\n<img src=\"cid:hero\">\r\n--b\r\nContent-Type: image/png\r\n\
            Content-ID: <hero>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n";
        let page = html("<img src=\"cid:hero\"><img src=\"cid:other\">", raw);
        assert!(page.contains("src=\"data:image/png;base64,iVBORw0KGgo=\""), "{page}");
        assert!(page.contains("cid:other"), "{page}");
    }

    #[test]
    fn a_remote_picture_is_not_fetched() {
        let page = html(
            "<img width=\"9\" src=\"https://a.example/x.png\" alt=\"Ü\"><img alt=\"\"><img src=\"http://b",
            b"",
        );
        assert!(!page.contains("a.example"), "{page}");
        assert!(page.contains("<img width=\"9\" src=\"data:image/svg+xml,"), "{page}");
        assert!(page.ends_with("\" alt=\"Ü\"><img alt=\"\"><img src=\"http://b"), "{page}");
    }

    #[test]
    fn a_part_cannot_break_out_of_its_address() {
        let raw = b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\
            Content-Type: image/x\"onerror=alert(1)\r\nContent-ID: <hero>\r\n\r\nx\r\n--b--\r\n";
        assert!(!html("<img src=\"cid:hero\">", raw).contains("onerror"));
    }
}
