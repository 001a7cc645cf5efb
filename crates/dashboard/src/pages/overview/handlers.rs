//! The HTTP handler of the overview.

use std::sync::Arc;

use axum::extract::{Query, State};
use serde::Deserialize;

use super::figures::PeriodFigures;
use super::{Overview, view};
use crate::components::{self, PageContext};
use crate::error::PageError;
use crate::layout::{Page, Section};
use crate::occurrences;
use crate::period::Period;
use crate::state::Dashboard;
use crate::upcoming::SettledOccurrences;

/// The maximum number of finished runs that are shown.
const MAX_RECENT_RUNS: usize = 6;

/// The maximum number of runs that are read: those shown, and those that upcoming steps follow.
const MAX_RUNS: i64 = 50;

/// The query parameters of the overview and the report.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct OverviewQuery {
    period: Option<String>,
    live: Option<String>,
}

impl OverviewQuery {
    /// Returns the requested period, if any.
    pub(crate) fn period(&self) -> Result<Option<Period>, PageError> {
        let Some(name) = self.period.as_deref() else { return Ok(None) };
        Period::parse(name).map(Some).ok_or(PageError::BadRequest(crate::words::BAD_PERIOD))
    }
}

/// Handles `GET /`: shows the overview.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<OverviewQuery>,
) -> Result<Page, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let wanted = query.period()?;
    let live = dashboard.store.run_live().await?;
    let mut recent = dashboard.store.run_list(None, MAX_RUNS).await?;
    let settled = SettledOccurrences::read(&dashboard.store).await?;
    let upcoming = settled.remaining(&context, context.upcoming(None, &recent, 4, 30), 6);
    recent.retain(|run| live.iter().all(|other| other.id != run.id));
    recent.truncate(MAX_RECENT_RUNS);
    let overview = Overview {
        period_figures: PeriodFigures::read(&dashboard.store, &context, wanted).await?,
        upcoming,
        did_not_run: dashboard.store.occurrence_list(None, true, occurrences::MAX_SHOWN).await?,
        contacts: dashboard.store.contact_count().await?,
        live,
        recent,
    };
    let path = wanted.map_or_else(|| "/".to_owned(), |period| format!("/?period={}", period.name()));
    let changing = overview.live.iter().any(components::is_live);
    let layout = context.layout(Section::Overview, context.live(changing, query.live.as_deref(), &path));
    Ok(layout.page(crate::words::NAV_OVERVIEW, &view::page(&overview, &context)))
}
