//! The HTTP handler of a campaign's page.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use campaign::CampaignId;
use serde::Deserialize;
use store::RollupFilter;

use super::{CampaignPage, view};
use crate::components::{self, PageContext};
use crate::error::PageError;
use crate::layout::{Page, Section};
use crate::occurrences;
use crate::state::Dashboard;
use crate::upcoming::SettledOccurrences;

/// The maximum number of runs that are listed.
const MAX_RUNS: i64 = 30;

/// The query parameters of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CampaignQuery {
    live: Option<String>,
}

/// Handles `GET /campaigns/{id}`: shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<CampaignQuery>,
) -> Result<Page, PageError> {
    let id = CampaignId::parse(&id).map_err(|_| PageError::NotFound(crate::words::A_CAMPAIGN))?;
    let context = PageContext::load(&dashboard).await?;
    let filter = RollupFilter { campaign: Some(id.to_string()), ..RollupFilter::default() };
    let rows = dashboard.store.rollup_read(&filter).await?;
    let runs = dashboard.store.run_list(Some(id.as_str()), MAX_RUNS).await?;
    let mut page =
        CampaignPage::of(&id, &rows, runs, &context).ok_or(PageError::NotFound(crate::words::A_CAMPAIGN))?;
    page.did_not_run =
        dashboard.store.occurrence_list(Some(id.as_str()), true, occurrences::MAX_SHOWN).await?;
    page.upcoming = SettledOccurrences::read(&dashboard.store).await?.remaining(&context, page.upcoming, 6);
    let changing = page.runs.iter().any(components::is_live);
    let live = context.live(changing, query.live.as_deref(), &format!("/campaigns/{id}"));
    let layout = context.layout(Section::Overview, live);
    Ok(layout.page(&context.title_of(id.as_str()), &view::page(&page, &context)))
}
