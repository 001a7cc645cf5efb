//! `chorus runs revise`: applies the current text of the file to the unsent deliveries of a run.

use store::Run;

use super::change::report_change;
use crate::setup::{App, Env};
use terminal::output::{number, user_error};

/// Compiles the run's step from the current files, applies it to the run, and prints the number of
/// unsent deliveries.
pub(super) async fn revise(env: &Env, app: &App, run: &Run) -> anyhow::Result<()> {
    let campaign = app.campaign(&run.campaign)?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step);
    let step = step.ok_or_else(|| {
        user_error(format!("{} has no step {:?} any more, so there is no new text", campaign.id, run.step))
    })?;
    let now = app.clock.now();
    let revised = scheduler::revise(&app.store, &app.loaded, campaign, step, run.id, now).await;
    let is_new = revised.map_err(|error| user_error(format!("cannot {error}")))?;
    let open = run.total - run.ended();
    let what = format!("revised: {} get the current text", number(open));
    let why_not = if run.finished_at.is_some() { "it has ended" } else { "it has the current text already" };
    report_change(env, app, run, is_new, &what, why_not).await
}
