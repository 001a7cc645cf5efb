//! A span for each HTTP request that comes in.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;

/// Answers a request inside a span with its method, the template of its route, its status and its milliseconds.
/// The span has no path, query, header or address: they may hold tokens and people. While spans are off this costs a
/// look at a flag.
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

/// The method's name; `other` where a client made it up.
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
