//! `chorus stop`: nothing goes out and nothing is planned until `chorus start`.

use std::process::ExitCode;

use clap::Args;
use store::{DeliveryState, PausedBy, Run, StopReason, Stopped, Store};

use crate::commands::runs;
use crate::output::{self, Format, number};
use crate::setup::{Env, Opened};

/// Stop everything: nothing goes out and nothing is planned until `chorus start`
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stop service messages and confirmations too.
    #[arg(long)]
    everything: bool,
}

/// The note on runs that were paused by it.
const NOTE: &str = "paused by `chorus stop`";

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let before: Vec<_> = paused_by_stop(&opened.store).await?.iter().map(|run| run.id).collect();
    let detail =
        if options.everything { "stopped by hand, with service messages" } else { "stopped by hand" };
    let since = opened.clock.millis();
    let wanted = Stopped { reason: StopReason::Stop, since, detail: detail.to_owned() };
    let is_new = opened.store.stop_all(&wanted, NOTE).await?;
    let stopped = opened.store.stopped().await?.unwrap_or(wanted);
    let mut paused = paused_by_stop(&opened.store).await?;
    paused.retain(|run| !before.contains(&run.id));
    tell(env, &opened, &stopped, is_new, &paused)?;
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn tell(env: &Env, opened: &Opened, stopped: &Stopped, is_new: bool, paused: &[Run]) -> anyhow::Result<()> {
    if env.format == Format::Json {
        return output::json(&serde_json::json!({ "stopped": stopped, "new": is_new, "paused": paused }));
    }
    if !is_new {
        let said = runs::describe(stopped, &opened.workspace().brand.timezone);
        return output::line(format!("Nothing to do. {said}"));
    }
    output::line("Stopped: nothing goes out and nothing is planned until `chorus start`.")?;
    match paused {
        [] => output::line("No run was under way."),
        paused => {
            output::line("Paused:")?;
            paused.iter().try_for_each(|run| output::line(format!("  {}", progress(run))))
        }
    }
}

/// One line about a run that waits: `run 3 of letter/mail, 120 of 300 sent, 180 not recorded as sent`.
pub(crate) fn progress(run: &Run) -> String {
    let name = format!("run {} of {}/{}", run.id, run.campaign, run.step);
    if run.planned_at.is_none() {
        return format!("{name}, whose recipients are not planned yet");
    }
    let (sent, total) = (number(run.tally(DeliveryState::Sent)), number(run.total));
    format!("{name}, {sent} of {total} sent, {} not recorded as sent", number(not_recorded(run)))
}

/// The number of a run's deliveries that may have gone out without being recorded: open and uncertain ones.
pub(crate) fn not_recorded(run: &Run) -> i64 {
    run.total - run.ended() + run.tally(DeliveryState::Uncertain)
}

/// The runs that a stop paused and that still wait.
pub(crate) async fn paused_by_stop(store: &Store) -> anyhow::Result<Vec<Run>> {
    let mut runs = store.run_live().await?;
    runs.retain(|run| run.paused_by == Some(PausedBy::Stop));
    Ok(runs)
}
