//! `POST /api/v1/events`: actions of contacts on other systems, written and credited to campaigns
//! before the response.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use store::{Conversion, Credit, DeliveryId, RunId, StoreError};

use crate::error_status;
use crate::event_request::{self, PostedEvent};
use crate::state::TrackingState;

/// The result of one event, as it is reported to the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum EventResult {
    /// The event was written and credited to a campaign.
    Credited { campaign: String },
    /// The event was written, but could be credited to no campaign.
    Recorded,
    /// Nothing was written, because an event with this idempotency key exists.
    Repeated,
    /// Nothing was written, because of an error.
    Error { error: String },
}

/// Handles a request with one event or an array of events.
pub(crate) async fn post(
    State(state): State<Arc<TrackingState>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if let Some(refusal) = check_headers(&state, &headers) {
        return refusal;
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let error = "the body is more than 1 MiB: send fewer events at once";
            return error_response(rejection.status(), error);
        }
    };
    match event_request::parse(&body, state.clock.millis()) {
        Ok(events) => record_all(&state, events).await,
        Err(errors) => {
            let error = "nothing was written: fix the listed events and send all again";
            (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "errors": errors }))).into_response()
        }
    }
}

/// Checks the API key and the content type; returns the error response if one is wrong. A web page
/// of another origin cannot send `application/json` without a CORS preflight.
fn check_headers(state: &TrackingState, headers: &HeaderMap) -> Option<Response> {
    let value =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    if let Some(key) = &state.api_key {
        let given = value(header::AUTHORIZATION);
        let given = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if !given.is_some_and(|(_, given)| state.signer.secrets_are_equal(given.trim(), key)) {
            let error = "send the key as `Authorization: Bearer …`";
            let mut response = error_response(StatusCode::UNAUTHORIZED, error);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Some(response);
        }
    }
    let kind = value(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    (!is_json)
        .then(|| error_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send `Content-Type: application/json`"))
}

fn error_response(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Writes events one after the other. If the database fails for any event, the response is a 503,
/// so that a simple client sends all events again; idempotency keys prevent double counting. If an
/// event cannot be stored and the database did not fail, it is a 400.
async fn record_all(state: &TrackingState, events: Vec<PostedEvent>) -> Response {
    let mut results = Vec::with_capacity(events.len());
    let mut campaigns = HashMap::new();
    let mut status = StatusCode::OK;
    for event in events {
        let result = match record(state, event, &mut campaigns).await {
            Ok(result) => result,
            Err(error) => {
                status = status.max(error_status::status(&error));
                EventResult::Error { error: client_error(&error) }
            }
        };
        results.push(result);
    }
    (status, Json(json!({ "results": results }))).into_response()
}

/// Returns the error text for the client: how to fix the event, or that it is to be sent again.
fn client_error(error: &StoreError) -> String {
    if let StoreError::Input(error) = error {
        return error.to_string();
    }
    tracing::error!(%error, "a posted event could not be written");
    "the database did not answer: send this event again".to_owned()
}

async fn record(
    state: &TrackingState,
    event: PostedEvent,
    campaigns: &mut HashMap<RunId, String>,
) -> Result<EventResult, StoreError> {
    let Some(contact) = state.store.contact_find(&event.contact).await? else {
        let error =
            "no contact has this e-mail address, external id or phone number: import it first".to_owned();
        return Ok(EventResult::Error { error });
    };
    let goals = crate::goals::goals(&state.goals, &event.name);
    let conversion = Conversion {
        name: event.name,
        contact: contact.id,
        occurred_at: event.occurred_at,
        value_micros: event.value_micros,
        currency: event.currency,
        idempotency_key: event.idempotency_key,
        detail: event.properties,
    };
    match state.store.event_convert(&conversion, &goals, state.clock.millis()).await? {
        Credit::Delivery(id) => Ok(EventResult::Credited { campaign: campaign(state, id, campaigns).await }),
        Credit::NoDelivery => Ok(EventResult::Recorded),
        Credit::Repeated => Ok(EventResult::Repeated),
    }
}

/// Returns the campaign of a delivery, looked up once per run. The event is already written, so a
/// failure only leaves the name empty.
async fn campaign(state: &TrackingState, id: DeliveryId, cache: &mut HashMap<RunId, String>) -> String {
    let run = id.run();
    if let Some(campaign) = cache.get(&run) {
        return campaign.clone();
    }
    let campaign = match state.store.run_get(run).await {
        Ok(Some(row)) => row.campaign,
        Ok(None) | Err(_) => String::new(),
    };
    cache.insert(run, campaign.clone());
    campaign
}
