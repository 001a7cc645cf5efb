//! What will run, or will not and why: the planner's own answer, without doing it.

use std::collections::BTreeSet;

use campaign::{Campaign, Step, StepId};
use jiff::Timestamp;
use schedule::{Occurrence, Trigger};
use store::{Millis, OccurrenceKind, OccurrenceReason, OccurrenceState, RunId, Store};

use super::decision::{Decision, LONGEST, decide, instant};
use super::{follow, held, key, same_text};
use crate::Loaded;
use crate::fire_error::FireError;

/// How many occurrences of one step are listed.
const LISTED: usize = 2_000;

/// How far back runs are looked at that a step may still follow, in milliseconds.
const LONGEST_LOOK: i64 = 400 * 86_400_000;

/// How many occurrences that did not run are read.
const ROWS: i64 = 10_000;

/// An occurrence to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Of this step.
    pub step: StepId,
    /// When.
    pub occurrence: Occurrence,
    /// Whether it follows another step.
    pub follows: bool,
    /// An edit in the middle of it: recipients whose own instant is not after it are missed.
    pub missed_to: Option<Millis>,
    /// It fell due since the planner last looked: this becomes of it as soon as a worker runs.
    pub overdue: bool,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It runs.
    Runs,
    /// It does not run.
    Not {
        /// What it is called then.
        kind: OccurrenceKind,
        /// Why.
        reason: OccurrenceReason,
        /// What the reason is about: a run's number, a step's name.
        detail: Option<String>,
    },
}

impl Fate {
    const fn not(kind: OccurrenceKind, reason: OccurrenceReason, detail: Option<String>) -> Self {
        Self::Not { kind, reason, detail }
    }
}

/// What becomes of a campaign's occurrences after `from` and up to `to`, by its files as they are now, in the order of
/// the steps. What fell due since the planner last looked is decided as it would be at `now`.
///
/// # Errors
/// The database refuses, or a step does not compile.
pub async fn forecast(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    from: Timestamp,
    to: Timestamp,
    now: Timestamp,
) -> Result<Vec<Expected>, FireError> {
    let rows = store.schedule_all().await?;
    let is_older =
        rows.iter().any(|((name, _), row)| name == campaign.id.as_str() && row.definition.is_none());
    let recent = store.run_recent(Millis::from(now).saturating_sub(LONGEST_LOOK)).await?;
    let view = View {
        stopped: store.stopped().await?,
        dismissed: dismissed(store, campaign).await?,
        followed: follow::followed(store, &recent).await?,
        recent,
        rows,
        is_older,
        now,
    };
    let mut expected: Vec<Expected> = Vec::new();
    for step in &campaign.steps {
        let found = match &step.schedule.trigger {
            Trigger::After { .. } => view.followers(campaign, step, &expected),
            _ => view.by_itself(store, loaded, campaign, step, (from, to)).await?,
        };
        expected.extend(found);
    }
    expected.retain(|expected| {
        let at = expected.occurrence.until;
        let in_time = at > from && expected.occurrence.instant <= to;
        in_time || expected.overdue && from <= now && now <= to
    });
    Ok(expected)
}

struct View {
    stopped: Option<store::Stopped>,
    dismissed: BTreeSet<(String, Millis)>,
    recent: Vec<store::Run>,
    followed: BTreeSet<(String, String, RunId)>,
    rows: std::collections::BTreeMap<store::StepKey, store::ScheduleRow>,
    is_older: bool,
    now: Timestamp,
}

