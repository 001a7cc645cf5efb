//! The HTTP handlers of a campaign's preview.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};
use campaign::{Campaign, CampaignId};
use channel::{Message, Person, Preview};
use serde::Deserialize;
use store::Contact;

use super::{Card, PreviewPage, PreviewReader, view};
use crate::components::PageContext;
use crate::error::PageError;
use crate::headers::PREVIEW_POLICY;
use crate::layout::{AutoRefresh, Page, Section};
use crate::pages::outbox;
use crate::state::Dashboard;
use crate::words::{self, PageLanguage};

/// The query parameters of the page.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct PreviewQuery {
    /// The contact to preview for: an e-mail address, phone number or external id.
    contact: Option<String>,
    /// The language of the campaign's messages.
    language: Option<String>,
    /// The language of the page itself.
    lang: Option<String>,
}

/// Handles `GET /campaigns/{id}/preview`: shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
    headers: HeaderMap,
) -> Result<Page, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let campaign = find(&context, &id)?;
    let accepts = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let page_language = PageLanguage::negotiate(query.lang.as_deref(), accepts);
    let reader = reader(&dashboard, &context, &campaign, query.contact.as_deref()).await?;
    let (files, now) = (Arc::clone(&context.files), context.times.now);
    let language = query.language.filter(|language| !language.is_empty());
    // Rendering templates is CPU work, which must not block the reactor.
    let page = tokio::task::spawn_blocking(move || {
        PreviewPage::of(&files.0, campaign, page_language, reader, language, now)
    });
    let page = page.await?;
    let layout = context.layout(Section::Overview, AutoRefresh::Off);
    Ok(layout.page(&page_language.question(&page.campaign.title), &view::page(&page, &context)))
}

/// Handles `GET /campaigns/{id}/preview/{step}/html`: the HTML of a step's e-mail for the frame,
/// without active or remote content.
pub(crate) async fn html(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, step)): Path<(String, String)>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let campaign = find(&context, &id)?;
    let step = campaign.steps.iter().find(|known| known.id.as_str() == step).cloned();
    let step = step.ok_or(PageError::NotFound(words::A_STEP))?;
    let reader = reader(&dashboard, &context, &campaign, query.contact.as_deref()).await?;
    let (files, now) = (Arc::clone(&context.files), context.times.now);
    let language = query.language.filter(|language| !language.is_empty());
    let card = tokio::task::spawn_blocking(move || {
        Card::of(&files.0, &campaign, &step, &reader.person, language.as_deref(), now)
    });
    let card = card.await?;
    let Ok(Preview { message: Message::Email(email), .. }) = card.preview else {
        return Err(PageError::NotFound(words::A_MESSAGE));
    };
    let html = outbox::framed(&email.html, &email.raw);
    Ok(([(CONTENT_SECURITY_POLICY, PREVIEW_POLICY)], Html(html)).into_response())
}

fn find(context: &PageContext, id: &str) -> Result<Campaign, PageError> {
    let id = CampaignId::parse(id).map_err(|_| PageError::NotFound(words::A_CAMPAIGN))?;
    context.workspace().campaigns.get(&id).cloned().ok_or(PageError::NotFound(words::A_CAMPAIGN))
}

/// Returns the requested contact, otherwise a member of the audience, otherwise a made-up contact.
async fn reader(
    dashboard: &Dashboard,
    context: &PageContext,
    campaign: &Campaign,
    requested: Option<&str>,
) -> Result<PreviewReader, PageError> {
    let requested = requested.map(str::trim).filter(|address| !address.is_empty());
    let found = match requested {
        Some(address) => dashboard.store.contact_find(address).await?,
        None => None,
    };
    let not_found = requested.is_some() && found.is_none();
    let contact = match found {
        Some(contact) => Some(contact),
        None => {
            let (audiences, now) = (&context.workspace().audiences, dashboard.clock.millis());
            let first = dashboard.store.audience_sample(audiences, &campaign.audience, now, 1).await?;
            first.into_iter().next()
        }
    };
    let address = contact
        .as_ref()
        .and_then(|it| it.email.clone().or_else(|| it.phone.clone()).or_else(|| it.external_id.clone()));
    Ok(PreviewReader { person: person(contact), address, not_found })
}

/// Returns the contact for rendering, with made-up values for a missing e-mail address or phone
/// number, which channels may need.
fn person(contact: Option<Contact>) -> Person {
    let email = "someone@example.com".to_owned();
    let phone = "+8613800138000".to_owned();
    match contact {
        None => Person { email: Some(email), phone: Some(phone), ..Person::default() },
        Some(contact) => Person {
            email: contact.email.or(Some(email)),
            phone: contact.phone.or(Some(phone)),
            external_id: contact.external_id,
            language: contact.language,
            timezone: contact.timezone,
            attributes: contact.attributes,
        },
    }
}
