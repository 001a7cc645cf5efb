//! The HTTP handlers of the outbox.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use store::{DeliveryId, OutboxRow};

use super::{Outbox, preview, view};
use crate::components::PageContext;
use crate::error::PageError;
use crate::headers::PREVIEW_POLICY;
use crate::layout::{AutoRefresh, Page, Section};
use crate::state::Dashboard;
use crate::words;

/// The number of messages on one page.
const PAGE_SIZE: usize = 50;

/// The query parameters of the list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct OutboxQuery {
    campaign: Option<String>,
    before: Option<i64>,
}

/// Handles `GET /outbox`: the list, newest first.
pub(crate) async fn list(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<OutboxQuery>,
) -> Result<Page, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let campaign = query.campaign.filter(|campaign| !campaign.is_empty());
    let limit = i64::try_from(PAGE_SIZE + 1).unwrap_or(i64::MAX);
    let before = query.before.map(DeliveryId);
    let mut messages = dashboard.store.outbox_page(campaign.as_deref(), before, limit).await?;
    let page_end = (messages.len() > PAGE_SIZE).then(|| messages.truncate(PAGE_SIZE));
    let page_end = page_end.and_then(|()| messages.last().map(|message| message.delivery_id));
    let outbox = Outbox { messages, campaign, page_end, has_previous: before.is_some() };
    let layout = context.layout(Section::Outbox, AutoRefresh::Off);
    Ok(layout.page(words::NAV_OUTBOX, &view::list(&outbox, &context)))
}

/// Handles `GET /outbox/{id}`: a message with its headers, preview, text and source.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Page, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let message = find(&dashboard, id).await?;
    let layout = context.layout(Section::Outbox, AutoRefresh::Off);
    Ok(layout.page(&message.subject, &view::page(&message, &context)))
}

/// Handles `GET /outbox/{id}/html`: the HTML part for the frame, without active or remote content.
pub(crate) async fn html(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let message = find(&dashboard, id).await?;
    let html = preview::html(&message.html, &message.raw);
    Ok(([(CONTENT_SECURITY_POLICY, PREVIEW_POLICY)], Html(html)).into_response())
}

/// Handles `GET /outbox/{id}/message.eml`: the message as a file for mail programs.
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
