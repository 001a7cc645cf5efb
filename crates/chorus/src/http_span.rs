//! Middleware that wraps each incoming HTTP request in a tracing span.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;

/// Handles a request inside a span with its method, route template, status and duration in
/// milliseconds. The span has no path, query, header or address, because these may hold tokens and
/// personal data. While spans are disabled it only checks a flag.
pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let span = tracing::debug_span!("request", method = Empty, route = Empty, status = Empty, ms = Empty);
    if span.is_disabled() {
        return next.run(request).await;
    }
    span.record("method", method(request.method()));
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    span.record("route", route);
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.record("ms", u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    response
}

/// Returns the name of a standard method, else `other`.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
