//! `chorus runs reconcile`: marks as sent what a relay's log or a mail dump shows to have gone out.

mod scan;

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use scan::{Found, Scan};
use store::{ContactId, DeliveryId, DeliveryName, DeliveryState, Run, RunState};
use tracking::Signer;

use crate::output::{self, Format, number, wrong};
use crate::setup::{Env, Opened};

/// The file.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// A relay's log or a mail dump: any file that names the Message-IDs of what went out. In a Postfix log only
    /// those with status=sent count.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// As many deliveries are compared and marked at a time.
const BATCH: i64 = 5_000;

/// A run with the number of its deliveries that the file shows to have gone out.
#[derive(Debug, serde::Serialize)]
struct Reconciled {
    run: i64,
    campaign: String,
    step: String,
    /// Marked as sent.
    found: i64,
    /// Not in the file: queued, deferred, sending or uncertain.
    open: i64,
}

/// Reads the file and marks what it shows, a run at a time.
pub(super) async fn reconcile(env: &Env, opened: &Opened, options: &Options) -> anyhow::Result<()> {
    let found = read(env, options.file.clone()).await?;
    let mut runs = Vec::new();
    for run in open_runs(opened).await? {
        runs.push(reconcile_run(opened, &run, &found).await?);
    }
    if env.format == Format::Json {
        return output::json(&serde_json::json!({
            "message_ids": found.went_out.len(), "in_relay_queue": found.waiting, "runs": runs,
        }));
    }
    let count = |n: usize| number(i64::try_from(n).unwrap_or(i64::MAX));
    output::line(format!("{} Message-IDs in {}.", count(found.went_out.len()), options.file.display()))?;
    if found.waiting > 0 {
        output::line(format!(
            "{} more are in the relay's queue (status=deferred) and may still go out: read a later log again.",
            count(found.waiting)
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
    output::table(&["run", "campaign/step", "marked as sent#", "still open#"], runs.iter().map(row).collect())
}

async fn read(env: &Env, file: PathBuf) -> anyhow::Result<Found> {
    let name = file.display().to_string();
    let opened = File::open(&file).map_err(|error| wrong(format!("cannot read {name}: {error}")))?;
    let length = opened.metadata().with_context(|| format!("read {name}"))?.len();
    let bar = (env.format == Format::Text).then(|| output::progress("reading", length));
    let scanned = tokio::task::spawn_blocking(move || {
        let found = Scan::read(opened, |read| bar.iter().for_each(|bar| bar.inc(read)));
        bar.iter().for_each(indicatif::ProgressBar::finish_and_clear);
        found
    });
    scanned.await?.with_context(|| format!("read {name}"))
}

/// The runs that may have deliveries which went out unrecorded: those that have not ended, and those that ended with
/// uncertain or cancelled ones. A run that is being cancelled is left to its cancellation.
async fn open_runs(opened: &Opened) -> anyhow::Result<Vec<Run>> {
    let mut runs = opened.store.run_list(None, i64::MAX).await?;
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

async fn reconcile_run(opened: &Opened, run: &Run, file: &Found) -> anyhow::Result<Reconciled> {
    let mut after = DeliveryId(DeliveryId::new(run.id, ContactId::FEED).0 - 1);
    let (mut found, mut open) = (0, 0);
    let is_in_file = |id: &DeliveryId| {
        message_id(&opened.signer, run, *id).is_some_and(|message| file.went_out.contains(&message))
    };
    loop {
        let some = opened.store.delivery_open(run.id, after, BATCH).await?;
        let Some(last) = some.last() else { break };
        after = *last;
        let went_out: Vec<_> = some.iter().copied().filter(is_in_file).collect();
        let marked = opened.store.delivery_reconcile(run.id, &went_out, opened.clock.millis()).await?;
        found += marked;
        open += i64::try_from(some.len()).unwrap_or(i64::MAX) - marked;
    }
    // Those whom the run would reach next: a copy may not have their rows yet.
    let mut after = DeliveryId::new(run.id, ContactId::FEED);
    while run.parent_id.is_some() && run.finished_at.is_none() {
        let some = opened.store.delivery_unmade(run.id, after, BATCH).await?;
        let Some(last) = some.last() else { break };
        after = *last;
        let went_out: Vec<_> = some.iter().copied().filter(is_in_file).collect();
        found += opened.store.delivery_make_sent(run.id, &went_out, opened.clock.millis()).await?;
    }
    // Of a cancelled run nothing is open: who is not in the file is cancelled still.
    let open = if run.state == RunState::Cancelled { 0 } else { open };
    let (campaign, step) = (run.campaign.clone(), run.step.clone());
    Ok(Reconciled { run: run.id.0, campaign, step, found, open })
}

/// The part of a delivery's Message-ID before the `@`, as a number of 128 bits. The one place of this command that
/// knows how a Message-ID is made.
fn message_id(signer: &Signer, run: &Run, delivery: DeliveryId) -> Option<u128> {
    u128::from_str_radix(&signer.message_id(DeliveryName::new(run.name, delivery)), 16).ok()
}
