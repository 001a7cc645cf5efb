//! `chorus runs reconcile`: marks deliveries as sent that a relay's log or a mail dump shows to
//! have been sent.

mod scan;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use scan::{FoundMessageIds, MessageIdScanner};
use store::{ContactId, DeliveryId, DeliveryName, DeliveryState, Run, RunState};
use tracking::LinkSigner;

use crate::setup::{App, Env};
use terminal::disk;
use terminal::output::{self, Format, counted, number};
use terminal::progress::{self, Unit};

/// Options of `chorus runs reconcile`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// A relay's log or a mail dump: any file that contains the Message-IDs of sent messages. In a
    /// Postfix log only those with status=sent count.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Number of deliveries that are compared and marked at a time.
const BATCH_SIZE: i64 = 5_000;

/// A run with the number of its deliveries that the file shows to have been sent.
#[derive(Debug, serde::Serialize)]
struct Reconciled {
    run: i64,
    campaign: String,
    step: String,
    /// Number of deliveries that were marked as sent.
    found: i64,
    /// Number of deliveries not in the file: queued, deferred, sending or uncertain.
    open: i64,
}

/// Reads the file and marks its deliveries as sent, run by run.
pub(super) async fn reconcile(env: &Env, app: &App, options: &Options) -> anyhow::Result<()> {
    let found = read(env, options.file.clone()).await?;
    let mut runs = Vec::new();
    for run in open_runs(app).await? {
        runs.push(reconcile_run(app, &run, &found).await?);
    }
    if env.format == Format::Json {
        return output::json(&serde_json::json!({
            "message_ids": found.went_out.len(), "in_relay_queue": found.waiting, "runs": runs,
        }));
    }
    output::line(format!(
        "{} in {}.",
        counted(found.went_out.len(), "Message-ID", "Message-IDs"),
        options.file.display()
    ))?;
    if found.waiting > 0 {
        output::line(format!(
            "{} in the relay's queue (status=deferred) and may still go out: reconcile again with a later log.",
            counted(found.waiting, "more is", "more are")
        ))?;
    }
    if runs.is_empty() {
        return output::line("No run has a delivery that is not recorded as sent.");
    }
    let row = |run: &Reconciled| {
        vec![
            run.run.to_string(),
            format!("{}/{}", run.campaign, run.step),
            number(run.found),
            number(run.open),
        ]
    };
    output::table(&["run", "campaign/step", "marked as sent#", "still open#"], runs.iter().map(row))
}

async fn read(env: &Env, file: PathBuf) -> anyhow::Result<FoundMessageIds> {
    let name = file.display().to_string();
    let source = disk::open(&file)?;
    let length = source.metadata().with_context(|| format!("read {name}"))?.len();
    let bar = (env.format == Format::Text).then(|| progress::bar("reading", length, Unit::Bytes));
    let scanned = tokio::task::spawn_blocking(move || {
        let found = MessageIdScanner::read(source, |read| bar.iter().for_each(|bar| bar.inc(read)));
        bar.iter().for_each(indicatif::ProgressBar::finish_and_clear);
        found
    });
    scanned.await?.with_context(|| format!("read {name}"))
}

/// Returns the runs that may have sent deliveries that are not recorded: open runs, and ended ones
/// with uncertain or cancelled deliveries. Runs that are being cancelled are excluded.
async fn open_runs(app: &App) -> anyhow::Result<Vec<Run>> {
    let mut runs = app.store.run_list(None, i64::MAX).await?;
    runs.retain(|run| {
        let is_open = run.finished_at.is_none() && run.state != RunState::Cancelled;
        let may_have = |state: DeliveryState| run.tally(state) > 0;
        is_open
            || run.finished_at.is_some()
                && (may_have(DeliveryState::Uncertain) || may_have(DeliveryState::Cancelled))
    });
    runs.sort_by_key(|run| run.id);
    Ok(runs)
}

async fn reconcile_run(app: &App, run: &Run, file: &FoundMessageIds) -> anyhow::Result<Reconciled> {
    let mut after = DeliveryId(DeliveryId::new(run.id, ContactId::FEED).0 - 1);
    let (mut found, mut open) = (0, 0);
    let is_in_file = |id: &DeliveryId| {
        message_id(&app.signer, run, *id).is_some_and(|message| file.went_out.contains(&message))
    };
    loop {
        let some = app.store.delivery_open(run.id, after, BATCH_SIZE).await?;
        let Some(last) = some.last() else { break };
        after = *last;
        let went_out: Vec<_> = some.iter().copied().filter(is_in_file).collect();
        let marked = app.store.delivery_reconcile(run.id, &went_out, app.clock.millis()).await?;
        found += marked;
        open += i64::try_from(some.len()).unwrap_or(i64::MAX) - marked;
    }
    // The next recipients of a follow-up: a copy of the database may not have their deliveries yet.
    let mut after = DeliveryId::new(run.id, ContactId::FEED);
    while run.parent_id.is_some() && run.finished_at.is_none() {
        let some = app.store.delivery_future_follow_ups(run.id, after, BATCH_SIZE).await?;
        let Some(last) = some.last() else { break };
        after = *last;
        let went_out: Vec<_> = some.iter().copied().filter(is_in_file).collect();
        found += app.store.delivery_insert_sent(run.id, &went_out, app.clock.millis()).await?;
    }
    // A cancelled run has no open deliveries: those not in the file remain cancelled.
    let open = if run.state == RunState::Cancelled { 0 } else { open };
    let (campaign, step) = (run.campaign.clone(), run.step.clone());
    Ok(Reconciled { run: run.id.0, campaign, step, found, open })
}

/// Returns the part of a delivery's Message-ID before the `@`, as a 128-bit number.
fn message_id(signer: &LinkSigner, run: &Run, delivery: DeliveryId) -> Option<u128> {
    u128::from_str_radix(&signer.message_id(DeliveryName::new(run.name, delivery)), 16).ok()
}
