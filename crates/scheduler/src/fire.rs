//! Firing: makes a run from a step, and deliveries from a run.

use std::collections::BTreeMap;

use crate::compiled::compiled;
use crate::fire_error::{CompileError, FireError, Missing};
use crate::recipients::{channel, required_address, required_purpose};
use crate::{Loaded, length_check};
use campaign::network::Idempotency;
use campaign::{Audience, AudienceId, Campaign, Channel, ChannelKind, Money, Step, Workspace};
use jiff::Timestamp;
use schedule::{Moment, Occurrence, ScheduleZone, Trigger};
use store::{
    ManualSend, Millis, NewRun, RecipientSource, RevisionId, Run, RunId, RunKind, RunOrigin, RunState,
    RunTrigger, Store,
};

/// Compiles a step of the current files, stores the revision unless it exists, and returns its id.
pub(crate) async fn revision(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Millis,
) -> Result<RevisionId, FireError> {
    let compiled = compiled(loaded, campaign, step).await?;
    let json = serde_json::to_string(&*compiled).map_err(CompileError::Json)?;
    let (campaign, step) = (campaign.id.as_str(), step.id.as_str());
    let hash = compiled.hash();
    Ok(store.revision_put(&hash, campaign, step, &json, &compiled.links, now).await?.id)
}

/// Makes the run of one occurrence of a step.
pub(crate) fn new_run(
    campaign: &Campaign,
    step: &Step,
    channel: Option<&Channel>,
    revision_id: RevisionId,
    occurrence: &Occurrence,
    kind: RunKind,
) -> NewRun {
    let cost = channel.and_then(|channel| channel.cost.as_ref());
    let expires_at = occurrence.until.saturating_add(step.expires).unwrap_or(Timestamp::MAX);
    let origin = RunOrigin {
        trigger: Some(trigger(step)),
        ends_at: campaign.ends.map(Millis::from),
        account: channel.and_then(channel::account),
        purpose: required_purpose(campaign).map(str::to_owned),
        ..RunOrigin::default()
    };
    NewRun {
        campaign: campaign.id.to_string(),
        step: step.id.to_string(),
        channel: step.channel.to_string(),
        instant: Millis::from(occurrence.instant),
        kind,
        revision_id,
        parent_id: None,
        condition: None,
        on_uncertain: step.on_uncertain,
        look_after: channel.map_or(0, lookup_delay),
        cost_micros: cost.map_or(Money::ZERO, |cost| cost.per_message),
        currency: cost.map_or_else(String::new, |cost| cost.currency.to_string()),
        expires_at: Millis::from(expires_at),
        origin,
    }
}

fn trigger(step: &Step) -> RunTrigger {
    match step.schedule.trigger {
        Trigger::Cron(_) | Trigger::Dates(_) => RunTrigger::Cron,
        Trigger::At(_) => RunTrigger::At,
        Trigger::After { .. } => RunTrigger::After,
        Trigger::ByHand => RunTrigger::None,
    }
}

/// The time before a post is looked up after an unanswered request, in milliseconds: a request may
/// take ten seconds after its time-out, and a timeline shows a post some seconds late.
const LOOKUP_DELAY: i64 = 60_000;

/// Returns the time that a second attempt waits before it looks for the post of the first, in
/// milliseconds.
fn lookup_delay(channel: &Channel) -> i64 {
    match &channel.kind {
        ChannelKind::Network(account) if account.network.idempotency == Idempotency::Lookup => LOOKUP_DELAY,
        _ => 0,
    }
}

/// Fires an occurrence now that did not run. The run has the key of the schedule and the text of
/// today's file; that of a follow-up goes to the contacts that its parent run reached. Returns
/// `None` where a run has that key.
///
/// # Errors
/// The step does not compile, or the database refuses.
pub async fn fire_occurrence(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    row: &store::OccurrenceRow,
    now: Timestamp,
) -> Result<Option<RunId>, FireError> {
    let at = Millis::from(now);
    if let Trigger::At(_) = step.schedule.trigger
        && let Some(run) = store.run_of_one_shot(campaign.id.as_str(), step.id.as_str()).await?
    {
        return Err(FireError::AlreadySent(run));
    }
    let revision = revision(store, loaded, campaign, step, at).await?;
    let instant = row.instant.timestamp().unwrap_or(now);
    let occurrence = Occurrence { instant, until: now, moment: Moment::Instant(now) };
    let channel = loaded.0.channels.get(&step.channel);
    let mut run = new_run(campaign, step, channel, revision, &occurrence, RunKind::Scheduled);
    if let (Some(parent), Trigger::After { delay, condition, .. }) = (row.parent_id, &step.schedule.trigger) {
        run.parent_id = Some(parent);
        run.condition = *condition;
        run.origin.delays = Some(store::Delays::always(millis(*delay)));
        return Ok(store.run_insert_follower(&run, at).await?);
    }
    Ok(store.run_insert(&run, at).await?)
}

