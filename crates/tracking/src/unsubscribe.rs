//! `/u/…`: a page that asks, RFC 8058's one-click POST, and an hour to take it back.
//!
//! A GET changes nothing: scanners follow every link (RFC 8058 §3.1). A POST is answered when it is committed,
//! without a redirect (§3.1), and in the same way whether or not the token is one of ours. A test copy's link changes
//! nothing and says so.

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

use crate::actor;
use crate::follow::{detail, last_segment};
use crate::page;
use crate::public::Public;

/// How long an unsubscription can be taken back by whoever holds the link.
const UNDO: i64 = 3_600_000;

/// What a POST asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A mail service did, by RFC 8058.
    OneClick,
    /// The page's button was pressed.
    Page,
    /// The other button.
    Undo,
}

/// Shows the button, also where the database does not answer: the POST reports that.
pub(crate) async fn ask(State(public): State<Arc<Public>>, uri: Uri) -> Response {
    match find(&public, &uri).await {
        Ok(Some(NamedDelivery { is_test_copy: true, .. })) => page::test_copy(&public.brand),
        Ok(_) => page::ask(&public.brand, StatusCode::OK),
        Err(error) => {
            tracing::warn!(%error, "an unsubscribe link could not be looked up");
            page::ask(&public.brand, StatusCode::OK)
        }
    }
}

/// Does it.
pub(crate) async fn post(
    State(public): State<Arc<Public>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(asked) = read_body(&headers, &body) else {
        return page::ask(&public.brand, StatusCode::BAD_REQUEST);
    };
    let done = match find(&public, &uri).await {
        Ok(None) => Ok(()),
        Ok(Some(NamedDelivery { is_test_copy: true, .. })) => return page::test_copy(&public.brand),
        Ok(Some(NamedDelivery { id, .. })) => match asked {
            Asked::OneClick => leave(&public, id, "one-click", &headers).await,
            Asked::Page => leave(&public, id, "unsubscribe-page", &headers).await,
            Asked::Undo => stay(&public, id).await,
        },
        Err(error) => Err(error),
    };
    answer(&public, asked, done)
}

/// The delivery that the token in a path refers to, if this installation signed it and the database has it.
async fn find(public: &Public, uri: &Uri) -> Result<Option<NamedDelivery>, StoreError> {
    match public.signer.read_token(last_segment(uri)) {
        Some(name) => public.store.delivery_find(name).await,
        None => Ok(None),
    }
}

fn answer(public: &Public, asked: Asked, done: Result<(), StoreError>) -> Response {
    let undo = asked == Asked::Undo;
    match done {
        Ok(()) if undo => page::back(&public.brand),
        Ok(()) => page::done(&public.brand),
        Err(error) => {
            tracing::error!(%error, undo, "an unsubscription could not be written");
            page::failed(&public.brand, Some(if undo { "undo" } else { "unsubscribe" }), &error)
        }
    }
}

/// Writes the event, and with it the suppression. A delivery that is no longer there still names its contact.
async fn leave(
    public: &Public,
    delivery: DeliveryId,
    source: &str,
    headers: &HeaderMap,
) -> Result<(), StoreError> {
    let now = public.clock.millis();
    let event = NewEvent {
        kind: EventKind::Unsubscribed,
        delivery: delivery.into(),
        link: None,
        occurred_at: now,
        // Whoever posts it, a person's mailbox asks in that person's name.
        actor: actor::HUMAN.to_owned(),
        detail: Some(detail(headers, Some(source))),
    };
    if public.store.event_record(&[event], now).await? > 0 {
        return Ok(());
    }
    let Some(address) = contact(public, delivery).await?.and_then(|contact| contact.email) else {
        return Ok(());
    };
    let (kind, reason) = (AddressKind::Email, SuppressionReason::Unsubscribed);
    let row = Suppression { kind, address, reason, source: source.to_owned(), created_at: now };
    public.store.suppression_add(&[row]).await.map(|_| ())
}

