//! `chorus runs`: lists, shows and changes runs and their deliveries.

mod change;
mod label;
mod occurrences;
mod reconcile;
mod revise;
mod settle;
mod show;
mod stop_banner;

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use store::{DeliveryState, Run, RunKind, RunState};

use crate::setup::{App, Env};
use change::{get, report_change};
pub(crate) use label::show_instant;
use label::state_name;
pub(crate) use occurrences::show_time;
pub(crate) use show::print_run;
pub(crate) use stop_banner::describe;
use terminal::arguments;
use terminal::color;
use terminal::help;
use terminal::output::{self, Format, counted, number, user_error};

/// Show runs and the result for every recipient; pause, resume, cancel, retry and settle runs
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus runs", "the latest runs, and what did not run"),
    ("chorus runs show 1", "one run with its failures"),
    ("chorus runs pause 1", ""),
]))]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List runs, the latest first
    #[command(after_help = help::examples(&[
        ("chorus runs list --campaign spring-launch --limit 5", ""),
    ]))]
    List {
        /// Only runs of this campaign.
        #[arg(long, value_parser = arguments::id)]
        campaign: Option<String>,
        /// Maximum number of runs.
        #[arg(long, default_value_t = 50, value_parser = arguments::rows)]
        limit: u32,
    },
    /// Show one run: the states of its deliveries, failures with their reasons, possible duplicates
    #[command(after_help = help::examples(&[
        ("chorus runs show 1", "with the failed deliveries"),
        ("chorus runs show 1 --state sent --limit 20", "with those that were sent"),
    ]))]
    Show {
        /// The number of the run.
        #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
        run: i64,
        /// List the deliveries in this state. Default: failed.
        #[arg(long, value_parser = delivery_state())]
        state: Option<DeliveryState>,
        /// Maximum number of listed deliveries.
        #[arg(long, default_value_t = 100, value_parser = arguments::rows)]
        limit: u32,
    },
    /// Pause a run: no further delivery is started
    #[command(after_help = help::examples(&[
        ("chorus runs pause 1", ""),
    ]))]
    Pause {
        /// The number of the run.
        #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
        run: i64,
    },
    /// Resume a paused run, or a cancelled one for the recipients who have not got it
    #[command(after_help = help::examples(&[
        ("chorus runs resume 1", ""),
    ]))]
    Resume {
        /// The number of the run.
        #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
        run: i64,
    },
    /// Cancel a run: recipients who have not got it yet do not get it
    #[command(after_help = help::examples(&[
        ("chorus runs cancel 1", ""),
    ]))]
    Cancel {
        /// The number of the run.
        #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
        run: i64,
    },
    /// Send a run again to exactly the recipients whose delivery failed or is uncertain
    #[command(after_help = help::examples(&[
        ("chorus runs retry 1", ""),
    ]))]
    Retry {
        /// The number of the run.
        #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
        run: i64,
    },
    /// Apply the current text of the file to the deliveries of a run that are not sent yet
    #[command(after_help = help::examples(&[
        ("chorus runs revise 1", ""),
    ]))]
    Revise {
        /// The number of the run.
        #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
        run: i64,
    },
    /// Run an occurrence now that did not run at its time
    #[command(after_help = help::examples(&[
        ("chorus runs fire spring-launch/mail --at 2027-03-02T10:00", ""),
    ]))]
    Fire(occurrences::Options),
    /// Dismiss an occurrence that did not run, or skip a future one
    #[command(after_help = help::examples(&[
        ("chorus runs skip spring-launch/post --at 2027-03-02T12:30", ""),
    ]))]
    Skip(occurrences::Options),
    /// Mark uncertain deliveries as sent, or send them again
    #[command(after_help = help::examples(&[
        ("chorus runs settle 1 --went-out", "they all arrived"),
        ("chorus runs settle 1 --send-again --contact HC-10001", "one lost"),
    ]))]
    Settle(settle::Options),
    /// Mark deliveries as sent that a relay's log or a mail dump shows to have been sent
    #[command(after_help = help::examples(&[
        ("chorus runs reconcile /var/log/mail.log", ""),
    ]))]
    Reconcile(reconcile::Options),
}

