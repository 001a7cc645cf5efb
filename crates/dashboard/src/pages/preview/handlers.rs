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

use super::{Card, Eyes, PreviewPage, view};
use crate::error::PageError;
use crate::headers::PREVIEW_POLICY;
use crate::pages::outbox;
use crate::parts::Scene;
use crate::shell::{Live, Page, Section};
use crate::state::Dashboard;
use crate::words::{self, Tongue};

/// What the address says.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Asked {
    /// For whom: an e-mail address, a number, a key.
    contact: Option<String>,
    /// In which language of the campaign.
    language: Option<String>,
    /// In which language the page itself is.
    lang: Option<String>,
}

/// Shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let campaign = find(&scene, &id)?;
    let accepts = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let tongue = Tongue::of(asked.lang.as_deref(), accepts);
    let eyes = eyes(&dashboard, &scene, &campaign, asked.contact.as_deref()).await?;
    let (files, now) = (Arc::clone(&scene.files), scene.times.now);
    let language = asked.language.filter(|language| !language.is_empty());
    // Templates are work for a processor: not on the reactor.
    let page =
        tokio::task::spawn_blocking(move || PreviewPage::of(&files.0, campaign, tongue, eyes, language, now));
    let page = page.await?;
    let shell = scene.shell(Section::Overview, Live::Still);
    Ok(shell.page(&tongue.question(&page.campaign.title), &view::page(&page, &scene)))
}

/// The HTML of a step's e-mail alone, for the frame: it runs nothing and loads nothing.
pub(crate) async fn html(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, step)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let campaign = find(&scene, &id)?;
    let step = campaign.steps.iter().find(|known| known.id.as_str() == step).cloned();
    let step = step.ok_or(PageError::NotFound(words::A_STEP))?;
    let eyes = eyes(&dashboard, &scene, &campaign, asked.contact.as_deref()).await?;
    let (files, now) = (Arc::clone(&scene.files), scene.times.now);
    let language = asked.language.filter(|language| !language.is_empty());
    let card = tokio::task::spawn_blocking(move || {
        Card::of(&files.0, &campaign, &step, &eyes.person, language.as_deref(), now)
    });
    let card = card.await?;
    let Ok(Preview { message: Message::Email(email), .. }) = card.preview else {
        return Err(PageError::NotFound(words::A_MESSAGE));
    };
    let html = outbox::framed(&email.html, &email.raw);
    Ok(([(CONTENT_SECURITY_POLICY, PREVIEW_POLICY)], Html(html)).into_response())
}

fn find(scene: &Scene, id: &str) -> Result<Campaign, PageError> {
    let id = CampaignId::parse(id).map_err(|_| PageError::NotFound(words::A_CAMPAIGN))?;
    scene.workspace().campaigns.get(&id).cloned().ok_or(PageError::NotFound(words::A_CAMPAIGN))
}

/// Whoever was asked for, else a member of the audience, else somebody made up.
async fn eyes(
    dashboard: &Dashboard,
    scene: &Scene,
    campaign: &Campaign,
    asked: Option<&str>,
) -> Result<Eyes, PageError> {
    let asked = asked.map(str::trim).filter(|address| !address.is_empty());
    let found = match asked {
        Some(address) => dashboard.store.contact_find(address).await?,
        None => None,
    };
    let lost = asked.is_some() && found.is_none();
    let contact = match found {
        Some(contact) => Some(contact),
        None => {
            let (audiences, now) = (&scene.workspace().audiences, dashboard.clock.millis());
            let first = dashboard.store.audience_sample(audiences, &campaign.audience, now, 1).await?;
            first.into_iter().next()
        }
    };
    let address = contact
        .as_ref()
        .and_then(|it| it.email.clone().or_else(|| it.phone.clone()).or_else(|| it.external_id.clone()));
    Ok(Eyes { person: person(contact), address, lost })
}

/// What a channel needs and nobody has said is made up: the page shows how it looks.
fn person(contact: Option<Contact>) -> Person {
    let email = "somebody@example.com".to_owned();
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
