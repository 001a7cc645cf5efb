//! `/contacts` and `/contacts/{id}`: who do you write to, and what happened with one of them?

mod timeline;
mod view;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{AddressKind, Contact, ContactId, Suppression};

use self::timeline::Entry;
use crate::Dashboard;
use crate::error::PageError;
use crate::parts::Scene;
use crate::shell::{Live, Page, Section};
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

/// What stands on the list.
pub(crate) struct ContactList {
    contacts: Vec<Contact>,
    total: i64,
    /// An address nobody has.
    missed: Option<String>,
    more: Option<ContactId>,
    later: bool,
}

/// What stands on a contact's page.
pub(crate) struct ContactPage {
    contact: Contact,
    suppressions: Vec<Suppression>,
    timeline: Vec<Entry>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_contact_has_a_story() {
        let scene = sample::scene(campaign::Diagnostics::default(), false);
        let deliveries = sample::deliveries();
        let timeline = timeline::merge(deliveries, sample::events(), &[sample::live_run()]);
        let times: Vec<_> = timeline.iter().map(|entry| entry.at).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
        assert!(times.iter().all(Option::is_some), "those left out take the time of their run");
        let page =
            ContactPage { contact: sample::contact(), suppressions: vec![sample::suppression()], timeline };
        let shell = scene.shell(Section::Contacts, Live::Still);
        let html = shell.page("ada@example.org", &view::page(&page, &scene)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn the_list_says_when_nobody_is_found() {
        let scene = sample::scene(campaign::Diagnostics::default(), false);
        let list = ContactList {
            contacts: vec![sample::contact()],
            total: 1_003,
            missed: Some(sample::HOSTILE.into()),
            more: Some(ContactId(1)),
            later: true,
        };
        let html = scene.shell(Section::Contacts, Live::Still).page("Contacts", &view::list(&list)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }
}
