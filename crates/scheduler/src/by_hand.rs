//! Steps that a person sends by hand: whether they may go, and to whom.

use campaign::{Campaign, Step, Workspace};
use jiff::Timestamp;
use schedule::{Moment, Occurrence, Trigger};
use store::{
    Asked, ByHand, ContactId, DeliveryState, InsertedByHand, Millis, Missing, NewRun, Planned, Run, RunId,
    RunKind, Store,
};

use crate::fire::{audience_or_feed, new_run, one_or_feed, revision};
use crate::fire_error::FireError;
use crate::planning::{same_text, says_the_same};
use crate::{Loaded, fit};

/// What a person asked for who sends a step by hand.
#[derive(Debug, Clone)]
pub struct HandSend {
    /// The latest run of the step that the person knows of, [`RunId`] 0 for none: where there is a later one by now,
    /// nothing is sent.
    pub seen: RunId,
    /// Once more, to everybody, although it went out before.
    pub again: bool,
    /// To those who have not got it.
    pub missing: bool,
    /// Also to those who do not meet the step's condition.
    pub anyway: bool,
    /// A test copy, to nobody else.
    pub test: Option<TestCopy>,
}

impl Default for HandSend {
    /// To everybody, whatever was made meanwhile.
    fn default() -> Self {
        Self { seen: RunId(i64::MAX), again: false, missing: false, anyway: false, test: None }
    }
}

/// A test copy: in no report, and what is done with it changes nobody's standing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestCopy {
    /// Whose values it shows; nobody's if `None`.
    pub contact: Option<ContactId>,
    /// Where it goes; to the contact if `None`.
    pub address: Option<String>,
}

/// Why a step is not sent by hand.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Everything stands still.
    Stopped(store::Stopped),
    /// The campaign says `hold = true`.
    Held,
    /// The campaign has ended.
    Ended(Timestamp),
    /// These runs of the step have not ended.
    Open(Vec<Run>),
    /// It went out before: this is the latest run.
    WentOut(Box<Run>),
    /// It says what this step said, which is gone from the files and reached these people.
    SameText(String),
}

/// How many runs of a step are looked at.
const RUNS: i64 = 100;

/// Why a step cannot be sent by hand now as it was asked for, if it cannot. A step that happens once, or that still says
/// what it said the last time, is sent again only by `again` or `missing`.
///
/// # Errors
/// The step does not compile, or the database refuses.
pub async fn refusal(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    ask: &HandSend,
    now: Timestamp,
) -> Result<Option<Refusal>, FireError> {
    if let Some(stopped) = store.stopped().await? {
        return Ok(Some(Refusal::Stopped(stopped)));
    }
    if ask.test.is_some() {
        return Ok(None);
    }
    if campaign.hold {
        return Ok(Some(Refusal::Held));
    }
    if let Some(ends) = campaign.ends.filter(|ends| *ends < now) {
        return Ok(Some(Refusal::Ended(ends)));
    }
    let runs = store.run_of_step(campaign.id.as_str(), step.id.as_str(), RUNS).await?;
    let open: Vec<Run> = runs.iter().filter(|run| run.finished_at.is_none()).cloned().collect();
    if !open.is_empty() {
        return Ok(Some(Refusal::Open(open)));
    }
    let reached = |run: &&Run| {
        [DeliveryState::Sent, DeliveryState::Uncertain].into_iter().any(|state| run.tally(state) > 0)
    };
    if ask.again || ask.missing {
        return Ok(None);
    }
    let Some(last) = runs.iter().find(reached) else {
        let same = same_text(store, loaded, campaign, step, now).await?;
        return Ok(same.map(Refusal::SameText));
    };
    let happens_once = matches!(step.schedule.trigger, Trigger::At(_));
    let says_the_same = match last.revision_id {
        Some(revision) => says_the_same(store, loaded, campaign, step, revision).await?,
        None => false,
    };
    Ok((happens_once || says_the_same).then(|| Refusal::WentOut(Box::new(last.clone()))))
}

/// Fires a step at `now`, whatever its schedule says: for `chorus send`. Whether it may, [`refusal`] says.
///
/// # Errors
/// The step does not compile, says more to somebody than its channel takes, or the database refuses.
pub async fn fire(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    ask: &HandSend,
    now: Timestamp,
) -> Result<RunId, FireError> {
    if ask.test.is_none() {
        fit::require_fit(store, loaded, campaign, step, now).await?;
    }
    let at = Millis::from(now);
    let revision = revision(store, loaded, campaign, step, at).await?;
    let occurrence = Occurrence { instant: now, until: now, moment: Moment::Instant(now) };
    let kind = if ask.test.is_some() { RunKind::Test } else { RunKind::Manual };
    let channel = loaded.0.channels.get(&step.channel);
    let mut run = new_run(campaign, step, channel, revision, &occurrence, kind);
    if let Some(test) = &ask.test {
        run.origin.to_address.clone_from(&test.address);
        run.origin.ends_at = None;
    }
    let asked = asked(step, ask);
    let whom = whom_by_hand(&loaded.0, campaign, step, ask, &asked, now)?;
    run.origin.asked = Some(asked.clone());
    for later in 0..INSTANTS {
        let run = NewRun { instant: run.instant.saturating_add(later), ..run.clone() };
        let made = match kind {
            RunKind::Manual => match store.run_insert_by_hand(&run, ask.seen, at).await? {
                InsertedByHand::Made(id) => Some(id),
                InsertedByHand::KeyExists => None,
                InsertedByHand::Raced(latest) => return Err(FireError::Raced(latest)),
            },
            _ => store.run_insert(&run, at).await?,
        };
        if let Some(id) = made {
            store.run_plan(id, &whom, at).await?;
            return Ok(id);
        }
    }
    Err(FireError::Again)
}

/// So many instants are tried for runs that are made in the same millisecond.
const INSTANTS: i64 = 1_000;

/// Returns a person's request as the run keeps it.
pub fn asked(step: &Step, ask: &HandSend) -> Asked {
    let recurs = matches!(step.schedule.trigger, Trigger::Cron(_) | Trigger::Dates(_));
    let condition = match &step.schedule.trigger {
        Trigger::After { step, condition: Some(condition), .. } if !ask.anyway => {
            Some((step.to_string(), *condition))
        }
        _ => None,
    };
    Asked {
        missing: ask.missing.then_some(if recurs { Missing::LastTime } else { Missing::Ever }),
        condition,
        contact: ask.test.as_ref().and_then(|test| test.contact),
    }
}

/// Whom a step goes to that is sent by hand.
///
/// # Errors
/// The files do not have its channel.
pub fn whom_by_hand<'a>(
    workspace: &'a Workspace,
    campaign: &'a Campaign,
    step: &'a Step,
    ask: &HandSend,
    asked: &'a Asked,
    now: Timestamp,
) -> Result<Planned<'a>, FireError> {
    if ask.test.is_some() {
        return one_or_feed(workspace, step, asked.contact, Millis::from(now));
    }
    let by_hand = ByHand { campaign: campaign.id.as_str(), step: step.id.as_str(), asked };
    audience_or_feed(workspace, step, Moment::Instant(now), Some(by_hand))
}
