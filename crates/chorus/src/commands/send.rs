//! `chorus send`: runs a step now and waits until the run ends.

mod confirmation;
mod dry_run;
mod error;
mod test_copy;

use std::process::ExitCode;
use std::time::Duration;

use campaign::{Campaign, Step};
use clap::Args;
use scheduler::{Engine, ManualSendOptions};
use store::{DeliveryState, PausedBy, Run, RunId, RunKind, RunState};
use tokio::sync::watch;
use tokio::time::Instant;

use self::confirmation::Confirmation;
use crate::commands::runs;
use crate::lookup::find_step;
use crate::server::StopSignal;
use crate::setup::{self, App, Env};
use error::cannot;
use terminal::arguments;
use terminal::help;
use terminal::output::{self, Format, user_error};
use terminal::progress::{self, Unit};

/// Run a step now and wait until the run ends
///
/// Before sending, the command shows the number of messages, when the step was last sent and what
/// is still open, and asks for confirmation. A step with `at`, or with the same text as the last
/// time, is sent again only with --again or --missing.
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus send weekly-newsletter --dry-run", "sends nothing"),
    ("chorus send weekly-newsletter --to daisy_parker@example.com", "a test copy"),
    ("chorus send spring-launch --step mail", "asks first"),
]))]
pub(crate) struct Options {
    /// The id of the campaign.
    #[arg(value_parser = arguments::id)]
    campaign: String,
    /// The step. Default: the campaign's first.
    #[arg(long)]
    step: Option<String>,
    /// Send test copies to these addresses (at most 20), or to `seeds`, the addresses in `[brand]`.
    /// A test copy counts in no report, and its links change no subscription.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    to: Vec<String>,
    /// Fill test copies with the values of this contact. Default: the contact with the copy's
    /// address.
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    contact: Option<String>,
    /// Send without asking for confirmation.
    #[arg(long, short)]
    yes: bool,
    /// Send to all recipients again, although the step was sent before.
    #[arg(long, conflicts_with = "to")]
    again: bool,
    /// Send only to recipients who have not received the step.
    #[arg(long, conflicts_with_all = ["to", "again"])]
    missing: bool,
    /// Also send to recipients who do not meet the step's `if` or `unless`.
    #[arg(long, conflicts_with = "to")]
    anyway: bool,
    /// Maximum time without progress, such as 90s or 10m, after which the run is paused.
    #[arg(long, default_value = "2m", value_parser = arguments::wait)]
    wait: Duration,
    /// Show the first messages and the number of all messages, without sending or writing anything.
    #[arg(long)]
    dry_run: bool,
}

/// Interval between two polls of the run.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open_for(&options.campaign).await?;
    let code = send(env, options, &app).await;
    app.store.close().await;
    code
}

async fn send(env: &Env, options: &Options, app: &App) -> anyhow::Result<ExitCode> {
    let campaign = app.campaign(&options.campaign)?;
    let step = find_step(campaign, options.step.as_deref())?;
    if options.dry_run {
        return dry_run::run(env, app, campaign, step, options.to.first().map(String::as_str)).await;
    }
    require_channel(app, step)?;
    app.require_writable().await?;
    // Reports an invalid proxy before a run is created.
    setup::proxy(app.workspace())?;
    if !options.to.is_empty() {
        return send_test_copies(env, options, app, campaign, step).await;
    }
    // Read before anything is shown: a run that is created later was not seen by the user.
    let runs = app.store.run_of_step(campaign.id.as_str(), step.id.as_str(), 1).await?;
    let seen = runs.first().map_or(RunId(0), |run| run.id);
    let request = ManualSendOptions {
        seen,
        again: options.again,
        missing: options.missing,
        anyway: options.anyway,
        test: None,
    };
    let now = app.clock.now();
    let refusal = scheduler::refusal(&app.store, &app.loaded, campaign, step, &request, now).await;
    if let Some(refusal) = refusal.map_err(cannot)? {
        return Err(user_error(confirmation::refusal_text(app, campaign, step, &refusal)));
    }
    match confirmation::confirm(app, campaign, step, &request, options.yes).await? {
        Confirmation::Yes => {}
        Confirmation::No => return Ok(ExitCode::from(2)),
        Confirmation::NoRecipients => return Ok(ExitCode::SUCCESS),
    }
    let now = app.clock.now();
    let run = scheduler::fire(&app.store, &app.loaded, campaign, step, &request, now).await;
    let ended = wait(app, run.map_err(cannot)?, options.wait, env.format).await?;
    print_result(env, app, &ended)
}

