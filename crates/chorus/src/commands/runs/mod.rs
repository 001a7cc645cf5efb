//! `chorus runs`: runs, and what became of every recipient.

mod change;
mod label;
mod occurrences;
mod reconcile;
mod revise;
mod settle;
mod show;
mod stopped;

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use store::{DeliveryState, Run, RunKind, RunState};

use crate::output::{self, Format, number, wrong};
use crate::setup::{Env, Opened};
use change::{changed, get};
pub(crate) use label::show_instant;
use label::state_name;
pub(crate) use occurrences::show_time;
pub(crate) use show::print_run;
pub(crate) use stopped::describe;

/// Show runs and what became of every recipient; pause, resume, cancel, retry, settle them
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
    /// Go on; a cancelled run goes on for those who have not got it
    Resume { run: i64 },
    /// End it: who has not got it yet does not get it
    Cancel { run: i64 },
    /// Send again to exactly those who failed or are uncertain
    Retry { run: i64 },
    /// Give those who have not been sent it yet the words of today's file
    Revise { run: i64 },
    /// Run an occurrence now that did not run
    Fire(occurrences::Options),
    /// Dismiss an occurrence that did not run, or take one out that is to come
    Skip(occurrences::Options),
    /// Say of what is uncertain that it went out, or send it again
    Settle(settle::Options),
    /// Mark as sent what a relay's log or a mail dump shows to have gone out
    Reconcile(reconcile::Options),
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
        Action::Show { run, state, limit } => {
            show::show(env, &opened, *run, *state, i64::from(*limit)).await?;
        }
        Action::Pause { run } => {
            let run = get(&opened, *run).await?;
            let done = opened.store.run_pause(run.id, "paused by hand").await?;
            changed(env, &opened, &run, done, "paused", "only a planned or running run can be paused")
                .await?;
        }
        Action::Resume { run } => {
            let run = get(&opened, *run).await?;
            if let Some(stopped) = opened.store.stopped().await? {
                return Err(wrong(dashboard::words::stopped(&stopped)));
            }
            let done = match run.state {
                RunState::Cancelled => {
                    let now = opened.clock.millis();
                    opened.store.run_reopen(run.id, now).await?.is_some()
                }
                _ => opened.store.run_resume(run.id).await?,
            };
            let why_not = "only a paused or cancelled run can be resumed";
            changed(env, &opened, &run, done, "resumed", why_not).await?;
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
        Action::Revise { run } => revise::revise(env, &opened, &get(&opened, *run).await?).await?,
        Action::Fire(options) => occurrences::fire(env, &opened, options).await?,
        Action::Skip(options) => occurrences::skip(env, &opened, options).await?,
        Action::Settle(options) => settle::settle(env, &opened, options).await?,
        Action::Reconcile(options) => reconcile::reconcile(env, &opened, options).await?,
    }
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(env: &Env, opened: &Opened, campaign: Option<&str>, limit: i64) -> anyhow::Result<()> {
    let runs = opened.store.run_list(campaign, limit).await?;
    let open = opened.store.occurrence_list(campaign, true, limit).await?;
    if env.format == Format::Json {
        return output::json(&runs);
    }
    if let Some(banner) = stopped::stopped_banner(opened).await? {
        output::line(banner)?;
    }
    if runs.is_empty() && open.is_empty() {
        return output::line(
            "No run yet. `chorus plan` says what runs next; `chorus send CAMPAIGN` runs one now.",
        );
    }
    let zone = &opened.workspace().brand.timezone;
    let row = |run: &Run| {
        vec![
            run.id.to_string(),
            format!(
                "{}/{}{}",
                run.campaign,
                run.step,
                if run.kind == RunKind::Test { " (test copy)" } else { "" }
            ),
            run.channel.clone(),
            show_instant(run, zone),
            state_name(run.state).to_owned(),
            number(run.total),
            number(run.tally(DeliveryState::Sent)),
            number(run.tally(DeliveryState::Failed) + run.tally(DeliveryState::Uncertain)),
            number(run.tally(DeliveryState::Suppressed) + run.tally(DeliveryState::Cancelled)),
        ]
    };
    let headings =
        ["run", "campaign/step", "channel", "at", "state", "total#", "sent#", "failed#", "left out#"];
    if !runs.is_empty() {
        output::table(&headings, runs.iter().map(row).collect())?;
    }
    occurrences::print(&open, opened.workspace())
}
