//! Static files: the style sheet and the icon, embedded in the executable.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// The version of the style sheet in its address, so that browsers, which cache it permanently,
/// load a changed one.
pub(crate) const STYLE_VERSION: u32 = fingerprint(STYLE.as_bytes());

/// Responds to `GET /style.css` with the style sheet.
pub(crate) async fn style() -> Response {
    cached("text/css; charset=utf-8", STYLE)
}

/// Responds to `GET /icon.svg` with the icon.
pub(crate) async fn icon() -> Response {
    cached("image/svg+xml", ICON)
}

fn cached(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=31536000, immutable")], text).into_response()
}

/// Returns the 32-bit FNV-1a hash of `bytes`.
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

    /// Checks test vectors of draft-eastlake-fnv, appendix C.
    #[test]
    fn the_fingerprint_is_fnv() {
        assert_eq!(fingerprint(b""), 0x811c_9dc5);
        assert_eq!(fingerprint(b"a"), 0xe40c_292c);
        assert_eq!(fingerprint(b"foobar"), 0xbf9c_f968);
    }
}
