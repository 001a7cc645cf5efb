//! `chorus runs`: runs, and what became of every recipient.

use std::process::ExitCode;

use campaign::Workspace;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use dashboard::Outlook;
use scheduler::RepeatBound;
use store::{DeliveryId, DeliveryRow, DeliveryState, Run, RunId, RunState};

use crate::output::{self, Format, number, wrong};
use crate::setup::{Env, Opened};
use crate::time;

/// Show runs and what became of every recipient; pause, resume, cancel, retry them
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The latest runs first
    List {
        /// Of one campaign.
        #[arg(long)]
        campaign: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u16,
    },
    /// One run: how its deliveries ended, who failed and why, who may have got it twice
    Show {
        run: i64,
        /// List the deliveries in this state.
        #[arg(long, value_parser = delivery_state())]
        state: Option<DeliveryState>,
        /// List at most this many deliveries.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Begin nothing more, for now
    Pause { run: i64 },
    /// Go on
    Resume { run: i64 },
    /// End it: who has not got it yet does not get it
    Cancel { run: i64 },
    /// Send again to exactly those who failed or are uncertain
    Retry { run: i64 },
}

/// The states of a delivery, by their words.
fn delivery_state() -> impl TypedValueParser<Value = DeliveryState> {
    let words = DeliveryState::ALL.iter().map(|state| state.as_str());
    PossibleValuesParser::new(words).try_map(DeliveryState::try_from)
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    match options.action.as_ref().unwrap_or(&Action::List { campaign: None, limit: 50 }) {
        Action::List { campaign, limit } => {
            list(env, &opened, campaign.as_deref(), i64::from(*limit)).await?;
        }
        Action::Show { run, state, limit } => show(env, &opened, *run, *state, i64::from(*limit)).await?,
        Action::Pause { run } => {
            let run = get(&opened, *run).await?;
            let done = opened.store.run_pause(run.id, "paused by hand").await?;
            changed(env, &opened, &run, done, "paused", "only a planned or running run can be paused")
                .await?;
        }
        Action::Resume { run } => {
            let run = get(&opened, *run).await?;
            let done = opened.store.run_resume(run.id).await?;
            changed(env, &opened, &run, done, "resumed", "only a paused run can be resumed").await?;
        }
        Action::Cancel { run } => {
            let run = get(&opened, *run).await?;
            let done = opened.store.run_cancel(run.id, opened.clock.millis()).await?;
            changed(env, &opened, &run, done.is_some(), "cancelled", "it has ended already").await?;
        }
        Action::Retry { run } => {
            let run = get(&opened, *run).await?;
            let count = opened.store.run_retry(run.id, opened.clock.millis()).await?;
            let what = format!("queued again for {} recipients", number(count));
            changed(env, &opened, &run, count > 0, &what, "nobody failed or is uncertain in it").await?;
        }
    }
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn get(opened: &Opened, id: i64) -> anyhow::Result<Run> {
    let run = opened.store.run_get(RunId(id)).await?;
    run.ok_or_else(|| wrong(format!("there is no run {id}; `chorus runs` lists them")))
}

async fn changed(
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

async fn list(env: &Env, opened: &Opened, campaign: Option<&str>, limit: i64) -> anyhow::Result<()> {
    let runs = opened.store.run_list(campaign, limit).await?;
    if env.format == Format::Json {
        return output::json(&runs);
    }
    if runs.is_empty() {
        return output::line(
            "No run yet. `chorus plan` says what runs next; `chorus send CAMPAIGN` runs one now.",
        );
    }
    let zone = &opened.workspace().brand.timezone;
    let row = |run: &Run| {
        vec![
            run.id.to_string(),
            format!("{}/{}", run.campaign, run.step),
            run.channel.clone(),
            time::show_millis(run.instant, zone),
            state_name(run.state).to_owned(),
            number(run.total),
            number(tally(run, "sent")),
            number(tally(run, "failed") + tally(run, "uncertain")),
            number(tally(run, "suppressed") + tally(run, "cancelled")),
        ]
    };
    let headings =
        ["run", "campaign/step", "channel", "at", "state", "total#", "sent#", "failed#", "left out#"];
    output::table(&headings, runs.iter().map(row).collect())
}

async fn show(
    env: &Env,
    opened: &Opened,
    id: i64,
    state: Option<DeliveryState>,
    limit: i64,
) -> anyhow::Result<()> {
    let run = get(opened, id).await?;
    let store = &opened.store;
    let first = DeliveryId::new(run.id, store::ContactId::FEED);
    let before = DeliveryId(first.0 - 1);
    let repeated = store.delivery_list(run.id, None, true, before, limit).await?;
    let wanted = state.unwrap_or(DeliveryState::Failed);
    let listed = store.delivery_list(run.id, Some(wanted), false, before, limit).await?;
    let outlook = dashboard::outlook(store, opened.workspace(), &run, opened.clock.now()).await?;
    if env.format == Format::Json {
        return output::json(&serde_json::json!({
            "run": run, "outlook": outlook, "deliveries": listed, "repeated": repeated,
            "repeat_bound": bound(opened.workspace(), &run),
        }));
    }
    print_run(opened.workspace(), &run)?;
    print_outlook(opened.workspace(), &outlook)?;
    if let Some(bound) = bound(opened.workspace(), &run) {
        output::line(format!(
            "  at risk    a worker that is killed repeats at most {}, one per connection; {} if its machine is lost",
            bound.killed, bound.machine_lost
        ))?;
    }
    let title = state.map_or("Failed".to_owned(), |state| format!("{state:?}"));
    print_deliveries(opened.workspace(), &title, &listed)?;
    print_deliveries(opened.workspace(), "May have been received twice (same Message-ID)", &repeated)
}

fn print_deliveries(workspace: &Workspace, title: &str, rows: &[DeliveryRow]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    output::line(format!("\n{title}:"))?;
    let zone = &workspace.brand.timezone;
    let row = |row: &DeliveryRow| {
        vec![
            row.address.clone(),
            row.state.to_string(),
            row.reason
                .as_deref()
                .map_or_else(String::new, |reason| dashboard::words::reason(reason).to_owned()),
            row.sent_at.or(row.due_at).map_or_else(String::new, |at| time::show_millis(at, zone)),
            row.attempts.to_string(),
            row.answer.clone().unwrap_or_default().chars().take(80).collect(),
        ]
    };
    output::table(&["recipient", "state", "why", "at", "tries#", "answer"], rows.iter().map(row).collect())
}

/// One run for people.
pub(crate) fn print_run(workspace: &Workspace, run: &Run) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    let (sent, total) = (number(tally(run, "sent")), number(run.total));
    output::line(format!("Run {} of {}/{} by {}", run.id, run.campaign, run.step, run.channel))?;
    output::line(format!("  fired      {}", time::show_millis(run.instant, zone)))?;
    output::line(format!("  state      {}", state_name(run.state)))?;
    if let Some(note) = &run.note {
        output::line(format!("  note       {note}"))?;
    }
    output::line(format!("  sent       {sent} of {total}"))?;
    for tally in run.tallies.iter().filter(|tally| tally.state != "sent") {
        let why = match tally.reason.as_str() {
            "" => String::new(),
            reason => format!(" ({})", dashboard::words::reason(reason)),
        };
        let state = if tally.state == "repeat" { "repeats" } else { &tally.state };
        output::line(format!("  {state:<10} {}{why}", number(tally.count)))?;
    }
    for (what, count) in [("came back", run.came_back.bounced), ("spam", run.came_back.complained)] {
        if count > 0 {
            output::line(format!("  {what:<10} {}", number(count)))?;
        }
    }
    let open = run.total - done(run);
    if open > 0 {
        output::line(format!("  waiting    {}", number(open)))?;
    }
    Ok(())
}

/// How many a worker may repeat that comes to a bad end.
fn bound(workspace: &Workspace, run: &Run) -> Option<RepeatBound> {
    workspace.channels.get(run.channel.as_str()).map(RepeatBound::of)
}

/// As many receivers that wait are told.
const WAITS: usize = 10;

/// What is to be expected of it.
fn print_outlook(workspace: &Workspace, outlook: &Outlook) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    for held in outlook.waits.iter().take(WAITS) {
        output::line(format!("  waits      {}; next try {}", held.why, time::show_millis(held.until, zone)))?;
    }
    if outlook.waits.len() > WAITS {
        output::line(format!("             and {} more receivers", outlook.waits.len() - WAITS))?;
    }
    match outlook.finish {
        Some(finish) => output::line(format!("  done       about {}", time::show(finish, zone))),
        None => Ok(()),
    }
}

/// How many deliveries of a run have ended.
pub(crate) fn done(run: &Run) -> i64 {
    run.tallies.iter().filter(|tally| tally.state != "repeat").map(|tally| tally.count).sum()
}

fn tally(run: &Run, state: &str) -> i64 {
    run.tallies.iter().filter(|tally| tally.state == state).map(|tally| tally.count).sum()
}

fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Planned => "planned",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Finished => "finished",
        RunState::FinishedWithFailures => "finished with failures",
        RunState::Cancelled => "cancelled",
    }
}
