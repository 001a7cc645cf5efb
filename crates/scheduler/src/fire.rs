//! From a step to a run, and from a run to its deliveries.

use std::sync::Arc;

use crate::{Loaded, fit};
use campaign::network::Again;
use campaign::{Campaign, Channel, ChannelKind, Moment, Occurrence, Per, Step, Trigger, Workspace, Zone};
use jiff::Timestamp;
use store::{
    Address, ContactId, Millis, NewRun, Planned, RevisionId, Run, RunId, RunKind, RunState, Store, StoreError,
};

/// Why a step cannot be fired.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step does not compile; the findings say why.
    #[error("compile the step: {0}")]
    Compile(String),
    /// The files do not have what the run needs any more.
    #[error("find {0} in the workspace: it was renamed or has errors; run `chorus check`")]
    Missing(String),
    /// For somebody in the audience it says more than the channel takes.
    #[error("begin the run: {0}")]
    TooLong(String),
    /// A run with the same key is there already.
    #[error("fire the step: it fired at this very instant already")]
    Again,
}

/// Compiles a step as the files say it now, and stores it unless it is there.
pub(crate) async fn revision(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Millis,
) -> Result<RevisionId, FireError> {
    let (files, of, what) = (Arc::clone(loaded), campaign.clone(), step.clone());
    let compiled = tokio::task::spawn_blocking(move || channel::compile(&files.0, &of, &what))
        .await
        .map_err(|error| FireError::Compile(error.to_string()))?;
    let (compiled, _) = compiled.map_err(|findings| FireError::Compile(first_message(&findings)))?;
    let json = serde_json::to_string(&compiled).map_err(|error| FireError::Compile(error.to_string()))?;
    let (campaign, step) = (campaign.id.as_str(), step.id.as_str());
    let hash = compiled.hash();
    Ok(store.revision_put(&hash, campaign, step, &json, &compiled.links, now).await?.id)
}

pub(crate) fn first_message(findings: &[campaign::Diagnostic]) -> String {
    let error = findings.iter().max_by_key(|finding| finding.severity);
    error.map_or_else(|| "no reason given".to_owned(), |finding| finding.message.clone())
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
    NewRun {
        campaign: campaign.id.to_string(),
        step: step.id.to_string(),
        channel: step.channel.to_string(),
        instant: occurrence.instant.as_millisecond(),
        kind,
        revision_id,
        parent_id: None,
        condition: None,
        on_uncertain: step.on_uncertain,
        look_after: channel.map_or(0, look_after),
        cost_micros: cost.map_or(0, |cost| cost.per_message),
        currency: cost.map_or_else(String::new, |cost| cost.currency.to_string()),
        expires_at: expires_at.as_millisecond(),
        origin: store::Origin::default(),
    }
}

/// How long a network may take over a request that nobody waits for any more, and to show the post where it is looked
/// for: a request may take ten seconds, a timeline shows a post some seconds late.
const LOOK_AFTER: Millis = 60_000;

/// How long a second try waits that looks for the first.
fn look_after(channel: &Channel) -> Millis {
    match &channel.kind {
        ChannelKind::Network(account) if account.network.again == Again::LookedUp => LOOK_AFTER,
        _ => 0,
    }
}

/// Fires a step at `now`, whatever its schedule says: for `chorus send`. With `to`, one test copy to that contact.
///
/// # Errors
/// The step does not compile, says more to somebody than its channel takes, or the database refuses.
pub async fn fire(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    to: Option<ContactId>,
    now: Timestamp,
) -> Result<RunId, FireError> {
    if to.is_none() {
        fit::require_fit(store, loaded, campaign, step, now).await?;
    }
    let revision = revision(store, loaded, campaign, step, now.as_millisecond()).await?;
    let occurrence = Occurrence { instant: now, until: now, moment: Moment::Instant(now) };
    let kind = if to.is_some() { RunKind::Test } else { RunKind::Manual };
    let channel = loaded.0.channels.get(&step.channel);
    let run = new_run(campaign, step, channel, revision, &occurrence, kind);
    let id = store.run_insert(&run, now.as_millisecond()).await?.ok_or(FireError::Again)?;
    let whom = whom_now(&loaded.0, step, to, now)?;
    store.run_plan(id, &whom, now.as_millisecond()).await?;
    Ok(id)
}

