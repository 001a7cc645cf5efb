//! Occurrences that did not run: a list with what a person can do about each, and the intent that a button writes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use store::{Millis, OccurrenceKind, OccurrenceRow};

use crate::error::PageError;
use crate::parts::Scene;
use crate::state::Dashboard;
use crate::upcoming::own_clock_of;
use crate::words;

/// At most so many are shown.
pub(crate) const SHOWN: i64 = 50;

/// The list; nothing where all ran.
pub(crate) fn list(rows: &[OccurrenceRow], scene: &Scene) -> Markup {
    html! {
        @if !rows.is_empty() {
            section #did-not-run {
                h2 { (words::DID_NOT_RUN) }
                div.scroll tabindex="0" role="region" aria-label=(words::DID_NOT_RUN) {
                    table {
                        thead { tr {
                            th scope="col" { (words::WHEN) }
                            th scope="col" { (words::CAMPAIGN) }
                            th scope="col" { (words::WHY) }
                            th scope="col" { (words::WHAT_TO_DO) }
                        } }
                        tbody { @for row in rows { (entry(row, scene)) } }
                    }
                }
            }
        }
    }
}

fn entry(row: &OccurrenceRow, scene: &Scene) -> Markup {
    let path = format!("/occurrences/{}/{}/{}", row.campaign, row.step, row.instant);
    let button = |action: &str, name: &str, class: &str| {
        html! {
            form method="post" action={ (path) "/" (action) } { button.(class) type="submit" { (name) } }
        }
    };
    let time = match own_clock_of(scene.workspace(), row) {
        Some(wall) => words::own_clock(&wall.strftime("%-d %b %Y %H:%M").to_string()),
        None => words::occurrence_time(row, |at| scene.times.minute(at)),
    };
    html! {
        tr {
            th scope="row" { time datetime=(scene.times.machine(row.instant)) { (time) } }
            td { a href={ "/campaigns/" (row.campaign) } { (scene.title_of(&row.campaign)) } " " span.quiet { (row.step) } }
            td { (crate::parts::text(&words::occurrence(row.kind, row.reason, row.detail.as_deref()))) }
            td { div.actions {
                @if row.kind != OccurrenceKind::Clock { (button("fire", words::RUN_NOW, "plain")) }
                (button("skip", words::DISMISS, "plain"))
            } }
        }
    }
}

/// Writes what a person wants of an occurrence: the planner sees it within seconds.
pub(crate) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    Path((campaign, step, instant, action)): Path<(String, String, Millis, String)>,
) -> Result<Redirect, PageError> {
    let (store, now) = (&dashboard.store, dashboard.clock.millis());
    if store.occurrence_get(&campaign, &step, instant).await?.is_none() {
        return Err(PageError::NotFound(words::AN_OCCURRENCE));
    }
    // Whether it changed anything shows on the page: somebody else may have been faster.
    match action.as_str() {
        "fire" => drop(store.occurrence_ask(&campaign, &step, instant).await?),
        "skip" => drop(store.occurrence_dismiss(&campaign, &step, instant, now).await?),
        _ => return Err(PageError::BadRequest(words::BAD_ACTION)),
    }
    tracing::info!(
        campaign,
        step,
        instant = instant.as_millisecond(),
        action,
        "an occurrence was decided from its page"
    );
    Ok(Redirect::to("/#did-not-run"))
}
