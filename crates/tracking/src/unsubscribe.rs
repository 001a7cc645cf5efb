//! The unsubscribe route `/u/…`: a page with a button, the one-click POST of RFC 8058, and an undo
//! for one hour.
//!
//! A GET changes nothing, because scanners follow every link (RFC 8058 §3.1). A POST is answered
//! after the change is committed, without a redirect (§3.1), and in the same way whether or not the
//! token is valid. The link of a test copy changes nothing and says so.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use store::{
    AddressKind, Contact, ContactId, Conversion, DeliveryId, EventKind, Millis, NamedDelivery, NewEvent,
    StoreError, Suppression, SuppressionReason,
};
use url::form_urlencoded;

use crate::bot_detection;
use crate::hit::{last_segment, request_detail};
use crate::pages;
use crate::state::TrackingState;

/// The time in which an unsubscription can be undone with its link, in milliseconds.
const UNDO_WINDOW: i64 = 3_600_000;

/// The action that a POST requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Unsubscribe, sent by a mail service (RFC 8058).
    OneClick,
    /// Unsubscribe, sent by the page's button.
    Page,
    /// Undo, sent by the button of the confirmation page.
    Undo,
}

/// Handles `GET /u/{token}`: shows the button, even if the database does not answer, which the POST
/// reports.
pub(crate) async fn show(State(state): State<Arc<TrackingState>>, uri: Uri) -> Response {
    match find(&state, &uri).await {
        Ok(Some(NamedDelivery { is_test_copy: true, .. })) => pages::test_copy(&state.brand),
        Ok(_) => pages::confirm_unsubscribe(&state.brand, StatusCode::OK),
        Err(error) => {
            tracing::warn!(%error, "an unsubscribe link could not be looked up");
            pages::confirm_unsubscribe(&state.brand, StatusCode::OK)
        }
    }
}

/// Handles `POST /u/{token}`: unsubscribes the contact or undoes it.
pub(crate) async fn post(
    State(state): State<Arc<TrackingState>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(action) = parse_action(&headers, &body) else {
        return pages::confirm_unsubscribe(&state.brand, StatusCode::BAD_REQUEST);
    };
    let done = match find(&state, &uri).await {
        Ok(None) => Ok(()),
        Ok(Some(NamedDelivery { is_test_copy: true, .. })) => return pages::test_copy(&state.brand),
        Ok(Some(NamedDelivery { id, .. })) => match action {
            Action::OneClick => unsubscribe(&state, id, "one-click", &headers).await,
            Action::Page => unsubscribe(&state, id, "unsubscribe-page", &headers).await,
            Action::Undo => resubscribe(&state, id).await,
        },
        Err(error) => Err(error),
    };
    result_page(&state, action, done)
}

/// Returns the delivery that the token in a path refers to, if this installation signed it and the
/// database has it.
async fn find(state: &TrackingState, uri: &Uri) -> Result<Option<NamedDelivery>, StoreError> {
    match state.signer.read_token(last_segment(uri)) {
        Some(name) => state.store.delivery_find(name).await,
        None => Ok(None),
    }
}

fn result_page(state: &TrackingState, action: Action, done: Result<(), StoreError>) -> Response {
    let undo = action == Action::Undo;
    match done {
        Ok(()) if undo => pages::resubscribed(&state.brand),
        Ok(()) => pages::unsubscribed(&state.brand),
        Err(error) => {
            tracing::error!(%error, undo, "an unsubscription could not be written");
            pages::failed(&state.brand, Some(if undo { "undo" } else { "unsubscribe" }), &error)
        }
    }
}

/// Records the event, and with it the suppression. A token whose delivery is deleted still
/// identifies the contact, who is then suppressed without an event.
async fn unsubscribe(
    state: &TrackingState,
    delivery: DeliveryId,
    source: &str,
    headers: &HeaderMap,
) -> Result<(), StoreError> {
    let now = state.clock.millis();
    let event = NewEvent {
        kind: EventKind::Unsubscribed,
        delivery: delivery.into(),
        link: None,
        occurred_at: now,
        // A mail service that posts it acts on behalf of the person.
        actor: bot_detection::HUMAN.to_owned(),
        detail: Some(request_detail(headers, Some(source))),
    };
    if state.store.event_record(&[event], now).await? > 0 {
        return Ok(());
    }
    let Some(address) = contact(state, delivery).await?.and_then(|contact| contact.email) else {
        return Ok(());
    };
    let (kind, reason) = (AddressKind::Email, SuppressionReason::Unsubscribed);
    let row = Suppression { kind, address, reason, source: source.to_owned(), created_at: now };
    state.store.suppression_add(&[row]).await.map(|_| ())
}

/// Removes a suppression that an unsubscription within the last hour created. Complaints, bounces
/// and older unsubscriptions remain.
async fn resubscribe(state: &TrackingState, delivery: DeliveryId) -> Result<(), StoreError> {
    let Some(contact) = contact(state, delivery).await? else { return Ok(()) };
    let Some(address) = &contact.email else { return Ok(()) };
    let now = state.clock.millis();
    let row = state.store.suppression_get(AddressKind::Email, address).await?;
    let fresh = row.is_some_and(|row| {
        row.reason == SuppressionReason::Unsubscribed && now.since(row.created_at) <= UNDO_WINDOW
    });
    if !fresh || !state.store.suppression_remove(AddressKind::Email, address).await? {
        return Ok(());
    }
    state.store.consent_undo(contact.id, now.saturating_sub(UNDO_WINDOW), now).await?;
    let event = resubscribed_event(contact.id, now);
    state.store.event_convert(&event, &[], now).await.map(|_| ())
}