fn whom_now<'a>(
    workspace: &'a Workspace,
    step: &'a Step,
    to: Option<ContactId>,
    now: Timestamp,
) -> Result<Planned<'a>, FireError> {
    let due_at = now.as_millisecond();
    match to {
        Some(contact) => match address(channel(workspace, step)?) {
            Some(address) => Ok(Planned::One { contact, address, due_at }),
            None => audience_or_feed(workspace, step, Moment::Instant(now)),
        },
        None => audience_or_feed(workspace, step, Moment::Instant(now)),
    }
}

/// Makes the deliveries of a planned run. Says how many.
///
/// # Errors
/// The files do not have the step any more, what it says does not fit for somebody, or the database refuses.
pub async fn plan(store: &Store, loaded: &Loaded, run: &Run, now: Timestamp) -> Result<i64, FireError> {
    let workspace = &loaded.0;
    let missing = || FireError::Missing(format!("{}/{}", run.campaign, run.step));
    let campaign = workspace.campaigns.get(run.campaign.as_str()).ok_or_else(missing)?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step).ok_or_else(missing)?;
    let whom = match (&step.schedule.trigger, run.parent_id, address(channel(workspace, step)?)) {
        (Trigger::After { delay, .. }, Some(_), Some(address)) => {
            Planned::Followers { delay: millis(*delay), address }
        }
        // Its step does not follow another any more: whom it was meant for is not known.
        (_, Some(_), Some(_)) => return Err(missing()),
        _ => audience_or_feed(workspace, step, moment(step, run))?,
    };
    if run.state == RunState::Planned && run.kind != RunKind::Test {
        fit::require_fit(store, loaded, campaign, step, now).await?;
    }
    Ok(store.run_plan(run.id, &whom, now.as_millisecond()).await?)
}

/// When a scheduled run falls due: its instant, or with contacts' own zones the wall clock of UTC+14 then.
fn moment(step: &Step, run: &Run) -> Moment {
    let instant = Timestamp::from_millisecond(run.instant).unwrap_or(Timestamp::UNIX_EPOCH);
    match &step.schedule.zone {
        Zone::Contact { .. } if run.kind == store::RunKind::Scheduled && run.parent_id.is_none() => {
            let first = jiff::tz::Offset::constant(14).to_time_zone();
            Moment::Local(instant.to_zoned(first).datetime())
        }
        _ => Moment::Instant(instant),
    }
}

fn audience_or_feed<'a>(
    workspace: &'a Workspace,
    step: &'a Step,
    moment: Moment,
) -> Result<Planned<'a>, FireError> {
    let fallback = &workspace.brand.timezone;
    let Some(address) = address(channel(workspace, step)?) else {
        return Ok(Planned::Feed { due_at: moment.due_in(fallback).as_millisecond() });
    };
    Ok(Planned::Audience {
        audiences: &workspace.audiences,
        audience: &step.audience,
        address,
        moment,
        fallback,
        catch_up_window: millis(step.schedule.catch_up_window),
    })
}

fn channel<'a>(workspace: &'a Workspace, step: &Step) -> Result<&'a Channel, FireError> {
    let channel = workspace.channels.get(&step.channel);
    channel.ok_or_else(|| FireError::Missing(format!("the channel {}", step.channel)))
}

/// What a contact must have to get what the channel says; `None` for a channel that speaks to its own feed.
#[must_use]
pub fn address(channel: &Channel) -> Option<Address> {
    let speaks_to_contacts = channel.kind.per() == Per::Contact;
    speaks_to_contacts.then(|| match channel.kind.address() {
        campaign::Address::Email => Address::Email,
        campaign::Address::Phone => Address::Phone,
        campaign::Address::Attribute(name) => Address::Attribute(name),
        campaign::Address::Anywhere => Address::Anyone,
    })
}

pub(crate) fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
