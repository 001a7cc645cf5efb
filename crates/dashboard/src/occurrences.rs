//! Occurrences that did not run: their list with buttons, and the handler of the buttons.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use store::{Millis, OccurrenceKind, OccurrenceRow};

use crate::components::PageContext;
use crate::error::PageError;
use crate::state::Dashboard;
use crate::upcoming::occurrence_local_time;
use crate::words;

/// The maximum number of occurrences that are listed.
pub(crate) const MAX_SHOWN: i64 = 50;

/// Renders the list; nothing if it is empty.
pub(crate) fn list(rows: &[OccurrenceRow], context: &PageContext) -> Markup {
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
                        tbody { @for row in rows { (entry(row, context)) } }
                    }
                }
            }
        }
    }
}

fn entry(row: &OccurrenceRow, context: &PageContext) -> Markup {
    let path = format!("/occurrences/{}/{}/{}", row.campaign, row.step, row.instant);
    let button = |action: &str, name: &str, class: &str| {
        html! {
            form method="post" action={ (path) "/" (action) } { button.(class) type="submit" { (name) } }
        }
    };
    let time = match occurrence_local_time(context.workspace(), row) {
        Some(wall) => words::in_contact_zone(&wall.strftime("%-d %b %Y %H:%M").to_string()),
        None => words::occurrence_time(row, |at| context.times.minute(at)),
    };
    html! {
        tr {
            th scope="row" { time datetime=(context.times.machine(row.instant)) { (time) } }
            td { a href={ "/campaigns/" (row.campaign) } { (context.title_of(&row.campaign)) } " " span.quiet { (row.step) } }
            td { (crate::components::text(&words::occurrence(row.kind, row.reason, row.detail.as_deref()))) }
            td { div.actions {
                @if row.kind != OccurrenceKind::Clock { (button("fire", words::RUN_NOW, "plain")) }
                (button("skip", words::DISMISS, "plain"))
            } }
        }
    }
}

/// Handles a button of an occurrence: requests that it fire, or dismisses it. The planner acts
/// within seconds.
pub(crate) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    Path((campaign, step, instant, action)): Path<(String, String, Millis, String)>,
) -> Result<Redirect, PageError> {
    let (store, now) = (&dashboard.store, dashboard.clock.millis());
    if store.occurrence_get(&campaign, &step, instant).await?.is_none() {
        return Err(PageError::NotFound(words::AN_OCCURRENCE));
    }
    // The page shows the result: another person may have decided first.
    match action.as_str() {
        "fire" => drop(store.occurrence_request(&campaign, &step, instant).await?),
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
