//! The click route `/c/…`: a redirect to a registered destination that does not wait for the event
//! to be written.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use store::{DeliveryName, EventKind, LinkName};

use crate::bot_detection::{self, HitKind};
use crate::hit::{hit_event, last_segment};
use crate::pages;
use crate::state::TrackingState;

/// Handles `GET /c/{link}.{token}`: redirects to the registered destination, and nowhere else.
pub(crate) async fn click(
    State(state): State<Arc<TrackingState>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some((link, delivery)) = parse_click(&state, last_segment(&uri)) else {
        return pages::not_found(&state.brand);
    };
    let target = match state.links.target(link).await {
        Ok(Some(target)) => target,
        Ok(None) => return pages::not_found(&state.brand),
        Err(error) => {
            tracing::warn!(%error, "a new link could not be looked up");
            return pages::failed(&state.brand, None, &error);
        }
    };
    let actor = bot_detection::classify(HitKind::Click, &method, &headers);
    state.events.send(hit_event(&state, EventKind::Clicked, delivery, Some(target.id), actor, &headers));
    (StatusCode::FOUND, [(header::LOCATION, target.location)]).into_response()
}

fn parse_click(state: &TrackingState, segment: &str) -> Option<(LinkName, DeliveryName)> {
    let (link, token) = segment.split_once('.')?;
    Some((state.signer.read_link(link)?, state.signer.read_token(token)?))
}
