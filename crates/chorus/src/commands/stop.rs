//! `chorus stop`: stops all sending and planning until `chorus start`.

use std::process::ExitCode;

use clap::Args;
use store::iso8601::Iso8601 as _;
use store::{DeliveryState, PausedBy, Run, StopReason, Stopped, Store};

use crate::commands::runs;
use crate::setup::{App, Env};
use terminal::help;
use terminal::output::{self, Format, number};

/// Stop all sending and planning until `chorus start`
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus stop", ""),
    ("chorus stop --everything", "service messages and confirmations, too"),
]))]
pub(crate) struct Options {
    /// Also stop service messages and confirmations.
    #[arg(long)]
    everything: bool,
}

/// The note on runs that the stop paused.
const NOTE: &str = "paused by `chorus stop`";

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let before: Vec<_> = paused_by_stop(&app.store).await?.iter().map(|run| run.id).collect();
    let detail =
        if options.everything { "stopped by hand, with service messages" } else { "stopped by hand" };
    let since = app.clock.millis();
    let requested = Stopped { reason: StopReason::Stop, since, detail: detail.to_owned() };
    let is_new = app.store.stop_all(&requested, NOTE).await?;
    let stopped = app.store.stopped().await?.unwrap_or(requested);
    let mut paused = paused_by_stop(&app.store).await?;
    paused.retain(|run| !before.contains(&run.id));
    print_result(env, &app, &stopped, is_new, &paused)?;
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn print_result(env: &Env, app: &App, stopped: &Stopped, is_new: bool, paused: &[Run]) -> anyhow::Result<()> {
    if env.format == Format::Json {
        return output::json(&serde_json::json!({
            "stopped": stopped_json(stopped), "new": is_new, "paused": paused,
        }));
    }
    if !is_new {
        let description = runs::describe(stopped, &app.workspace().brand.timezone);
        return output::line(format!("Nothing to do. {description}"));
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

/// Returns a stop as JSON for programs; the database stores its time as a number.
pub(crate) fn stopped_json(stopped: &Stopped) -> serde_json::Value {
    serde_json::json!({
        "reason": stopped.reason, "since": stopped.since.iso8601(), "detail": stopped.detail,
    })
}

/// Describes the progress of a run: `run 3 of letter/mail, 120 of 300 sent, 180 not recorded as
/// sent`.
pub(crate) fn progress(run: &Run) -> String {
    let name = format!("run {} of {}/{}", run.id, run.campaign, run.step);
    if run.planned_at.is_none() {
        return format!("{name}, whose recipients are not planned yet");
    }
    let (sent, total) = (number(run.tally(DeliveryState::Sent)), number(run.total));
    format!("{name}, {sent} of {total} sent, {} not recorded as sent", number(not_recorded(run)))
}

/// Returns the number of a run's deliveries that may have been sent without being recorded: the
/// open and uncertain ones.
pub(crate) fn not_recorded(run: &Run) -> i64 {
    run.total - run.ended() + run.tally(DeliveryState::Uncertain)
}

/// Returns the runs that a stop paused and that are still paused.
pub(crate) async fn paused_by_stop(store: &Store) -> anyhow::Result<Vec<Run>> {
    let mut runs = store.run_live().await?;
    runs.retain(|run| run.paused_by == Some(PausedBy::Stop));
    Ok(runs)
}
