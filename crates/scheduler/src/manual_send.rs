//! Manual sends: steps that a person sends with `chorus send`, the checks before, and their
//! recipients.

use campaign::{Campaign, Step, Workspace};
use jiff::Timestamp;
use schedule::{Moment, Occurrence, Trigger};
use store::{
    ContactId, DeliveryState, ManualInsert, ManualRequest, ManualSend, Millis, MissingFrom, NewRun,
    RecipientSource, Run, RunId, RunKind, Store,
};

use crate::fire::{audience_or_feed, new_run, one_or_feed, revision};
use crate::fire_error::FireError;
use crate::planning::{has_same_text, same_text};
use crate::{Loaded, length_check};

/// The options of a manual send.
#[derive(Debug, Clone)]
pub struct ManualSendOptions {
    /// The latest run of the step that the person has seen, [`RunId`] 0 for none. Where a later one
    /// exists, nothing is sent.
    pub seen: RunId,
    /// Sends once more to all recipients, although the step was sent before.
    pub again: bool,
    /// Sends only to those who have not received the step.
    pub missing: bool,
    /// Sends also to those who do not meet the step's condition.
    pub anyway: bool,
    /// Sends a test copy only.
    pub test: Option<TestCopy>,
}

impl Default for ManualSendOptions {
    /// Sends to all recipients, whatever runs were made meanwhile.
    fn default() -> Self {
        Self { seen: RunId(i64::MAX), again: false, missing: false, anyway: false, test: None }
    }
}

/// A test copy. It is in no report, and clicks, bounces and complaints of it change no contact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestCopy {
    /// The contact whose values it shows, if any.
    pub contact: Option<ContactId>,
    /// The address that it goes to; the contact's own if `None`.
    pub address: Option<String>,
}

/// The reason for which a manual send is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// All sending is stopped.
    Stopped(store::Stopped),
    /// The campaign has `hold = true`.
    Held,
    /// The campaign has ended, at this time.
    Ended(Timestamp),
    /// Runs of the step have not ended.
    Open(Vec<Run>),
    /// The step was sent before; this is the latest run.
    AlreadySent(Box<Run>),
    /// The step has the same text as this one, `CAMPAIGN/STEP`, which is gone from the files and
    /// reached recipients of the step.
    SameText(String),
}

/// The number of latest runs of a step that are checked.
const MAX_RUNS: i64 = 100;

/// Returns the reason for which a step cannot be sent now with these options; `None` where it can.
/// A step that happens once, or that has the same text as the last time, is sent again only with
/// `again` or `missing`.
///
/// # Errors
/// The step does not compile, or the database refuses.
pub async fn refusal(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    options: &ManualSendOptions,
    now: Timestamp,
) -> Result<Option<Refusal>, FireError> {
    if let Some(stopped) = store.stopped().await? {
        return Ok(Some(Refusal::Stopped(stopped)));
    }
    if options.test.is_some() {
        return Ok(None);
    }
    if campaign.hold {
        return Ok(Some(Refusal::Held));
    }
    if let Some(ends) = campaign.ends.filter(|ends| *ends < now) {
        return Ok(Some(Refusal::Ended(ends)));
    }
    let runs = store.run_of_step(campaign.id.as_str(), step.id.as_str(), MAX_RUNS).await?;
    let open: Vec<Run> = runs.iter().filter(|run| run.finished_at.is_none()).cloned().collect();
    if !open.is_empty() {
        return Ok(Some(Refusal::Open(open)));
    }
    let reached = |run: &&Run| {
        [DeliveryState::Sent, DeliveryState::Uncertain].into_iter().any(|state| run.tally(state) > 0)
    };
    if options.again || options.missing {
        return Ok(None);
    }
    let Some(last) = runs.iter().find(reached) else {
        let same = same_text(store, loaded, campaign, step, now).await?;
        return Ok(same.map(Refusal::SameText));
    };
    let happens_once = matches!(step.schedule.trigger, Trigger::At(_));
    let has_same_text = match last.revision_id {
        Some(revision) => has_same_text(store, loaded, campaign, step, revision).await?,
        None => false,
    };
    Ok((happens_once || has_same_text).then(|| Refusal::AlreadySent(Box::new(last.clone()))))
}

/// Fires a step at `now`, whatever its schedule is: for `chorus send`. [`refusal`] checks before
/// whether it may.
///
/// # Errors
/// The step does not compile, its text is too long for its channel, or the database refuses.
pub async fn fire(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    options: &ManualSendOptions,
    now: Timestamp,
) -> Result<RunId, FireError> {
    if options.test.is_none() {
        length_check::check_length(store, loaded, campaign, step, now).await?;
    }
    let at = Millis::from(now);
    let revision = revision(store, loaded, campaign, step, at).await?;
    let occurrence = Occurrence { instant: now, until: now, moment: Moment::Instant(now) };
    let kind = if options.test.is_some() { RunKind::Test } else { RunKind::Manual };
    let channel = loaded.0.channels.get(&step.channel);
    let mut run = new_run(campaign, step, channel, revision, &occurrence, kind);
    if let Some(test) = &options.test {
        run.origin.to_address.clone_from(&test.address);
        run.origin.ends_at = None;
    }
    let request = manual_request(step, options);
    let recipients = manual_recipients(&loaded.0, campaign, step, options, &request, now)?;
    run.origin.request = Some(request.clone());
    for later in 0..MAX_INSTANTS {
        let run = NewRun { instant: run.instant.saturating_add(later), ..run.clone() };
        let made = match kind {
            RunKind::Manual => match store.run_insert_manual(&run, options.seen, at).await? {
                ManualInsert::Made(id) => Some(id),
                ManualInsert::KeyExists => None,
                ManualInsert::Raced(latest) => return Err(FireError::Raced(latest)),
            },
            _ => store.run_insert(&run, at).await?,
        };
        if let Some(id) = made {
            store.run_plan(id, &recipients, at).await?;
            return Ok(id);
        }
    }
    Err(FireError::AlreadyFired)
}

/// The number of instants, in milliseconds, that are tried where runs are made in the same
/// millisecond.
const MAX_INSTANTS: i64 = 1_000;

/// Returns the request that the run stores.
pub fn manual_request(step: &Step, options: &ManualSendOptions) -> ManualRequest {
    let recurs = matches!(step.schedule.trigger, Trigger::Cron(_) | Trigger::Dates(_));
    let condition = match &step.schedule.trigger {
        Trigger::After { step, condition: Some(condition), .. } if !options.anyway => {
            Some((step.to_string(), *condition))
        }
        _ => None,
    };
    ManualRequest {
        missing: options.missing.then_some(if recurs {
            MissingFrom::LatestRun
        } else {
            MissingFrom::AllRuns
        }),
        condition,
        contact: options.test.as_ref().and_then(|test| test.contact),
    }
}

/// Returns the recipients of a manual send.
///
/// # Errors
/// The files do not have its channel.
pub fn manual_recipients<'a>(
    workspace: &'a Workspace,
    campaign: &'a Campaign,
    step: &'a Step,
    options: &ManualSendOptions,
    request: &'a ManualRequest,
    now: Timestamp,
) -> Result<RecipientSource<'a>, FireError> {
    if options.test.is_some() {
        return one_or_feed(workspace, step, request.contact, Millis::from(now));
    }
    let manual_send = ManualSend { campaign: campaign.id.as_str(), step: step.id.as_str(), request };
    audience_or_feed(workspace, step, Moment::Instant(now), Some(manual_send))
}
