//! Security headers of every response: no scripts, nothing from other origins, no framing by other
//! sites.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// The policy of the dashboard's pages. Styles come only from `/style.css`; there are no scripts.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of a message shown in a frame: only its inline styles and embedded pictures. Remote
/// pictures are not fetched, so viewing a message never counts as an open.
pub(crate) const PREVIEW_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; \
     img-src data:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// Adds the headers that a response does not have yet.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let preview = headers.contains_key(CONTENT_SECURITY_POLICY);
    let mut add = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    add(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    add(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: with it browsers send `Origin: null` with the forms of these pages (Fetch
    // §3.1), and the origin distinguishes these forms from those of other sites.
    add(REFERRER_POLICY, if preview { "no-referrer" } else { "same-origin" });
    add(X_FRAME_OPTIONS, if preview { "SAMEORIGIN" } else { "DENY" });
    add(CACHE_CONTROL, "no-store");
    add(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    add(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    add(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    response
}
