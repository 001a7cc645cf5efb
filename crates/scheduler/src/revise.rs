//! Revision of runs in progress: gives them the text of today's file, and warns of edits that
//! change nothing.

use campaign::{Campaign, Step};
use jiff::Timestamp;
use schedule::Trigger;
use source::Diagnostic;
use store::{Millis, Run, RunId, RunKind, Store};

use crate::Loaded;
use crate::fire::revision;
use crate::fire_error::FireError;
use crate::planning::has_same_text;

/// Gives the deliveries of a run that are not handed out yet the text of today's file. Returns
/// false where the run has that text already, or has ended.
///
/// # Errors
/// The step does not compile, or the database refuses.
pub async fn revise(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    run: RunId,
    now: Timestamp,
) -> Result<bool, FireError> {
    let revision = revision(store, loaded, campaign, step, Millis::from(now)).await?;
    Ok(store.run_revise(run, revision).await?)
}

/// Returns warnings about edits that change nothing: a step that happens once, was sent, and has a
/// time in the future; and a run in progress with another text than today's file.
///
/// # Errors
/// The database refuses.
pub async fn already_sent(
    store: &Store,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Vec<Diagnostic>, FireError> {
    let mut findings = Vec::new();
    let live = store.run_live().await?;
    for campaign in loaded.0.campaigns.values() {
        for step in &campaign.steps {
            if let Trigger::At(_) = step.schedule.trigger
                && !step.schedule.occurrences(now, Timestamp::MAX, 1).is_empty()
                && let Some(run) = store.run_of_one_shot(campaign.id.as_str(), step.id.as_str()).await?
                && let Some(run) = store.run_get(run).await?
            {
                findings.push(already_sent_warning(loaded, campaign, step, &run));
            }
        }
    }
    for run in live.iter().filter(|run| run.kind != RunKind::Test) {
        let Some(campaign) = loaded.0.campaigns.get(run.campaign.as_str()) else { continue };
        let Some(step) = campaign.steps.iter().find(|step| step.id.as_str() == run.step) else { continue };
        let Some(id) = run.revision_id else { continue };
        match has_same_text(store, loaded, campaign, step, id).await {
            Ok(false) => findings.push(other_text_warning(campaign, step, run)),
            Ok(true) | Err(FireError::Compile(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

fn already_sent_warning(loaded: &Loaded, campaign: &Campaign, step: &Step, run: &Run) -> Diagnostic {
    let at = run.instant.timestamp().unwrap_or(Timestamp::UNIX_EPOCH);
    let at = at.to_zoned(loaded.0.brand.timezone.clone()).strftime("%a %-d %b %Y %H:%M");
    let message = format!(
        "step `{}` happens once and went out on {at} (run {}): its new time does nothing",
        step.id, run.id
    );
    let help = format!("To send it once more: `chorus send {} --step {} --again`.", campaign.id, step.id);
    Diagnostic::warning("already-sent", &campaign.file, message).help(help)
}

fn other_text_warning(campaign: &Campaign, step: &Step, run: &Run) -> Diagnostic {
    let open = run.total - run.ended();
    let who = if open == 1 { "1 person still gets".to_owned() } else { format!("{open} people still get") };
    let message = format!("step `{}`: {who} the words that it had when run {} was made", step.id, run.id);
    let help = format!("`chorus runs revise {}` gives them the words of this file.", run.id);
    Diagnostic::warning("other-words", &campaign.file, message).help(help)
}
