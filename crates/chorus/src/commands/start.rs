//! `chorus start`: ends a stop, by hand or because the database is a copy.

use std::process::ExitCode;

use clap::Args;
use store::{OccurrenceReason, Run, StopReason, Stopped};

use crate::commands::runs::describe;
use crate::commands::stop::{paused_by_stop, progress};
use crate::output::{self, Format};
use crate::setup::{Env, Opened, fresh_key};

/// Go on after `chorus stop`, or with a database that is a copy
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Resume the runs that the stop paused.
    #[arg(long)]
    resume: bool,
}

/// At most so many held occurrences are counted.
const HELD: i64 = 10_000;

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let stopped = opened.store.stopped().await?;
    if let Some(stopped) = &stopped {
        scheduler::hold_due(&opened.store, &opened.loaded, &opened.clock, stopped).await?;
    }
    // In this order: a worker that sees a copy and no stop stops everything again.
    if stopped.as_ref().is_some_and(|stopped| stopped.reason == StopReason::Copy) {
        opened.store.identity_adopt(&fresh_key()).await?;
    }
    opened.store.start_all().await?;
    let mut paused = paused_by_stop(&opened.store).await?;
    let mut resumed = Vec::new();
    if options.resume {
        for run in std::mem::take(&mut paused) {
            if opened.store.run_resume(run.id).await? {
                resumed.push(run);
            }
        }
    }
    let mut held = opened.store.occurrence_list(None, true, HELD).await?;
    held.retain(|row| {
        stopped.is_some() && matches!(row.reason, OccurrenceReason::Stop | OccurrenceReason::Copy)
    });
    tell(env, &opened, stopped.as_ref(), &resumed, &paused, held.len())?;
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn tell(
    env: &Env,
    opened: &Opened,
    was: Option<&Stopped>,
    resumed: &[Run],
    paused: &[Run],
    held: usize,
) -> anyhow::Result<()> {
    if env.format == Format::Json {
        let resumed: Vec<_> = resumed.iter().map(|run| run.id).collect();
        return output::json(
            &serde_json::json!({ "was": was, "resumed": resumed, "paused": paused, "held": held }),
        );
    }
    match was {
        None => output::line("Nothing was stopped.")?,
        Some(stopped) => {
            output::line(format!("Started. {}", describe(stopped, &opened.workspace().brand.timezone)))?;
        }
    }
    if held > 0 {
        output::line(format!(
            "{held} occurrences were held meanwhile and wait for you: `chorus runs` lists them with the command that runs \
             each."
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
