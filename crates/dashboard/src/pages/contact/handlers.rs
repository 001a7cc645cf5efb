//! The HTTP handlers of the contacts' pages.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{AddressKind, Contact, ContactId};

use super::{ContactList, ContactPage, timeline, view};
use crate::error::PageError;
use crate::parts::Scene;
use crate::shell::{Live, Page, Section};
use crate::state::Dashboard;
use crate::words;

/// Contacts on one page.
const PAGE: usize = 50;

/// The most that a timeline holds, of deliveries and of events.
const TIMELINE: i64 = 500;

/// Where to look for the time of deliveries that never had one of their own.
const RUNS: i64 = 500;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
    after: Option<i64>,
}

/// Shows the list, or goes to the person with the address asked for.
pub(crate) async fn list(
    State(dashboard): State<Arc<Dashboard>>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let wanted = asked.q.as_deref().map(str::trim).filter(|wanted| !wanted.is_empty());
    if let Some(wanted) = wanted
        && let Some(found) = find(&dashboard, wanted).await?
    {
        return Ok(Redirect::to(&format!("/contacts/{}", found.id)).into_response());
    }
    let after = ContactId(asked.after.unwrap_or(0));
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut contacts = dashboard.store.contact_page(after, limit).await?;
    let more = (contacts.len() > PAGE).then(|| contacts.truncate(PAGE));
    let more = more.and_then(|()| contacts.last().map(|contact| contact.id));
    let total = dashboard.store.contact_count().await?;
    let missed = wanted.map(str::to_owned);
    let list = ContactList { contacts, total, missed, more, later: asked.after.is_some() };
    let shell = Scene::of(&dashboard).await?.shell(Section::Contacts, Live::Still);
    Ok(shell.page(words::NAV_CONTACTS, &view::list(&list)).into_response())
}

/// Addresses are kept in lower case; external ids as they came.
async fn find(dashboard: &Dashboard, wanted: &str) -> Result<Option<Contact>, PageError> {
    let found = dashboard.store.contact_find(wanted).await?;
    let lower = wanted.to_lowercase();
    if found.is_some() || lower == wanted {
        return Ok(found);
    }
    Ok(dashboard.store.contact_find(&lower).await?)
}

/// Shows one person.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Page, PageError> {
    let (scene, store) = (Scene::of(&dashboard).await?, &dashboard.store);
    let id = ContactId(id);
    let contact = store.contact_get(id).await?.ok_or(PageError::NotFound(words::A_CONTACT))?;
    let mut suppressions = Vec::new();
    for (kind, address) in [(AddressKind::Email, &contact.email), (AddressKind::Phone, &contact.phone)] {
        if let Some(address) = address {
            suppressions.extend(store.suppression_get(kind, address).await?);
        }
    }
    let deliveries = store.delivery_of_contact(id, TIMELINE).await?;
    let events = store.event_of_contact(id, TIMELINE).await?;
    // Those left out have no time of their own: their run's stands in.
    let timeless = deliveries.iter().any(|delivery| timeline::own_time(delivery).is_none());
    let runs = if timeless { store.run_list(None, RUNS).await? } else { Vec::new() };
    let timeline = timeline::merge(deliveries, events, &runs);
    let page = ContactPage { contact, suppressions, timeline };
    let title = view::name(&page.contact);
    let shell = scene.shell(Section::Contacts, Live::Still);
    Ok(shell.page(&title, &view::page(&page, &scene)))
}