/// Makes the deliveries of a planned run, and returns their number.
///
/// # Errors
/// The files do not have the step any more, its text is too long for a recipient, or the database
/// refuses.
pub async fn plan(store: &Store, loaded: &Loaded, run: &Run, now: Timestamp) -> Result<i64, FireError> {
    let workspace = &loaded.0;
    let missing = || FireError::Missing(Missing::step_of(run));
    let campaign = workspace.campaigns.get(run.campaign.as_str()).ok_or_else(missing)?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step).ok_or_else(missing)?;
    let recipients = match run.kind {
        RunKind::Test => one_or_feed(
            workspace,
            step,
            run.request.as_ref().and_then(|request| request.contact),
            run.instant,
        )?,
        _ => recipients(workspace, campaign, step, run)?,
    };
    if run.state == RunState::Planned && run.kind != RunKind::Test {
        length_check::check_length(store, loaded, campaign, step, now).await?;
    }
    Ok(store.run_plan(run.id, &recipients, Millis::from(now)).await?)
}

/// Returns the recipients of a scheduled run or of a manual send.
fn recipients<'a>(
    workspace: &'a Workspace,
    campaign: &Campaign,
    step: &'a Step,
    run: &'a Run,
) -> Result<RecipientSource<'a>, FireError> {
    let delay = match &step.schedule.trigger {
        Trigger::After { delay, .. } => Some(millis(*delay)),
        _ => run.delays.as_ref().and_then(store::Delays::latest),
    };
    match (delay, run.parent_id, required_address(channel(workspace, step)?)) {
        (Some(delay), Some(_), Some(address)) => Ok(RecipientSource::Followers {
            delay,
            address,
            audience: own_audience(workspace, campaign, step),
        }),
        // Its step does not follow another any more: its recipients are not known.
        (None, Some(_), Some(_)) => Err(FireError::Missing(Missing::step_of(run))),
        _ => {
            let request = run.request.as_ref();
            let manual_send =
                request.map(|request| ManualSend { campaign: &run.campaign, step: &run.step, request });
            audience_or_feed(workspace, step, moment(step, run), manual_send)
        }
    }
}

/// Returns one contact as the recipient, or the channel's feed where there is no contact or the
/// channel needs none.
pub(crate) fn one_or_feed<'a>(
    workspace: &'a Workspace,
    step: &Step,
    contact: Option<store::ContactId>,
    due_at: Millis,
) -> Result<RecipientSource<'a>, FireError> {
    Ok(match (required_address(channel(workspace, step)?), contact) {
        (Some(address), Some(contact)) => RecipientSource::One { contact, address, due_at },
        _ => RecipientSource::Feed { due_at },
    })
}

/// Returns the audience of a step that follows another, where it differs from that of the other:
/// all contacts that the other reached are in the other's audience.
fn own_audience<'a>(
    workspace: &'a Workspace,
    campaign: &Campaign,
    step: &'a Step,
) -> Option<(&'a BTreeMap<AudienceId, Audience>, &'a AudienceId)> {
    let Trigger::After { step: parent, .. } = &step.schedule.trigger else { return None };
    let parent = campaign.steps.iter().find(|other| other.id == *parent);
    let differs = parent.is_none_or(|parent| parent.audience != step.audience);
    differs.then_some((&workspace.audiences, &step.audience))
}

/// Adds contacts to a run in contacts' own time zones who were added since its deliveries were
/// made, and moves those whose time zone changed. Returns their number.
///
/// # Errors
/// The files do not have the step any more, or the database refuses.
pub(crate) async fn join_contacts(
    store: &Store,
    loaded: &Loaded,
    run: &Run,
    since: Millis,
    now: Timestamp,
) -> Result<i64, FireError> {
    let workspace = &loaded.0;
    let missing = || FireError::Missing(Missing::step_of(run));
    let campaign = workspace.campaigns.get(run.campaign.as_str()).ok_or_else(missing)?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step).ok_or_else(missing)?;
    match audience_or_feed(workspace, step, moment(step, run), None)? {
        recipients @ RecipientSource::Audience { moment: Moment::Local(_), .. } => {
            Ok(store.run_add_changed_contacts(run.id, &recipients, since, Millis::from(now)).await?)
        }
        _ => Ok(0),
    }
}

/// Returns the time at which a scheduled run is due: its instant, or with contacts' own time zones
/// the wall-clock time of UTC+14 at that instant. A run stores which of them it is; for runs that
/// were made before that was stored, the files decide.
fn moment(step: &Step, run: &Run) -> Moment {
    let instant = run.instant.timestamp().unwrap_or(Timestamp::UNIX_EPOCH);
    let by_files = run.trigger.is_none()
        && matches!(step.schedule.zone, ScheduleZone::Contact { .. })
        && run.kind == RunKind::Scheduled
        && run.parent_id.is_none();
    if run.own_clock == 1 || by_files {
        let first = jiff::tz::Offset::constant(14).to_time_zone();
        Moment::Local(instant.to_zoned(first).datetime())
    } else {
        Moment::Instant(instant)
    }
}

/// Returns the step's audience as the recipients, or the channel's feed where it needs no contacts.
pub(crate) fn audience_or_feed<'a>(
    workspace: &'a Workspace,
    step: &'a Step,
    moment: Moment,
    manual_send: Option<ManualSend<'a>>,
) -> Result<RecipientSource<'a>, FireError> {
    let fallback = &workspace.brand.timezone;
    let Some(address) = required_address(channel(workspace, step)?) else {
        return Ok(RecipientSource::Feed { due_at: moment.due_in(fallback).into() });
    };
    Ok(RecipientSource::Audience {
        audiences: &workspace.audiences,
        audience: &step.audience,
        address,
        moment,
        fallback,
        catch_up_window: millis(step.schedule.catch_up_window),
        by_hand: manual_send,
    })
}

/// Converts a duration to milliseconds, at most `i64::MAX`.
pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
