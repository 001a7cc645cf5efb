//! From a step to a run, and from a run to its deliveries.

use std::collections::BTreeMap;

use crate::compiled::compiled;
use crate::fire_error::{CompileError, FireError, Missing};
use crate::recipients::{address, channel};
use crate::{Loaded, fit};
use campaign::network::Again;
use campaign::{Audience, AudienceId, Campaign, Channel, ChannelKind, Money, Step, Workspace};
use jiff::Timestamp;
use schedule::{Moment, Occurrence, Trigger, Zone};
use store::{
    ByHand, Millis, NewRun, Origin, Planned, RevisionId, Run, RunId, RunKind, RunState, RunTrigger, Store,
};

/// Compiles a step as the files say it now, and stores it unless it is there.
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

/// The run of one occurrence of a step.
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
    let origin = Origin {
        trigger: Some(trigger(step)),
        ends_at: campaign.ends.map(Millis::from),
        account: channel.and_then(channel::account),
        ..Origin::default()
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
        look_after: channel.map_or(0, look_after),
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

/// How long a network may take over a request that nobody waits for any more, and to show the post where it is looked
/// for: a request may take ten seconds, a timeline shows a post some seconds late.
const LOOK_AFTER: i64 = 60_000;

/// How long a second try waits that looks for the first.
fn look_after(channel: &Channel) -> i64 {
    match &channel.kind {
        ChannelKind::Network(account) if account.network.again == Again::LookedUp => LOOK_AFTER,
        _ => 0,
    }
}

/// Runs an occurrence now that did not run: by its schedule's key, with the words of today's file. A follow-up goes to
/// those whom its parent run reached. `None` where a run has that key.
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
        return Err(FireError::WentOut(run));
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

/// Makes the deliveries of a planned run. Says how many.
///
/// # Errors
/// The files do not have the step any more, what it says does not fit for somebody, or the database refuses.
pub async fn plan(store: &Store, loaded: &Loaded, run: &Run, now: Timestamp) -> Result<i64, FireError> {
    let workspace = &loaded.0;
    let missing = || FireError::Missing(Missing::step_of(run));
    let campaign = workspace.campaigns.get(run.campaign.as_str()).ok_or_else(missing)?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step).ok_or_else(missing)?;
    let whom = match run.kind {
        RunKind::Test => {
            one_or_feed(workspace, step, run.asked.as_ref().and_then(|asked| asked.contact), run.instant)?
        }
        _ => whom(workspace, campaign, step, run)?,
    };
    if run.state == RunState::Planned && run.kind != RunKind::Test {
        fit::require_fit(store, loaded, campaign, step, now).await?;
    }
    Ok(store.run_plan(run.id, &whom, Millis::from(now)).await?)
}

/// Returns the people that a scheduled run or one by hand goes to.
fn whom<'a>(
    workspace: &'a Workspace,
    campaign: &Campaign,
    step: &'a Step,
    run: &'a Run,
) -> Result<Planned<'a>, FireError> {
    let delay = match &step.schedule.trigger {
        Trigger::After { delay, .. } => Some(millis(*delay)),
        _ => run.delays.as_ref().and_then(store::Delays::latest),
    };
    match (delay, run.parent_id, address(channel(workspace, step)?)) {
        (Some(delay), Some(_), Some(address)) => {
            Ok(Planned::Followers { delay, address, of: own_audience(workspace, campaign, step) })
        }
        // Its step does not follow another any more: whom it was meant for is not known.
        (None, Some(_), Some(_)) => Err(FireError::Missing(Missing::step_of(run))),
        _ => {
            let asked = run.asked.as_ref();
            let by_hand = asked.map(|asked| ByHand { campaign: &run.campaign, step: &run.step, asked });
            audience_or_feed(workspace, step, moment(step, run), by_hand)
        }
    }
}

/// One contact, or the channel's feed where there is none or it needs none.
pub(crate) fn one_or_feed<'a>(
    workspace: &'a Workspace,
    step: &Step,
    contact: Option<store::ContactId>,
    due_at: Millis,
) -> Result<Planned<'a>, FireError> {
    Ok(match (address(channel(workspace, step)?), contact) {
        (Some(address), Some(contact)) => Planned::One { contact, address, due_at },
        _ => Planned::Feed { due_at },
    })
}

/// The audience of a step that follows another, where it is not the one of the other: everybody whom that reached was
/// in its own.
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

/// Takes people in who were added since the deliveries of a run by contacts' own clocks were made, and zones that
/// changed. Says how many.
///
/// # Errors
/// The files do not have the step any more, or the database refuses.
pub(crate) async fn join(
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
        whom @ Planned::Audience { moment: Moment::Local(_), .. } => {
            Ok(store.run_join(run.id, &whom, since, Millis::from(now)).await?)
        }
        _ => Ok(0),
    }
}

/// When a scheduled run falls due: its instant, or with contacts' own zones the wall clock of UTC+14 then. A run keeps
/// what it was made with; only one made before that was kept asks the files.
fn moment(step: &Step, run: &Run) -> Moment {
    let instant = run.instant.timestamp().unwrap_or(Timestamp::UNIX_EPOCH);
    let by_files = run.trigger.is_none()
        && matches!(step.schedule.zone, Zone::Contact { .. })
        && run.kind == RunKind::Scheduled
        && run.parent_id.is_none();
    if run.own_clock == 1 || by_files {
        let first = jiff::tz::Offset::constant(14).to_time_zone();
        Moment::Local(instant.to_zoned(first).datetime())
    } else {
        Moment::Instant(instant)
    }
}

pub(crate) fn audience_or_feed<'a>(
    workspace: &'a Workspace,
    step: &'a Step,
    moment: Moment,
    by_hand: Option<ByHand<'a>>,
) -> Result<Planned<'a>, FireError> {
    let fallback = &workspace.brand.timezone;
    let Some(address) = address(channel(workspace, step)?) else {
        return Ok(Planned::Feed { due_at: moment.due_in(fallback).into() });
    };
    Ok(Planned::Audience {
        audiences: &workspace.audiences,
        audience: &step.audience,
        address,
        moment,
        fallback,
        catch_up_window: millis(step.schedule.catch_up_window),
        by_hand,
    })
}

pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
