//! The forecast of a campaign: the occurrences that will run, and those that will not, by the
//! planner's own decision and without any change.

use std::collections::BTreeSet;

use campaign::{Campaign, Step, StepId};
use jiff::Timestamp;
use schedule::{Occurrence, Trigger};
use store::{Millis, OccurrenceKind, OccurrenceReason, OccurrenceState, RunId, Store};

use super::decision::{Decision, MAX_OCCURRENCE_SPAN, decide, instant};
use super::{follow, hold_reason, key, same_text};
use crate::Loaded;
use crate::fire_error::FireError;

/// The largest number of occurrences of one step that are listed.
const MAX_OCCURRENCES: usize = 2_000;

/// The time for which runs are read that a step can still follow, in milliseconds.
const RUN_HISTORY: i64 = 400 * 86_400_000;

/// The largest number of stored occurrences that did not run which are read.
const MAX_ROWS: i64 = 10_000;

/// An expected occurrence of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedOccurrence {
    /// The id of the step.
    pub step: StepId,
    /// The time of the occurrence.
    pub occurrence: Occurrence,
    /// True if the step follows another.
    pub follows: bool,
    /// The time of an edit in the middle of the occurrence: recipients whose own instant is not
    /// after it are missed.
    pub missed_to: Option<Millis>,
    /// True if it fell due since the planner's last check: the outcome takes effect as soon as a
    /// worker runs.
    pub overdue: bool,
    /// The outcome to expect.
    pub outcome: ExpectedOutcome,
}

/// The expected outcome of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedOutcome {
    /// The occurrence runs.
    Runs,
    /// The occurrence does not run.
    Not {
        /// The kind of row that it gets.
        kind: OccurrenceKind,
        /// The reason for which it does not run.
        reason: OccurrenceReason,
        /// The object of the reason: a run's id or a step's name.
        detail: Option<String>,
    },
}

impl ExpectedOutcome {
    const fn not(kind: OccurrenceKind, reason: OccurrenceReason, detail: Option<String>) -> Self {
        Self::Not { kind, reason, detail }
    }
}