/// Takes a suppression back that this hour's unsubscription made; nobody's complaint, bounce or older wish.
async fn stay(public: &Public, delivery: DeliveryId) -> Result<(), StoreError> {
    let Some(contact) = contact(public, delivery).await? else { return Ok(()) };
    let Some(address) = &contact.email else { return Ok(()) };
    let now = public.clock.millis();
    let row = public.store.suppression_get(AddressKind::Email, address).await?;
    let fresh = row.is_some_and(|row| {
        row.reason == SuppressionReason::Unsubscribed && now.since(row.created_at) <= UNDO
    });
    if !fresh || !public.store.suppression_remove(AddressKind::Email, address).await? {
        return Ok(());
    }
    let event = resubscribed(contact.id, now);
    public.store.event_convert(&event, &[], now).await.map(|_| ())
}

/// The evidence that they wished to stay.
fn resubscribed(contact: ContactId, now: Millis) -> Conversion {
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

async fn contact(public: &Public, delivery: DeliveryId) -> Result<Option<Contact>, StoreError> {
    match delivery.contact() {
        ContactId::FEED => Ok(None),
        id => public.store.contact_get(id).await,
    }
}

/// What the body asks for: `multipart/form-data` or urlencoded (RFC 8058 §3.1 wants both read).
fn read_body(headers: &HeaderMap, body: &[u8]) -> Option<Asked> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        return multipart_pairs(&String::from_utf8_lossy(body)).find_map(|(name, value)| asked(&name, value));
    }
    form_urlencoded::parse(body).find_map(|(name, value)| asked(&name, &value))
}

fn asked(name: &str, value: &str) -> Option<Asked> {
    let value = value.trim();
    if name.eq_ignore_ascii_case("List-Unsubscribe") && value.eq_ignore_ascii_case("One-Click") {
        return Some(Asked::OneClick);
    }
    match (name, value) {
        ("action", "unsubscribe") => Some(Asked::Page),
        ("action", "undo") => Some(Asked::Undo),
        _ => None,
    }
}

/// The names and first lines of a multipart body. Looks for part headers and not for the boundary, which some
/// senders, and the examples of RFC 8058 itself, get wrong.
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

/// The `name` of a `Content-Disposition: form-data; name="…"`.
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

    fn read(kind: &str, body: &str) -> Option<Asked> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_str(kind).unwrap())]);
        read_body(&headers, body.as_bytes())
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn one_click_is_read_in_every_form_that_is_sent() {
        assert_eq!(read(FORM, "List-Unsubscribe=One-Click"), Some(Asked::OneClick));
        assert_eq!(read("", "List-Unsubscribe=One-Click"), Some(Asked::OneClick));
        assert_eq!(read(FORM, "a=b&list-unsubscribe=one-click&c"), Some(Asked::OneClick));
        // RFC 8058 §8.2, boundary as it stands there.
        let rfc = "---FormBoundaryjWmhtjORrn\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n\
                   One-Click\r\n---FormBoundaryjWmhtjORrn--\r\n";
        let kind = "multipart/form-data; boundary=---FormBoundaryjWmhtjORrn";
        assert_eq!(read(kind, rfc), Some(Asked::OneClick));
        let other = "--b\ncontent-disposition: form-data; name=x\n\nOne-Click\n--b\n\
                     Content-Disposition: form-data; name=List-Unsubscribe\nContent-Type: text/plain\n\nOne-Click\n--b--";
        assert_eq!(read("Multipart/form-data; boundary=b", other), Some(Asked::OneClick));
    }

    #[test]
    fn buttons_are_read() {
        assert_eq!(read(FORM, "action=unsubscribe"), Some(Asked::Page));
        assert_eq!(read(FORM, "action=undo"), Some(Asked::Undo));
    }

    #[test]
    fn anything_else_asks_for_nothing() {
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
            read_body(&headers, &body);
            read_body(&headers, text.as_bytes());
        }
    }
}
