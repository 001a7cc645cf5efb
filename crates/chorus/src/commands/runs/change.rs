//! Look-up of the run to change, and the report of a change.

use store::{Run, RunId};

use super::label::state_name;
use crate::setup::{App, Env};
use terminal::output::{self, Format, user_error};

/// Returns the run with this number, or an error if there is none.
pub(super) async fn get(app: &App, id: i64) -> anyhow::Result<Run> {
    let run = app.store.run_get(RunId(id)).await?;
    run.ok_or_else(|| user_error(format!("there is no run {id}; `chorus runs` lists them")))
}

/// Prints that a run is now `what`; returns an error with `why_not` if nothing was `done`.
pub(super) async fn report_change(
    env: &Env,
    app: &App,
    run: &Run,
    done: bool,
    what: &str,
    why_not: &str,
) -> anyhow::Result<()> {
    if !done {
        return Err(user_error(format!("run {} is {}: {why_not}", run.id, state_name(run.state))));
    }
    match env.format {
        Format::Json => output::json(&get(app, run.id.0).await?),
        _ => output::line(format!("Run {} of {}/{} is {what}.", run.id, run.campaign, run.step)),
    }
}