async fn send_test_copies(
    env: &Env,
    options: &Options,
    app: &App,
    campaign: &Campaign,
    step: &Step,
) -> anyhow::Result<ExitCode> {
    let copies = test_copy::copies(app, step, &options.to, options.contact.as_deref()).await?;
    let mut code = ExitCode::SUCCESS;
    for copy in copies {
        let request = ManualSendOptions { test: Some(copy), ..ManualSendOptions::default() };
        let now = app.clock.now();
        let refusal = scheduler::refusal(&app.store, &app.loaded, campaign, step, &request, now).await;
        if let Some(refusal) = refusal.map_err(cannot)? {
            return Err(user_error(confirmation::refusal_text(app, campaign, step, &refusal)));
        }
        let run = scheduler::fire(&app.store, &app.loaded, campaign, step, &request, now).await;
        let ended = wait(app, run.map_err(cannot)?, options.wait, env.format).await?;
        let result = print_result(env, app, &ended)?;
        if result != ExitCode::SUCCESS {
            code = result;
        }
    }
    Ok(code)
}

/// Returns an error for a channel that cannot send, before a run is created.
fn require_channel(app: &App, step: &Step) -> anyhow::Result<()> {
    let channel = app.workspace().channels.get(&step.channel);
    let channel = channel.ok_or_else(|| user_error(format!("there is no channel {}", step.channel)))?;
    channel::Sender::new(channel, channel::Timeouts::default(), None)
        .map_err(|error| user_error(format!("cannot {error}")))?;
    Ok(())
}

/// Sends one run until it ends, makes no progress for `timeout`, or the user interrupts. Without
/// progress the run is paused.
async fn wait(app: &App, id: RunId, timeout: Duration, format: Format) -> anyhow::Result<Run> {
    let (_keep, files) = watch::channel(app.loaded.clone());
    let engine = Engine::start(app.worker("send", files, Some(id))?);
    let result = watch_run(app, id, timeout, format).await;
    engine.stop().await;
    if let Some(note) = result? {
        // A paused run is not continued by other workers.
        app.store.run_pause_by(id, PausedBy::Wait, &note).await?;
    }
    let run = app.store.run_get(id).await?;
    run.ok_or_else(|| anyhow::anyhow!("read run {id}: it is gone"))
}

/// Waits for a run. Returns the note to pause it with if it makes no progress.
async fn watch_run(
    app: &App,
    id: RunId,
    timeout: Duration,
    format: Format,
) -> anyhow::Result<Option<String>> {
    let mut signal = StopSignal::listen()?;
    let mut printed_note = None;
    let mut progress = (Instant::now(), 0);
    let mut stuck = None;
    let bar = (format == Format::Text).then(|| progress::bar("sending", 0, Unit::Messages));
    loop {
        let Some(run) = app.store.run_get(id).await? else { break };
        let done = run.ended();
        if let Some(bar) = &bar {
            bar.set_length(u64::try_from(run.total).unwrap_or(0));
            bar.set_position(u64::try_from(done).unwrap_or(0));
        }
        if done != progress.1 {
            progress = (Instant::now(), done);
        }
        if run.note != printed_note {
            printed_note.clone_from(&run.note);
            if let Some(note) = &run.note {
                output::note(format!(
                    "Run {id}: {note}\nIt waits up to {} for progress, then the run is left paused. Ctrl-C leaves it to \
                     `chorus serve`; `chorus runs cancel {id}` ends it.",
                    span(timeout)
                ));
            }
        }
        if run.finished_at.is_some() || run.state == RunState::Paused {
            break;
        }
        if progress.0.elapsed() > timeout.max(interval(app, &run)) {
            stuck = Some(stuck_note(&run, timeout));
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = signal.received() => break,
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    signal.exit_on_next();
    Ok(stuck)
}

/// Returns twice the interval between two messages by the channel's rate: no progress within a
/// shorter time is normal.
fn interval(app: &App, run: &Run) -> Duration {
    let channel = app.workspace().channels.get(run.channel.as_str());
    let rate = channel.and_then(|channel| channel.rate.as_ref());
    rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1) * 2)
}

fn stuck_note(run: &Run, timeout: Duration) -> String {
    let why = run.note.clone().unwrap_or_else(|| "the other side deferred the remaining messages".to_owned());
    format!(
        "`chorus send` saw no progress for {}: {why}. `chorus runs resume {}` goes on, `chorus runs cancel {}` ends it",
        span(timeout),
        run.id,
        run.id
    )
}

fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

fn print_result(env: &Env, app: &App, run: &Run) -> anyhow::Result<ExitCode> {
    if env.format == Format::Json {
        output::json(run)?;
    } else {
        runs::print_run(app.workspace(), run)?;
        if run.finished_at.is_none() && run.state != RunState::Paused {
            output::note(format!("Run {} has not ended: `chorus serve` goes on with it.", run.id));
        }
    }
    let sent_none = run.tally(DeliveryState::Sent) == 0
        && run.tally(DeliveryState::Failed) + run.tally(DeliveryState::Uncertain) > 0;
    if run.kind == RunKind::Test && run.tally(DeliveryState::Suppressed) > 0 {
        return Err(user_error("no test copy was sent: this contact is left out for the reason above"));
    }
    Ok(if sent_none || run.finished_at.is_none() { ExitCode::from(3) } else { ExitCode::SUCCESS })
}
