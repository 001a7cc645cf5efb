//! The HTTP handlers of the outbox.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use store::{DeliveryId, OutboxRow};

use super::{Outbox, preview, view};
use crate::error::PageError;
use crate::headers::PREVIEW_POLICY;
use crate::parts::Scene;
use crate::shell::{Live, Page, Section};
use crate::state::Dashboard;
use crate::words;

/// Messages on one page.
const PAGE: usize = 50;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    campaign: Option<String>,
    before: Option<i64>,
}

/// Shows the list, newest first.
pub(crate) async fn list(
    State(dashboard): State<Arc<Dashboard>>,
    Query(asked): Query<Asked>,
) -> Result<Page, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let campaign = asked.campaign.filter(|campaign| !campaign.is_empty());
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let before = asked.before.map(DeliveryId);
    let mut messages = dashboard.store.outbox_page(campaign.as_deref(), before, limit).await?;
    let more = (messages.len() > PAGE).then(|| messages.truncate(PAGE));
    let more = more.and_then(|()| messages.last().map(|message| message.delivery_id));
    let outbox = Outbox { messages, campaign, more, later: before.is_some() };
    let shell = scene.shell(Section::Outbox, Live::Still);
    Ok(shell.page(words::NAV_OUTBOX, &view::list(&outbox, &scene)))
}

/// Shows one message: its headers, how it looks, its text, its source.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Page, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let message = find(&dashboard, id).await?;
    let shell = scene.shell(Section::Outbox, Live::Still);
    Ok(shell.page(&message.subject, &view::page(&message, &scene)))
}

/// The HTML part alone, for the frame: it runs nothing and loads nothing.
pub(crate) async fn html(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let message = find(&dashboard, id).await?;
    let html = preview::html(&message.html, &message.raw);
    Ok(([(CONTENT_SECURITY_POLICY, PREVIEW_POLICY)], Html(html)).into_response())
}

/// The message as a file that any mail program opens.
pub(crate) async fn eml(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let message = find(&dashboard, id).await?;
    let name = format!("attachment; filename=\"message-{id}.eml\"");
    let headers = [(CONTENT_TYPE, "message/rfc822".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, message.raw).into_response())
}

async fn find(dashboard: &Dashboard, id: i64) -> Result<OutboxRow, PageError> {
    let found = dashboard.store.outbox_get(DeliveryId(id)).await?;
    found.ok_or(PageError::NotFound(words::A_MESSAGE))
}
