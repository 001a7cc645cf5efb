//! The open pixel `/o/…`: a transparent image that does not wait for the event to be written.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use store::EventKind;

use crate::bot_detection::{self, HitKind};
use crate::hit::{hit_event, last_segment};
use crate::state::TrackingState;

/// A transparent GIF of one pixel: the usual 43 bytes.
const PIXEL: &[u8; 43] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Handles `GET /o/{token}`: returns the pixel for every token, so that the response does not
/// reveal which tokens are valid.
pub(crate) async fn open(
    State(state): State<Arc<TrackingState>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(delivery) = state.signer.read_token(last_segment(&uri)) {
        let actor = bot_detection::classify(HitKind::Open, &method, &headers);
        state.events.send(hit_event(&state, EventKind::Opened, delivery, None, actor, &headers));
    }
    ([(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"))], &PIXEL[..]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pixel_is_a_gif_of_one_pixel() {
        assert_eq!(&PIXEL[..6], b"GIF89a");
        assert_eq!((PIXEL[6], PIXEL[8], PIXEL[42]), (1, 1, b';'));
    }
}