/// Returns a parser for the names of delivery states.
fn delivery_state() -> impl TypedValueParser<Value = DeliveryState> {
    let words = DeliveryState::ALL.iter().map(|state| state.as_str());
    PossibleValuesParser::new(words).try_map(DeliveryState::try_from)
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    match options.action.as_ref().unwrap_or(&Action::List { campaign: None, limit: 50 }) {
        Action::List { campaign, limit } => {
            list(env, &app, campaign.as_deref(), i64::from(*limit)).await?;
        }
        Action::Show { run, state, limit } => {
            show::show(env, &app, *run, *state, i64::from(*limit)).await?;
        }
        Action::Pause { run } => {
            let run = get(&app, *run).await?;
            let done = app.store.run_pause(run.id, "paused by hand").await?;
            report_change(env, &app, &run, done, "paused", "only a planned or running run can be paused")
                .await?;
        }
        Action::Resume { run } => {
            let run = get(&app, *run).await?;
            if let Some(stopped) = app.store.stopped().await? {
                return Err(user_error(dashboard::words::stopped(&stopped)));
            }
            let done = match run.state {
                RunState::Cancelled => {
                    let now = app.clock.millis();
                    app.store.run_reopen(run.id, now).await?.is_some()
                }
                _ => app.store.run_resume(run.id).await?,
            };
            let why_not = "only a paused or cancelled run can be resumed";
            report_change(env, &app, &run, done, "resumed", why_not).await?;
        }
        Action::Cancel { run } => {
            let run = get(&app, *run).await?;
            let done = app.store.run_cancel(run.id, app.clock.millis()).await?;
            report_change(env, &app, &run, done.is_some(), "cancelled", "it has ended already").await?;
        }
        Action::Retry { run } => {
            let run = get(&app, *run).await?;
            let count = app.store.run_retry(run.id, app.clock.millis()).await?;
            let what = format!("queued again for {}", counted(count, "recipient", "recipients"));
            report_change(env, &app, &run, count > 0, &what, "no delivery of it failed or is uncertain")
                .await?;
        }
        Action::Revise { run } => revise::revise(env, &app, &get(&app, *run).await?).await?,
        Action::Fire(options) => occurrences::fire(env, &app, options).await?,
        Action::Skip(options) => occurrences::skip(env, &app, options).await?,
        Action::Settle(options) => settle::settle(env, &app, options).await?,
        Action::Reconcile(options) => reconcile::reconcile(env, &app, options).await?,
    }
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(env: &Env, app: &App, campaign: Option<&str>, limit: i64) -> anyhow::Result<()> {
    let runs = app.store.run_list(campaign, limit).await?;
    let open = app.store.occurrence_list(campaign, true, limit).await?;
    if env.format == Format::Json {
        return output::json(&runs);
    }
    if let Some(banner) = stop_banner::stopped_banner(app).await? {
        output::line(banner)?;
    }
    if runs.is_empty() && open.is_empty() {
        return output::line(
            "No run yet. `chorus plan` shows what runs next; `chorus send CAMPAIGN` runs one now.",
        );
    }
    let zone = &app.workspace().brand.timezone;
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
            color::paint(run.state, state_name(run.state)),
            number(run.total),
            number(run.tally(DeliveryState::Sent)),
            number(run.tally(DeliveryState::Failed) + run.tally(DeliveryState::Uncertain)),
            number(run.tally(DeliveryState::Suppressed) + run.tally(DeliveryState::Cancelled)),
        ]
    };
    let headings =
        ["run", "campaign/step", "channel", "at", "state", "total#", "sent#", "failed#", "left out#"];
    if !runs.is_empty() {
        output::table(&headings, runs.iter().map(row))?;
    }
    occurrences::print(&open, app.workspace())
}
