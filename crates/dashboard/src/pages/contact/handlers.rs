//! The HTTP handlers of the contact pages.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{AddressKind, Contact, ContactId};

use super::{ContactList, ContactPage, timeline, view};
use crate::components::PageContext;
use crate::error::PageError;
use crate::layout::{AutoRefresh, Page, Section};
use crate::state::Dashboard;
use crate::words;

/// The number of contacts on one page.
const PAGE_SIZE: usize = 50;

/// The maximum number of deliveries, and of events, in a timeline.
const MAX_TIMELINE_ENTRIES: i64 = 500;

/// The maximum number of runs that are searched for the time of deliveries without one.
const MAX_RUNS: i64 = 500;

/// The query parameters of the list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ContactListQuery {
    q: Option<String>,
    after: Option<i64>,
}

/// Handles `GET /contacts`: shows the list, or redirects to the contact with the address `q`.
pub(crate) async fn list(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<ContactListQuery>,
) -> Result<Response, PageError> {
    let wanted = query.q.as_deref().map(str::trim).filter(|wanted| !wanted.is_empty());
    if let Some(wanted) = wanted
        && let Some(found) = find(&dashboard, wanted).await?
    {
        return Ok(Redirect::to(&format!("/contacts/{}", found.id)).into_response());
    }
    let after = ContactId(query.after.unwrap_or(0));
    let limit = i64::try_from(PAGE_SIZE + 1).unwrap_or(i64::MAX);
    let mut contacts = dashboard.store.contact_page(after, limit).await?;
    let page_end = (contacts.len() > PAGE_SIZE).then(|| contacts.truncate(PAGE_SIZE));
    let page_end = page_end.and_then(|()| contacts.last().map(|contact| contact.id));
    let total = dashboard.store.contact_count().await?;
    let not_found = wanted.map(str::to_owned);
    let list = ContactList { contacts, total, not_found, page_end, has_previous: query.after.is_some() };
    let layout = PageContext::load(&dashboard).await?.layout(Section::Contacts, AutoRefresh::Off);
    Ok(layout.page(words::NAV_CONTACTS, &view::list(&list)).into_response())
}

/// Finds a contact by address or external id. Addresses are stored in lower case, external ids
/// unchanged.
async fn find(dashboard: &Dashboard, wanted: &str) -> Result<Option<Contact>, PageError> {
    let found = dashboard.store.contact_find(wanted).await?;
    let lower = wanted.to_lowercase();
    if found.is_some() || lower == wanted {
        return Ok(found);
    }
    Ok(dashboard.store.contact_find(&lower).await?)
}

/// Handles `GET /contacts/{id}`: shows one contact.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Page, PageError> {
    let (context, store) = (PageContext::load(&dashboard).await?, &dashboard.store);
    let id = ContactId(id);
    let contact = store.contact_get(id).await?.ok_or(PageError::NotFound(words::A_CONTACT))?;
    let mut suppressions = Vec::new();
    for (kind, address) in [(AddressKind::Email, &contact.email), (AddressKind::Phone, &contact.phone)] {
        if let Some(address) = address {
            suppressions.extend(store.suppression_get(kind, address).await?);
        }
    }
    let deliveries = store.delivery_of_contact(id, MAX_TIMELINE_ENTRIES).await?;
    let events = store.event_of_contact(id, MAX_TIMELINE_ENTRIES).await?;
    // Suppressed deliveries have no time: that of their run is used.
    let timeless = deliveries.iter().any(|delivery| timeline::own_time(delivery).is_none());
    let runs = if timeless { store.run_list(None, MAX_RUNS).await? } else { Vec::new() };
    let timeline = timeline::merge(deliveries, events, &runs);
    let page = ContactPage { contact, suppressions, timeline };
    let title = view::name(&page.contact);
    let layout = context.layout(Section::Contacts, AutoRefresh::Off);
    Ok(layout.page(&title, &view::page(&page, &context)))
}
