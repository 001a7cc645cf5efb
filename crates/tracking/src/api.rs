//! `POST /api/v1/events`: what contacts did elsewhere, written and credited before it is acknowledged.

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

use crate::failure;
use crate::posted::{self, Posted};
use crate::public::Public;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Became {
    /// Written, and a campaign earned it.
    Credited { campaign: String },
    /// Written; no campaign can claim it.
    Recorded,
    /// Its idempotency key was there: nothing was written.
    Repeated,
    /// Nothing was written.
    Error { error: String },
}

/// Takes one event or an array of them.
pub(crate) async fn post(
    State(public): State<Arc<Public>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if let Some(refusal) = refuse(&public, &headers) {
        return refusal;
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            return told(rejection.status(), "the body is more than 1 MiB: send fewer events at once");
        }
    };
    match posted::read(&body, public.clock.millis()) {
        Ok(events) => take(&public, events).await,
        Err(errors) => {
            let error = "nothing was written: mend what is listed and send all of it again";
            (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "errors": errors }))).into_response()
        }
    }
}

/// The key, and a content type that a foreign page cannot send without asking first.
fn refuse(public: &Public, headers: &HeaderMap) -> Option<Response> {
    let value =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    if let Some(key) = &public.api_key {
        let given = value(header::AUTHORIZATION);
        let given = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if !given.is_some_and(|(_, given)| public.signer.same(given.trim(), key)) {
            let mut response = told(StatusCode::UNAUTHORIZED, "send the key as `Authorization: Bearer …`");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Some(response);
        }
    }
    let kind = value(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    (!is_json).then(|| told(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send `Content-Type: application/json`"))
}

fn told(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Writes events one after the other. A database that fails makes the whole answer a 503, so that a plain
/// client sends everything again: idempotency keys see to it that nothing counts twice. An event that cannot be
/// stored makes it a 400, unless the database failed, too.
async fn take(public: &Public, events: Vec<Posted>) -> Response {
    let mut results = Vec::with_capacity(events.len());
    let mut campaigns = HashMap::new();
    let mut status = StatusCode::OK;
    for event in events {
        let became = match one(public, event, &mut campaigns).await {
            Ok(became) => became,
            Err(error) => {
                status = status.max(failure::status(&error));
                Became::Error { error: not_written(&error) }
            }
        };
        results.push(became);
    }
    (status, Json(json!({ "results": results }))).into_response()
}

/// The text for the client: what to change, or to send the event again.
fn not_written(error: &StoreError) -> String {
    if let StoreError::Input(error) = error {
        return error.to_string();
    }
    tracing::error!(%error, "a posted event could not be written");
    "the database did not answer: send this event again".to_owned()
}

async fn one(
    public: &Public,
    event: Posted,
    campaigns: &mut HashMap<RunId, String>,
) -> Result<Became, StoreError> {
    let Some(contact) = public.store.contact_find(&event.contact).await? else {
        let error =
            "no contact has this e-mail address, external id or phone number: import it first".to_owned();
        return Ok(Became::Error { error });
    };
    let goals = crate::goals::goals(&public.goals, &event.name);
    let conversion = Conversion {
        name: event.name,
        contact: contact.id,
        occurred_at: event.occurred_at,
        value_micros: event.value_micros,
        currency: event.currency,
        idempotency_key: event.idempotency_key,
        detail: event.properties,
    };
    match public.store.event_convert(&conversion, &goals, public.clock.millis()).await? {
        Credit::Delivery(id) => Ok(Became::Credited { campaign: campaign(public, id, campaigns).await }),
        Credit::Nobody => Ok(Became::Recorded),
        Credit::Repeated => Ok(Became::Repeated),
    }
}

/// The campaign of a delivery, looked up once per run. The event is written: a failure here costs only the name.
async fn campaign(public: &Public, id: DeliveryId, known: &mut HashMap<RunId, String>) -> String {
    let run = id.run();
    if let Some(campaign) = known.get(&run) {
        return campaign.clone();
    }
    let campaign = match public.store.run_get(run).await {
        Ok(Some(row)) => row.campaign,
        Ok(None) | Err(_) => String::new(),
    };
    known.insert(run, campaign.clone());
    campaign
}
