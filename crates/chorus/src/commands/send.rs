//! `chorus send`: run a step now and wait for it.

mod dry_run;

use std::process::ExitCode;
use std::time::Duration;

use campaign::{Campaign, Per, Step, Trigger};
use clap::Args;
use scheduler::Engine;
use store::{Contact, Run, RunId, RunKind};
use tokio::sync::watch;

use crate::commands::runs;
use crate::output::{self, Format, wrong};
use crate::server::StopSignal;
use crate::setup::{Env, Opened};

/// Run a step now and wait for it
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The campaign.
    campaign: String,
    /// The step; the first when left out.
    #[arg(long)]
    step: Option<String>,
    /// Send one test copy, as this contact would get it. It counts in no report.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Send nothing and write nothing: show what the first few would get, and how many there would be.
    #[arg(long)]
    dry_run: bool,
}

/// How often a run is looked at while people wait for it.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let campaign = opened.campaign(&options.campaign)?;
    let step = find_step(campaign, options.step.as_deref())?;
    if options.dry_run {
        let code = dry_run::run(env, &opened, campaign, step, options.to.as_deref()).await?;
        opened.store.close().await;
        return Ok(code);
    }
    refuse_surprises(&opened, step, options.to.is_some())?;
    let to = match &options.to {
        Some(address) => Some(find_contact(&opened, address).await?.id),
        None => None,
    };
    let now = opened.clock.now();
    let run = match scheduler::fire(&opened.store, &opened.loaded, campaign, step, to, now).await {
        Err(scheduler::FireError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(wrong(format!("cannot {error}"))),
        Ok(run) => run,
    };
    let ended = wait(&opened, run, env.format).await?;
    let code = tell(env, &opened, &ended)?;
    opened.store.close().await;
    Ok(code)
}

/// Tells before anything is made what would hang, or would reach others than meant.
fn refuse_surprises(opened: &Opened, step: &Step, is_test: bool) -> anyhow::Result<()> {
    let channel = opened.workspace().channels.get(&step.channel);
    let channel = channel.ok_or_else(|| wrong(format!("there is no channel {}", step.channel)))?;
    channel::Sender::new(channel).map_err(|error| wrong(format!("cannot {error}")))?;
    if is_test && channel.kind.per() == Per::Feed {
        return Err(wrong(format!(
            "{} posts to {}'s own feed, for everybody to see: `chorus preview` shows the post, `send` without \
             --to posts it",
            step.id, channel.id
        )));
    }
    if !is_test && matches!(step.schedule.trigger, Trigger::After { .. }) {
        output::note(format!(
            "{} follows another step by its schedule; sent by hand it goes to all of {}.",
            step.id, step.audience
        ));
    }
    Ok(())
}

/// The named step, or the campaign's first.
pub(crate) fn find_step<'a>(campaign: &'a Campaign, name: Option<&str>) -> anyhow::Result<&'a Step> {
    let found = match name {
        None => campaign.steps.first(),
        Some(name) => campaign.steps.iter().find(|step| step.id.as_str() == name),
    };
    found.ok_or_else(|| {
        let known: Vec<_> = campaign.steps.iter().map(|step| step.id.as_str()).collect();
        let name = name.unwrap_or_default();
        wrong(format!("{} has no step {name:?}; it has: {}", campaign.id, known.join(", ")))
    })
}

async fn find_contact(opened: &Opened, address: &str) -> anyhow::Result<Contact> {
    let found = opened.store.contact_find(address).await?;
    found.ok_or_else(|| {
        wrong(format!(
            "no contact has the address {address:?}; import it first: `chorus contacts import FILE`"
        ))
    })
}

/// Works on one run until it ends or somebody interrupts.
async fn wait(opened: &Opened, id: RunId, format: Format) -> anyhow::Result<Run> {
    let (_keep, files) = watch::channel(opened.loaded.clone());
    let engine = Engine::start(opened.worker("send", files, Some(id)));
    let result = watch_run(opened, id, format).await;
    engine.stop().await;
    result?;
    let run = opened.store.run_get(id).await?;
    run.ok_or_else(|| anyhow::anyhow!("read run {id}: it is gone"))
}

async fn watch_run(opened: &Opened, id: RunId, format: Format) -> anyhow::Result<()> {
    let mut signal = StopSignal::listen()?;
    let mut told = None;
    let bar = (format == Format::Text).then(|| output::progress("sending", 0));
    loop {
        let Some(run) = opened.store.run_get(id).await? else { break };
        if let Some(bar) = &bar {
            bar.set_length(u64::try_from(run.total).unwrap_or(0));
            bar.set_position(u64::try_from(runs::done(&run)).unwrap_or(0));
        }
        if run.note != told {
            told.clone_from(&run.note);
            if let Some(note) = &run.note {
                output::note(format!("Run {id}: {note}"));
            }
        }
        if run.finished_at.is_some() || run.state == store::RunState::Paused {
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
    Ok(())
}

fn tell(env: &Env, opened: &Opened, run: &Run) -> anyhow::Result<ExitCode> {
    if env.format == Format::Json {
        output::json(run)?;
    } else {
        runs::print_run(opened.workspace(), run)?;
        if run.finished_at.is_none() {
            output::note(format!("Run {} has not ended: `chorus serve` goes on with it.", run.id));
        }
    }
    let count = |state: &str| run.tallies.iter().filter(|t| t.state == state).map(|t| t.count).sum::<i64>();
    let nobody = count("sent") == 0 && count("failed") + count("uncertain") > 0;
    if run.kind == RunKind::Test && count("suppressed") > 0 {
        return Err(wrong("no test copy was sent: this contact is left out, as said above"));
    }
    Ok(if nobody || run.finished_at.is_none() { ExitCode::from(3) } else { ExitCode::SUCCESS })
}
