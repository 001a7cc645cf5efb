//! `/`: what is going out, and what does it earn?

mod figures;
mod view;

use std::sync::Arc;

use axum::extract::{Query, State};
use serde::Deserialize;
use store::{OccurrenceRow, Run};

pub(crate) use self::figures::{Earned, Row};
use crate::Dashboard;
use crate::error::PageError;
use crate::occurrences;
use crate::parts::{self, Scene};
use crate::period::Period;
use crate::shell::{Page, Section};
use crate::upcoming::{Decided, Upcoming};

/// How many finished runs are shown.
const RECENT: usize = 6;

/// How many runs are read: those shown, and those that steps to come follow.
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

/// What stands on the page.
pub(crate) struct Overview {
    earned: Earned,
    live: Vec<Run>,
    recent: Vec<Run>,
    upcoming: Vec<Upcoming>,
    did_not_run: Vec<OccurrenceRow>,
    contacts: i64,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::shell::Live;

    fn shown(overview: &Overview, scene: &Scene, live: Live) -> String {
        let page = scene.shell(Section::Overview, live).page("Overview", &view::page(overview, scene));
        page.text()
    }

    #[test]
    fn the_overview_answers_its_question() {
        let scene = sample::scene(sample::findings(), true);
        let before = sample::rollups().into_iter().take(3).collect::<Vec<_>>();
        let overview = Overview {
            earned: Earned::of(sample::rollups(), &before, &scene, Period::Day),
            live: vec![sample::live_run()],
            recent: vec![sample::ended_run()],
            upcoming: scene.upcoming(None, &[], 2, 6),
            did_not_run: sample::did_not_run(),
            contacts: 1_003,
        };
        let html = shown(&overview, &scene, scene.live(true, None, "/"));
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn an_empty_overview_says_what_to_do() {
        let scene = sample::scene(campaign::Diagnostics::default(), false);
        let overview = Overview {
            earned: Earned::of(vec![], &[], &scene, Period::Day),
            live: vec![],
            recent: vec![],
            upcoming: vec![],
            did_not_run: vec![],
            contacts: 0,
        };
        let html = shown(&overview, &scene, scene.live(false, None, "/"));
        assert!(html.contains("chorus contacts import"), "{html}");
        insta::assert_snapshot!(html);
    }
}