/// Returns the event that records the wish to stay subscribed.
fn resubscribed_event(contact: ContactId, now: Millis) -> Conversion {
    Conversion {
        name: "resubscribed".to_owned(),
        contact,
        occurred_at: now,
        value_micros: None,
        currency: None,
        idempotency_key: None,
        detail: None,
    }
}

async fn contact(state: &TrackingState, delivery: DeliveryId) -> Result<Option<Contact>, StoreError> {
    match delivery.contact() {
        ContactId::FEED => Ok(None),
        id => state.store.contact_get(id).await,
    }
}

/// Returns the action of a body that is `multipart/form-data` or urlencoded (RFC 8058 §3.1 requires
/// both).
fn parse_action(headers: &HeaderMap, body: &[u8]) -> Option<Action> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        return multipart_pairs(&String::from_utf8_lossy(body))
            .find_map(|(name, value)| action(&name, value));
    }
    form_urlencoded::parse(body).find_map(|(name, value)| action(&name, &value))
}

fn action(name: &str, value: &str) -> Option<Action> {
    let value = value.trim();
    if name.eq_ignore_ascii_case("List-Unsubscribe") && value.eq_ignore_ascii_case("One-Click") {
        return Some(Action::OneClick);
    }
    match (name, value) {
        ("action", "unsubscribe") => Some(Action::Page),
        ("action", "undo") => Some(Action::Undo),
        _ => None,
    }
}

/// Returns the names and first lines of the parts of a multipart body. Looks for part headers
/// instead of the boundary, which some senders, and the examples of RFC 8058 itself, get wrong.
fn multipart_pairs(body: &str) -> impl Iterator<Item = (String, &str)> {
    let mut lines = body.lines();
    std::iter::from_fn(move || {
        loop {
            let Some(name) = part_name(lines.next()?) else { continue };
            let _rest_of_headers = lines.by_ref().find(|line| line.is_empty())?;
            return Some((name, lines.next()?));
        }
    })
}

/// Returns the `name` of a line `Content-Disposition: form-data; name="…"`.
fn part_name(line: &str) -> Option<String> {
    let (header, value) = line.split_once(':')?;
    if !header.trim().eq_ignore_ascii_case("content-disposition") {
        return None;
    }
    let (_, name) = value.split(';').find_map(|part| {
        part.trim().split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("name"))
    })?;
    Some(name.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(kind: &str, body: &str) -> Option<Action> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_str(kind).unwrap())]);
        parse_action(&headers, body.as_bytes())
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn one_click_is_parsed_in_every_encoding() {
        assert_eq!(read(FORM, "List-Unsubscribe=One-Click"), Some(Action::OneClick));
        assert_eq!(read("", "List-Unsubscribe=One-Click"), Some(Action::OneClick));
        assert_eq!(read(FORM, "a=b&list-unsubscribe=one-click&c"), Some(Action::OneClick));
        // RFC 8058 §8.2, with the boundary as printed there.
        let rfc = "---FormBoundaryjWmhtjORrn\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n\
                   One-Click\r\n---FormBoundaryjWmhtjORrn--\r\n";
        let kind = "multipart/form-data; boundary=---FormBoundaryjWmhtjORrn";
        assert_eq!(read(kind, rfc), Some(Action::OneClick));
        let other = "--b\ncontent-disposition: form-data; name=x\n\nOne-Click\n--b\n\
                     Content-Disposition: form-data; name=List-Unsubscribe\nContent-Type: text/plain\n\nOne-Click\n--b--";
        assert_eq!(read("Multipart/form-data; boundary=b", other), Some(Action::OneClick));
    }

    #[test]
    fn actions_of_buttons_are_parsed() {
        assert_eq!(read(FORM, "action=unsubscribe"), Some(Action::Page));
        assert_eq!(read(FORM, "action=undo"), Some(Action::Undo));
    }

    #[test]
    fn other_bodies_have_no_action() {
        for body in [
            "",
            "List-Unsubscribe",
            "List-Unsubscribe=",
            "List-Unsubscribe=Two-Clicks",
            "One-Click",
            "action=x",
        ] {
            assert_eq!(read(FORM, body), None, "{body}");
        }
        let without_name = "--b\r\nContent-Disposition: form-data\r\n\r\nOne-Click\r\n--b--";
        assert_eq!(read("multipart/form-data; boundary=b", without_name), None);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(kind in "(multipart/form-data|x)", body in any::<Vec<u8>>(), text in "(Content-Disposition: form-data; name=|[;:=\"\r\n ]|\\PC){0,30}") {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_str(&kind).unwrap())]);
            parse_action(&headers, &body);
            parse_action(&headers, text.as_bytes());
        }
    }
}
