//! `chorus send`: run a step now and wait for it.

mod dry_run;
mod error;
mod question;
mod test_copy;

use std::process::ExitCode;
use std::time::Duration;

use campaign::{Campaign, Step};
use clap::Args;
use schedule::duration::BadDuration;
use scheduler::{Engine, HandSend};
use store::{DeliveryState, PausedBy, Run, RunId, RunKind, RunState};
use tokio::sync::watch;
use tokio::time::Instant;

use self::question::Agreed;
use crate::commands::runs;
use crate::named::find_step;
use crate::output::{self, Format, wrong};
use crate::server::StopSignal;
use crate::setup::{self, Env, Opened};
use error::cannot;

/// Run a step now and wait for it
///
/// It says to how many, when the step last went out and what is still open, and asks. A step that happens once, or that
/// still says what it said the last time, goes again only with --again or --missing.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The campaign.
    campaign: String,
    /// The step; the first when left out.
    #[arg(long)]
    step: Option<String>,
    /// Send test copies to these addresses (at most 20), or to `seeds`, the brand's own. A test copy
    /// counts in no report, and what is done with it changes nothing for anybody.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    to: Vec<String>,
    /// Test copies show the values of this contact; else those of the contact whose address it is.
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    contact: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Once more, to everybody, although it went out before.
    #[arg(long, conflicts_with = "to")]
    again: bool,
    /// To those who have not got it.
    #[arg(long, conflicts_with_all = ["to", "again"])]
    missing: bool,
    /// Also to those who do not meet the step's `if` or `unless`.
    #[arg(long, conflicts_with = "to")]
    anyway: bool,
    /// How long to wait without progress, such as 90s or 10m: then the run is left paused.
    #[arg(long, default_value = "2m", value_parser = wait_time)]
    wait: Duration,
    /// Send nothing and write nothing: show what the first few would get, and how many there would be.
    #[arg(long)]
    dry_run: bool,
}

/// A `--wait` that is no length of time.
#[derive(Debug, thiserror::Error)]
#[error("{0}; write it like 90s, 10m or 1h")]
struct BadWait(#[source] BadDuration);

fn wait_time(text: &str) -> Result<Duration, BadWait> {
    schedule::duration::parse(text).map_err(BadWait)
}

/// How often a run is looked at while people wait for it.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open_for(&options.campaign).await?;
    let code = send(env, options, &opened).await;
    opened.store.close().await;
    code
}

async fn send(env: &Env, options: &Options, opened: &Opened) -> anyhow::Result<ExitCode> {
    let campaign = opened.campaign(&options.campaign)?;
    let step = find_step(campaign, options.step.as_deref())?;
    if options.dry_run {
        return dry_run::run(env, opened, campaign, step, options.to.first().map(String::as_str)).await;
    }
    require_channel(opened, step)?;
    opened.require_writable().await?;
    // What the worker needs is known before a run is made.
    setup::proxy(opened.workspace())?;
    if !options.to.is_empty() {
        return send_test_copies(env, options, opened, campaign, step).await;
    }
    // Before anything is looked at: what is made after this was not seen.
    let runs = opened.store.run_of_step(campaign.id.as_str(), step.id.as_str(), 1).await?;
    let seen = runs.first().map_or(RunId(0), |run| run.id);
    let ask =
        HandSend { seen, again: options.again, missing: options.missing, anyway: options.anyway, test: None };
    let now = opened.clock.now();
    let refused = scheduler::refusal(&opened.store, &opened.loaded, campaign, step, &ask, now).await;
    if let Some(refusal) = refused.map_err(cannot)? {
        return Err(wrong(question::refusal(opened, campaign, step, &refusal)));
    }
    match question::agreed(opened, campaign, step, &ask, options.yes).await? {
        Agreed::Yes => {}
        Agreed::No => return Ok(ExitCode::from(2)),
        Agreed::NobodyIsLeft => return Ok(ExitCode::SUCCESS),
    }
    let now = opened.clock.now();
    let run = scheduler::fire(&opened.store, &opened.loaded, campaign, step, &ask, now).await;
    let ended = wait(opened, run.map_err(cannot)?, options.wait, env.format).await?;
    tell(env, opened, &ended)
}

