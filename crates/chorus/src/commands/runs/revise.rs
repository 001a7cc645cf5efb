//! `chorus runs revise`: those who have not been sent a run yet get the words of today's file.

use store::Run;

use super::change::changed;
use crate::output::{number, wrong};
use crate::setup::{Env, Opened};

/// Compiles the run's step as it stands in the files now, and says how many get it.
pub(super) async fn revise(env: &Env, opened: &Opened, run: &Run) -> anyhow::Result<()> {
    let campaign = opened.campaign(&run.campaign)?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step);
    let step = step.ok_or_else(|| {
        wrong(format!("{} has no step {:?} any more: nothing can be said anew", campaign.id, run.step))
    })?;
    let now = opened.clock.now();
    let revised = scheduler::revise(&opened.store, &opened.loaded, campaign, step, run.id, now).await;
    let is_new = revised.map_err(|error| wrong(format!("cannot {error}")))?;
    let open = run.total - run.ended();
    let what = format!("revised: {} get the words of today's file", number(open));
    let why_not =
        if run.finished_at.is_some() { "it has ended" } else { "it says what today's file says already" };
    changed(env, opened, run, is_new, &what, why_not).await
}
