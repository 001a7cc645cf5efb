//! The HTTP handler of the overview.

use std::sync::Arc;

use axum::extract::{Query, State};
use serde::Deserialize;

use super::figures::Earned;
use super::{Overview, view};
use crate::error::PageError;
use crate::occurrences;
use crate::parts::{self, Scene};
use crate::period::Period;
use crate::shell::{Page, Section};
use crate::state::Dashboard;
use crate::upcoming::Decided;

/// The number of finished runs that are shown.
const RECENT: usize = 6;

/// The number of runs that are read: those shown, and those that steps to come follow.
const RUNS: i64 = 50;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    period: Option<String>,
    live: Option<String>,
}

impl Asked {
    /// The period asked for, if any.
    pub(crate) fn period(&self) -> Result<Option<Period>, PageError> {
        let Some(name) = self.period.as_deref() else { return Ok(None) };
        Period::parse(name).map(Some).ok_or(PageError::BadRequest(crate::words::BAD_PERIOD))
    }
}

/// Shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Query(asked): Query<Asked>,
) -> Result<Page, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let wanted = asked.period()?;
    let live = dashboard.store.run_live().await?;
    let mut recent = dashboard.store.run_list(None, RUNS).await?;
    let decided = Decided::read(&dashboard.store).await?;
    let upcoming = decided.keep(&scene, scene.upcoming(None, &recent, 4, 30), 6);
    recent.retain(|run| live.iter().all(|other| other.id != run.id));
    recent.truncate(RECENT);
    let overview = Overview {
        earned: Earned::read(&dashboard.store, &scene, wanted).await?,
        upcoming,
        did_not_run: dashboard.store.occurrence_list(None, true, occurrences::SHOWN).await?,
        contacts: dashboard.store.contact_count().await?,
        live,
        recent,
    };
    let path = wanted.map_or_else(|| "/".to_owned(), |period| format!("/?period={}", period.name()));
    let moving = overview.live.iter().any(parts::is_live);
    let shell = scene.shell(Section::Overview, scene.live(moving, asked.live.as_deref(), &path));
    Ok(shell.page(crate::words::NAV_OVERVIEW, &view::page(&overview, &scene)))
}
