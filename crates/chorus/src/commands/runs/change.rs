//! Finding the run to change, and reporting the change.

use store::{Run, RunId};

use super::label::state_name;
use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened};

/// Returns a run by its number.
pub(super) async fn get(opened: &Opened, id: i64) -> anyhow::Result<Run> {
    let run = opened.store.run_get(RunId(id)).await?;
    run.ok_or_else(|| wrong(format!("there is no run {id}; `chorus runs` lists them")))
}

/// Reports that a run is `what` now; an error that says `why_not` where nothing was `done`.
pub(super) async fn changed(
    env: &Env,
    opened: &Opened,
    run: &Run,
    done: bool,
    what: &str,
    why_not: &str,
) -> anyhow::Result<()> {
    if !done {
        return Err(wrong(format!("run {} is {}: {why_not}", run.id, state_name(run.state))));
    }
    match env.format {
        Format::Json => output::json(&get(opened, run.id.0).await?),
        _ => output::line(format!("Run {} of {}/{} is {what}.", run.id, run.campaign, run.step)),
    }
}
