//! `chorus start`: ends a stop by `chorus stop` or because the database is a copy.

use std::process::ExitCode;

use clap::Args;
use store::{OccurrenceReason, Run, StopReason, Stopped};

use crate::commands::runs::describe;
use crate::commands::stop::{paused_by_stop, progress, stopped_json};
use crate::setup::{App, Env, random_key};
use terminal::help;
use terminal::output::{self, Format, counted};

/// Resume after `chorus stop`, or with a database that is a copy
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus start", ""),
    ("chorus start --resume", "with the runs that the stop paused"),
]))]
pub(crate) struct Options {
    /// Resume the runs that the stop paused.
    #[arg(long)]
    resume: bool,
}

/// Maximum number of held occurrences that are counted.
const MAX_HELD: i64 = 10_000;

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let stopped = app.store.stopped().await?;
    if let Some(stopped) = &stopped {
        scheduler::hold_due(&app.store, &app.loaded, &app.clock, stopped).await?;
    }
    // The copy is adopted before the stop ends: a worker that finds a copy and no stop stops
    // everything.
    if stopped.as_ref().is_some_and(|stopped| stopped.reason == StopReason::Copy) {
        app.store.identity_adopt(&random_key()).await?;
    }
    app.store.start_all().await?;
    let mut paused = paused_by_stop(&app.store).await?;
    let mut resumed = Vec::new();
    if options.resume {
        for run in std::mem::take(&mut paused) {
            if app.store.run_resume(run.id).await? {
                resumed.push(run);
            }
        }
    }
    let mut held = app.store.occurrence_list(None, true, MAX_HELD).await?;
    held.retain(|row| {
        stopped.is_some() && matches!(row.reason, OccurrenceReason::Stop | OccurrenceReason::Copy)
    });
    print_result(env, &app, stopped.as_ref(), &resumed, &paused, held.len())?;
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn print_result(
    env: &Env,
    app: &App,
    was: Option<&Stopped>,
    resumed: &[Run],
    paused: &[Run],
    held: usize,
) -> anyhow::Result<()> {
    if env.format == Format::Json {
        let resumed: Vec<_> = resumed.iter().map(|run| run.id).collect();
        return output::json(
            &serde_json::json!({ "was": was.map(stopped_json), "resumed": resumed, "paused": paused, "held": held }),
        );
    }
    match was {
        None => output::line("Nothing was stopped.")?,
        Some(stopped) => {
            output::line(format!("Started. {}", describe(stopped, &app.workspace().brand.timezone)))?;
        }
    }
    if held > 0 {
        output::line(format!(
            "Held meanwhile, for you to decide: {}. `chorus runs` lists them with the command that runs each.",
            counted(held, "occurrence", "occurrences")
        ))?;
    }
    if !resumed.is_empty() {
        output::line("Resumed:")?;
        resumed.iter().try_for_each(|run| output::line(format!("  {}", progress(run))))?;
    }
    if !paused.is_empty() {
        output::line(
            "Still paused; each goes on with its command, all of them with `chorus start --resume`:",
        )?;
        paused.iter().try_for_each(|run| {
            output::line(format!("  chorus runs resume {:<6} {}", run.id, progress(run)))
        })?;
    }
    Ok(())
}