impl View {
    async fn by_itself(
        &self,
        store: &Store,
        loaded: &Loaded,
        campaign: &Campaign,
        step: &Step,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<Expected>, FireError> {
        let row = self.rows.get(&key(campaign, step));
        let Decision { fire, rows, .. } = decide(campaign, step, row, self.now, false);
        let one = |occurrence, missed_to, overdue, fate| Expected {
            step: step.id.clone(),
            occurrence,
            follows: false,
            missed_to,
            overdue,
            fate,
        };
        let passed = rows.into_iter().filter(|row| row.kind != OccurrenceKind::Clock).map(|row| {
            let at = instant(row.instant);
            let occurrence = schedule::after(at, std::time::Duration::ZERO);
            one(occurrence, None, true, Fate::not(row.kind, row.reason, row.detail))
        });
        let mut expected: Vec<_> = passed.collect();
        let coming = fire.into_iter().map(|due| (due.occurrence, due.missed_to, true));
        let start = from.saturating_sub(LONGEST).unwrap_or(Timestamp::MIN).max(self.now);
        let mut ahead = step.schedule.occurrences(start, to, LISTED);
        ahead.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
        let mut coming: Vec<_> =
            coming.chain(ahead.into_iter().map(|occurrence| (occurrence, None, false))).collect();
        // What a clock fired that was ahead is a run already, and fires no second time.
        let runs = self.instants_of_runs(campaign, step);
        coming.retain(|(occurrence, ..)| !runs.contains(&Millis::from(occurrence.instant)));
        if coming.is_empty() {
            return Ok(expected);
        }
        let always = self.always(store, loaded, campaign, step).await?;
        expected.extend(coming.into_iter().map(|(occurrence, missed_to, overdue)| {
            let at = (step.id.to_string(), Millis::from(occurrence.instant));
            let fate = match &always {
                Some(fate) => fate.clone(),
                None if self.dismissed.contains(&at) => {
                    Fate::not(OccurrenceKind::Skipped, OccurrenceReason::ByHand, None)
                }
                None => Fate::Runs,
            };
            one(occurrence, missed_to, overdue, fate)
        }));
        Ok(expected)
    }

    /// The keys of a step's runs.
    fn instants_of_runs(&self, campaign: &Campaign, step: &Step) -> BTreeSet<Millis> {
        let of_step =
            |run: &&store::Run| run.campaign == campaign.id.as_str() && run.step == step.id.as_str();
        self.recent.iter().filter(of_step).map(|run| run.instant).collect()
    }

    /// What keeps every occurrence of a step from running, as things are now.
    async fn always(
        &self,
        store: &Store,
        loaded: &Loaded,
        campaign: &Campaign,
        step: &Step,
    ) -> Result<Option<Fate>, FireError> {
        let (name, step_name) = (campaign.id.as_str(), step.id.as_str());
        if let Trigger::At(_) = step.schedule.trigger
            && let Some(run) = store.run_of_one_shot(name, step_name).await?
        {
            let detail = Some(run.to_string());
            return Ok(Some(Fate::not(OccurrenceKind::Skipped, OccurrenceReason::AlreadySent, detail)));
        }
        if let Some(reason) = held(campaign, self.stopped.as_ref()) {
            return Ok(Some(Fate::not(OccurrenceKind::Held, reason, None)));
        }
        let same = same_text::find(store, loaded, campaign, step, self.now).await?;
        Ok(same.map(|same| Fate::not(OccurrenceKind::Held, OccurrenceReason::SameText, Some(same))))
    }

    /// What follows the runs that there are, and the occurrences to come of the earlier step.
    fn followers(&self, campaign: &Campaign, step: &Step, expected: &[Expected]) -> Vec<Expected> {
        let Trigger::After { step: parent, delay, .. } = &step.schedule.trigger else { return Vec::new() };
        let now = Millis::from(self.now);
        let delays = follow::edited(campaign, step, self.rows.get(&key(campaign, step)), self.is_older, now);
        let due = follow::following(campaign, step, &delays, &self.recent, &self.followed, now);
        let due = due.into_iter().map(|following| instant(following.due).max(self.now));
        let parents =
            expected.iter().filter(|expected| expected.step == *parent && expected.fate == Fate::Runs);
        let after = parents.map(|parent| {
            let at = parent.occurrence.moment.due_in(zone(step)).max(parent.occurrence.instant);
            schedule::after(at.max(self.now), *delay).instant
        });
        let fate = |at: Timestamp| {
            if campaign.ends.is_some_and(|ends| at > ends) {
                Fate::not(OccurrenceKind::Ended, OccurrenceReason::Ends, None)
            } else {
                held(campaign, self.stopped.as_ref())
                    .map_or(Fate::Runs, |reason| Fate::not(OccurrenceKind::Held, reason, None))
            }
        };
        let one = |at: Timestamp| Expected {
            step: step.id.clone(),
            occurrence: schedule::after(at, std::time::Duration::ZERO),
            follows: true,
            missed_to: None,
            overdue: false,
            fate: fate(at),
        };
        due.chain(after).map(one).collect()
    }
}

fn zone(step: &Step) -> &jiff::tz::TimeZone {
    match &step.schedule.zone {
        schedule::Zone::Fixed(zone) | schedule::Zone::Contact { fallback: zone } => zone,
    }
}

/// The occurrences that a person took out.
async fn dismissed(store: &Store, campaign: &Campaign) -> Result<BTreeSet<(String, Millis)>, FireError> {
    let rows = store.occurrence_list(Some(campaign.id.as_str()), false, ROWS).await?;
    let dismissed = rows.into_iter().filter(|row| row.state == OccurrenceState::Dismissed);
    Ok(dismissed.map(|row| (row.step, row.instant)).collect())
}