/// Returns the expected occurrences of a campaign after `from` and up to `to`, by its current
/// files, in the order of the steps. Occurrences that fell due since the planner's last check are
/// decided as they would be at `now`.
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
) -> Result<Vec<ExpectedOccurrence>, FireError> {
    let rows = store.schedule_all().await?;
    let is_older =
        rows.iter().any(|((name, _), row)| name == campaign.id.as_str() && row.definition.is_none());
    let recent = store.run_recent(Millis::from(now).saturating_sub(RUN_HISTORY)).await?;
    let input = ForecastInput {
        stopped: store.stopped().await?,
        dismissed: dismissed(store, campaign).await?,
        followed: follow::followed(store, &recent).await?,
        recent,
        rows,
        is_older,
        now,
    };
    let mut expected: Vec<ExpectedOccurrence> = Vec::new();
    for step in &campaign.steps {
        let found = match &step.schedule.trigger {
            Trigger::After { .. } => input.followers(campaign, step, &expected),
            _ => input.by_itself(store, loaded, campaign, step, (from, to)).await?,
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

/// The stored state from which a forecast is made.
struct ForecastInput {
    stopped: Option<store::Stopped>,
    dismissed: BTreeSet<(String, Millis)>,
    recent: Vec<store::Run>,
    followed: BTreeSet<(String, String, RunId)>,
    rows: std::collections::BTreeMap<store::StepKey, store::ScheduleRow>,
    is_older: bool,
    now: Timestamp,
}

impl ForecastInput {
    /// Returns the expected occurrences of a step that follows no other.
    async fn by_itself(
        &self,
        store: &Store,
        loaded: &Loaded,
        campaign: &Campaign,
        step: &Step,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<ExpectedOccurrence>, FireError> {
        let row = self.rows.get(&key(campaign, step));
        let Decision { fire, rows, .. } = decide(campaign, step, row, self.now, false);
        let one = |occurrence, missed_to, overdue, outcome| ExpectedOccurrence {
            step: step.id.clone(),
            occurrence,
            follows: false,
            missed_to,
            overdue,
            outcome,
        };
        let passed = rows.into_iter().filter(|row| row.kind != OccurrenceKind::Clock).map(|row| {
            let at = instant(row.instant);
            let occurrence = schedule::after(at, std::time::Duration::ZERO);
            one(occurrence, None, true, ExpectedOutcome::not(row.kind, row.reason, row.detail))
        });
        let mut expected: Vec<_> = passed.collect();
        let coming = fire.into_iter().map(|due| (due.occurrence, due.missed_to, true));
        let start = from.saturating_sub(MAX_OCCURRENCE_SPAN).unwrap_or(Timestamp::MIN).max(self.now);
        let mut ahead = step.schedule.occurrences(start, to, MAX_OCCURRENCES);
        ahead.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
        let mut coming: Vec<_> =
            coming.chain(ahead.into_iter().map(|occurrence| (occurrence, None, false))).collect();
        // Occurrences that were fired while the clock was ahead have a run already, and do not fire
        // again.
        let runs = self.instants_of_runs(campaign, step);
        coming.retain(|(occurrence, ..)| !runs.contains(&Millis::from(occurrence.instant)));
        if coming.is_empty() {
            return Ok(expected);
        }
        let permanent_outcome = self.permanent_outcome(store, loaded, campaign, step).await?;
        expected.extend(coming.into_iter().map(|(occurrence, missed_to, overdue)| {
            let at = (step.id.to_string(), Millis::from(occurrence.instant));
            let outcome = match &permanent_outcome {
                Some(outcome) => outcome.clone(),
                None if self.dismissed.contains(&at) => {
                    ExpectedOutcome::not(OccurrenceKind::Skipped, OccurrenceReason::ByHand, None)
                }
                None => ExpectedOutcome::Runs,
            };
            one(occurrence, missed_to, overdue, outcome)
        }));
        Ok(expected)
    }

    /// Returns the instants of a step's runs.
    fn instants_of_runs(&self, campaign: &Campaign, step: &Step) -> BTreeSet<Millis> {
        let of_step =
            |run: &&store::Run| run.campaign == campaign.id.as_str() && run.step == step.id.as_str();
        self.recent.iter().filter(of_step).map(|run| run.instant).collect()
    }

    /// Returns the outcome of all future occurrences of a step where it is the same for all; `None`
    /// where they can run.
    async fn permanent_outcome(
        &self,
        store: &Store,
        loaded: &Loaded,
        campaign: &Campaign,
        step: &Step,
    ) -> Result<Option<ExpectedOutcome>, FireError> {
        let (name, step_name) = (campaign.id.as_str(), step.id.as_str());
        if let Trigger::At(_) = step.schedule.trigger
            && let Some(run) = store.run_of_one_shot(name, step_name).await?
        {
            let detail = Some(run.to_string());
            return Ok(Some(ExpectedOutcome::not(
                OccurrenceKind::Skipped,
                OccurrenceReason::AlreadySent,
                detail,
            )));
        }
        if let Some(reason) = hold_reason(campaign, self.stopped.as_ref()) {
            return Ok(Some(ExpectedOutcome::not(OccurrenceKind::Held, reason, None)));
        }
        let same = same_text::find(store, loaded, campaign, step, self.now).await?;
        Ok(same
            .map(|same| ExpectedOutcome::not(OccurrenceKind::Held, OccurrenceReason::SameText, Some(same))))
    }

    /// Returns the expected follow-ups of existing runs, and of expected occurrences of the earlier
    /// step.
    fn followers(
        &self,
        campaign: &Campaign,
        step: &Step,
        expected: &[ExpectedOccurrence],
    ) -> Vec<ExpectedOccurrence> {
        let Trigger::After { step: parent, delay, .. } = &step.schedule.trigger else { return Vec::new() };
        let now = Millis::from(self.now);
        let delays =
            follow::edited_delays(campaign, step, self.rows.get(&key(campaign, step)), self.is_older, now);
        let due = follow::follow_ups(campaign, step, &delays, &self.recent, &self.followed, now);
        let due = due.into_iter().map(|follow_up| instant(follow_up.due).max(self.now));
        let parents = expected
            .iter()
            .filter(|expected| expected.step == *parent && expected.outcome == ExpectedOutcome::Runs);
        let after = parents.map(|parent| {
            let at = parent.occurrence.moment.due_in(zone(step)).max(parent.occurrence.instant);
            schedule::after(at.max(self.now), *delay).instant
        });
        let outcome = |at: Timestamp| {
            if campaign.ends.is_some_and(|ends| at > ends) {
                ExpectedOutcome::not(OccurrenceKind::Ended, OccurrenceReason::Ends, None)
            } else {
                hold_reason(campaign, self.stopped.as_ref()).map_or(ExpectedOutcome::Runs, |reason| {
                    ExpectedOutcome::not(OccurrenceKind::Held, reason, None)
                })
            }
        };
        let one = |at: Timestamp| ExpectedOccurrence {
            step: step.id.clone(),
            occurrence: schedule::after(at, std::time::Duration::ZERO),
            follows: true,
            missed_to: None,
            overdue: false,
            outcome: outcome(at),
        };
        due.chain(after).map(one).collect()
    }
}

fn zone(step: &Step) -> &jiff::tz::TimeZone {
    match &step.schedule.zone {
        schedule::ScheduleZone::Fixed(zone) | schedule::ScheduleZone::Contact { fallback: zone } => zone,
    }
}

/// Returns the occurrences that a person dismissed: step and instant.
async fn dismissed(store: &Store, campaign: &Campaign) -> Result<BTreeSet<(String, Millis)>, FireError> {
    let rows = store.occurrence_list(Some(campaign.id.as_str()), false, MAX_ROWS).await?;
    let dismissed = rows.into_iter().filter(|row| row.state == OccurrenceState::Dismissed);
    Ok(dismissed.map(|row| (row.step, row.instant)).collect())
}