async fn send_test_copies(
    env: &Env,
    options: &Options,
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
) -> anyhow::Result<ExitCode> {
    let copies = test_copy::copies(opened, step, &options.to, options.contact.as_deref()).await?;
    let mut code = ExitCode::SUCCESS;
    for copy in copies {
        let ask = HandSend { test: Some(copy), ..HandSend::default() };
        let now = opened.clock.now();
        let refused = scheduler::refusal(&opened.store, &opened.loaded, campaign, step, &ask, now).await;
        if let Some(refusal) = refused.map_err(cannot)? {
            return Err(wrong(question::refusal(opened, campaign, step, &refusal)));
        }
        let run = scheduler::fire(&opened.store, &opened.loaded, campaign, step, &ask, now).await;
        let ended = wait(opened, run.map_err(cannot)?, options.wait, env.format).await?;
        let told = tell(env, opened, &ended)?;
        if told != ExitCode::SUCCESS {
            code = told;
        }
    }
    Ok(code)
}

/// Reports a channel that cannot send before anything is made.
fn require_channel(opened: &Opened, step: &Step) -> anyhow::Result<()> {
    let channel = opened.workspace().channels.get(&step.channel);
    let channel = channel.ok_or_else(|| wrong(format!("there is no channel {}", step.channel)))?;
    channel::Sender::new(channel, channel::Limits::default(), None)
        .map_err(|error| wrong(format!("cannot {error}")))?;
    Ok(())
}

/// Works on one run until it ends, nothing moves for too long, or somebody interrupts.
async fn wait(opened: &Opened, id: RunId, patience: Duration, format: Format) -> anyhow::Result<Run> {
    let (_keep, files) = watch::channel(opened.loaded.clone());
    let engine = Engine::start(opened.worker("send", files, Some(id))?);
    let result = watch_run(opened, id, patience, format).await;
    engine.stop().await;
    if let Some(note) = result? {
        // Nothing of it goes out by itself later.
        opened.store.run_pause_by(id, PausedBy::Wait, &note).await?;
    }
    let run = opened.store.run_get(id).await?;
    run.ok_or_else(|| anyhow::anyhow!("read run {id}: it is gone"))
}

/// Watches a run; says why it has to be paused, if it has.
async fn watch_run(
    opened: &Opened,
    id: RunId,
    patience: Duration,
    format: Format,
) -> anyhow::Result<Option<String>> {
    let mut signal = StopSignal::listen()?;
    let mut told = None;
    let mut moved = (Instant::now(), 0);
    let mut stuck = None;
    let bar = (format == Format::Text).then(|| output::progress("sending", 0));
    loop {
        let Some(run) = opened.store.run_get(id).await? else { break };
        let done = run.ended();
        if let Some(bar) = &bar {
            bar.set_length(u64::try_from(run.total).unwrap_or(0));
            bar.set_position(u64::try_from(done).unwrap_or(0));
        }
        if done != moved.1 {
            moved = (Instant::now(), done);
        }
        if run.note != told {
            told.clone_from(&run.note);
            if let Some(note) = &run.note {
                output::note(format!(
                    "Run {id}: {note}\nIt waits up to {} for progress, then the run is left paused. Ctrl-C leaves it to \
                     `chorus serve`; `chorus runs cancel {id}` ends it.",
                    span(patience)
                ));
            }
        }
        if run.finished_at.is_some() || run.state == RunState::Paused {
            break;
        }
        if moved.0.elapsed() > patience.max(interval(opened, &run)) {
            stuck = Some(why_stuck(&run, patience));
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = signal.heard() => break,
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    signal.then_exit();
    Ok(stuck)
}

/// Twice the time between two messages of a channel with a low rate: it is healthy and slow.
fn interval(opened: &Opened, run: &Run) -> Duration {
    let channel = opened.workspace().channels.get(run.channel.as_str());
    let rate = channel.and_then(|channel| channel.rate.as_ref());
    rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1) * 2)
}

fn why_stuck(run: &Run, patience: Duration) -> String {
    let why = run.note.clone().unwrap_or_else(|| "the other side put off those who are left".to_owned());
    format!(
        "`chorus send` saw no progress for {}: {why}. `chorus runs resume {}` goes on, `chorus runs cancel {}` ends it",
        span(patience),
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

fn tell(env: &Env, opened: &Opened, run: &Run) -> anyhow::Result<ExitCode> {
    if env.format == Format::Json {
        output::json(run)?;
    } else {
        runs::print_run(opened.workspace(), run)?;
        if run.finished_at.is_none() && run.state != RunState::Paused {
            output::note(format!("Run {} has not ended: `chorus serve` goes on with it.", run.id));
        }
    }
    let nobody = run.tally(DeliveryState::Sent) == 0
        && run.tally(DeliveryState::Failed) + run.tally(DeliveryState::Uncertain) > 0;
    if run.kind == RunKind::Test && run.tally(DeliveryState::Suppressed) > 0 {
        return Err(wrong("no test copy was sent: this contact is left out, as said above"));
    }
    Ok(if nobody || run.finished_at.is_none() { ExitCode::from(3) } else { ExitCode::SUCCESS })
}
