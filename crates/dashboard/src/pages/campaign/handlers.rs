//! The HTTP handler of a campaign's page.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use campaign::CampaignId;
use serde::Deserialize;
use store::RollupFilter;

use super::{CampaignPage, view};
use crate::error::PageError;
use crate::occurrences;
use crate::parts::{self, Scene};
use crate::shell::{Page, Section};
use crate::state::Dashboard;
use crate::upcoming::Decided;

/// The number of runs that are listed.
const RUNS: i64 = 30;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    live: Option<String>,
}

/// Shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Page, PageError> {
    let id = CampaignId::parse(&id).map_err(|_| PageError::NotFound(crate::words::A_CAMPAIGN))?;
    let scene = Scene::of(&dashboard).await?;
    let filter = RollupFilter { campaign: Some(id.to_string()), ..RollupFilter::default() };
    let rows = dashboard.store.rollup_read(&filter).await?;
    let runs = dashboard.store.run_list(Some(id.as_str()), RUNS).await?;
    let mut page =
        CampaignPage::of(&id, &rows, runs, &scene).ok_or(PageError::NotFound(crate::words::A_CAMPAIGN))?;
    page.did_not_run = dashboard.store.occurrence_list(Some(id.as_str()), true, occurrences::SHOWN).await?;
    page.upcoming = Decided::read(&dashboard.store).await?.keep(&scene, page.upcoming, 6);
    let moving = page.runs.iter().any(parts::is_live);
    let live = scene.live(moving, asked.live.as_deref(), &format!("/campaigns/{id}"));
    let shell = scene.shell(Section::Overview, live);
    Ok(shell.page(&scene.title_of(id.as_str()), &view::page(&page, &scene)))
}
