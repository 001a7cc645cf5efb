//! The two files that pages need besides themselves, in the executable.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// A number that changes with the sheet: browsers keep a sheet for good, and must not keep an old one.
pub(crate) const STYLE_VERSION: u32 = fingerprint(STYLE.as_bytes());

/// `/style.css`
pub(crate) async fn style() -> Response {
    kept("text/css; charset=utf-8", STYLE)
}

/// `/icon.svg`
pub(crate) async fn icon() -> Response {
    kept("image/svg+xml", ICON)
}

fn kept(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=31536000, immutable")], text).into_response()
}

/// FNV-1a, 32 bits.
const fn fingerprint(mut bytes: &[u8]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u32).wrapping_mul(0x0100_0193);
        bytes = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of draft-eastlake-fnv, appendix C.
    #[test]
    fn the_fingerprint_is_fnv() {
        assert_eq!(fingerprint(b""), 0x811c_9dc5);
        assert_eq!(fingerprint(b"a"), 0xe40c_292c);
        assert_eq!(fingerprint(b"foobar"), 0xbf9c_f968);
    }
}
