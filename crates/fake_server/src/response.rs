//! HTTP responses, including bodies that are slow, cut in half, or followed by 64 MiB.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream;

use crate::reply::Reply;

/// The time in which the first half of a body is sent before the connection is closed.
const HALF_BODY_DELAY: Duration = Duration::from_millis(20);

/// Returns a response with the reply's status and headers and this body; with the length of the
/// reply's own body if `measured`.
pub(crate) fn response(reply: &Reply, body: Body, measured: bool) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if measured {
        response.headers_mut().insert("content-length", HeaderValue::from(reply.body.len()));
    }
    response
}

/// Returns the first half of a body, followed by an error that closes the connection.
pub(crate) fn half(body: &Bytes) -> Body {
    let first = body.slice(..body.len() / 2);
    Body::from_stream(stream::unfold(Some(first), |first| async move {
        if let Some(first) = first {
            return Some((Ok(first), None));
        }
        tokio::time::sleep(HALF_BODY_DELAY).await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    }))
}

/// Returns a body that is sent one byte at a time, `pause` milliseconds apart.
pub(crate) fn slow(body: Bytes, pause: u64) -> Body {
    Body::from_stream(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Some((Ok::<_, io::Error>(rest.split_to(1)), rest))
    }))
}

/// Returns a body followed by 64 MiB of spaces.
pub(crate) fn huge(body: Bytes) -> Body {
    Body::from_stream(stream::unfold((body, 1024_u32), |(body, left)| async move {
        let left = left.checked_sub(1)?;
        Some((Ok::<_, io::Error>(body), (Bytes::from_static(&[b' '; 64 << 10]), left)))
    }))
}
