//! Follow-ups: steps that follow another get one run for each run of the earlier step, with each
//! recipient at their own time.

use std::collections::BTreeSet;
use std::time::Duration;

use campaign::{Campaign, Step};
use schedule::{Definition, Moment, Occurrence, Trigger};
use store::{
    Delay, Delays, Millis, NewOccurrence, OccurrenceKind, OccurrenceReason, Run, RunId, RunKind, RunState,
    ScheduleAdvance, ScheduleRow, Store, StoreError,
};

use super::decision::{MIN_ABSENCE, instant};
use super::{Planner, TickContext, definition, hold_reason, key, log_step_error};
use crate::fire::{millis, new_run, revision};
use crate::fire_error::FireError;

/// The time after the recipients of a parent run fell due for which follow-ups are still made.
const FOLLOW_REACH: Duration = Duration::from_secs(4 * 86_400);

/// The longest time for which parent runs are read, however long the delay is.
const MAX_FOLLOW_REACH: Duration = Duration::from_secs(400 * 86_400);

/// The number of edits of a delay that are stored.
const MAX_DELAY_EDITS: usize = 50;

/// A parent run without a follow-up, and the time at which the first recipient of the follow-up
/// falls due.
pub(super) struct DueFollowUp {
    pub(super) parent: Run,
    pub(super) due: Millis,
}

impl Planner {
    /// Makes the runs of all steps that follow another, as their first recipients fall due.
    pub(super) async fn follow_all(
        &mut self,
        tick: &TickContext<'_>,
        after: &[(&Campaign, &Step)],
    ) -> Result<(), StoreError> {
        if after.is_empty() {
            return Ok(());
        }
        let now = Millis::from(tick.now);
        let recent = self.store.run_recent(since(after, now)).await?;
        let followed = followed(&self.store, &recent).await?;
        for (campaign, step) in after {
            let result = self.follow(tick, campaign, step, &recent, &followed).await;
            log_step_error(campaign, step, result)?;
        }
        Ok(())
    }

    /// Makes the runs of one step that follows another.
    async fn follow(
        &mut self,
        tick: &TickContext<'_>,
        campaign: &Campaign,
        step: &Step,
        recent: &[Run],
        followed: &BTreeSet<(String, String, RunId)>,
    ) -> Result<(), FireError> {
        let Some(delays) = self.delays(tick, campaign, step, recent, followed).await? else { return Ok(()) };
        let now = Millis::from(tick.now);
        let mut made = None;
        for follow_up in follow_ups(campaign, step, &delays, recent, followed, now) {
            if follow_up.due > now {
                continue;
            }
            let at = occurrence(step, &follow_up);
            let row = |kind, reason| NewOccurrence {
                parent_id: Some(follow_up.parent.id),
                ..NewOccurrence::one(Millis::from(at.instant), kind, reason)
            };
            let row = if campaign.ends.is_some_and(|ends| instant(follow_up.due) > ends) {
                Some(row(OccurrenceKind::Ended, OccurrenceReason::Ends))
            } else {
                hold_reason(campaign, tick.stopped).map(|reason| row(OccurrenceKind::Held, reason))
            };
            if let Some(row) = row {
                let (campaign, step) = (campaign.id.as_str(), step.id.as_str());
                self.store.occurrence_add(campaign, step, &[row], now).await?;
                continue;
            }
            let revision = match made {
                Some(revision) => revision,
                None => *made.insert(revision(&self.store, tick.loaded, campaign, step, now).await?),
            };
            let channel = tick.loaded.0.channels.get(&step.channel);
            let mut run = new_run(campaign, step, channel, revision, &at, RunKind::Scheduled);
            run.parent_id = Some(follow_up.parent.id);
            run.condition = condition(step);
            run.origin.delays = Some(delays.clone());
            if let Some(id) = self.store.run_insert_follower(&run, now).await? {
                tracing::info!(run = id.0, campaign = %campaign.id, step = %step.id, "fired");
            }
        }
        Ok(())
    }

    /// Returns the delays of a step with all its edits, and stores a new edit; `None` where another
    /// process was faster.
    async fn delays(
        &mut self,
        tick: &TickContext<'_>,
        campaign: &Campaign,
        step: &Step,
        recent: &[Run],
        followed: &BTreeSet<(String, String, RunId)>,
    ) -> Result<Option<Delays>, StoreError> {
        let now = Millis::from(tick.now);
        let key = key(campaign, step);
        let row = self.schedules().get(&key);
        let is_older = self.older_campaigns.contains(campaign.id.as_str());
        let delays = edited_delays(campaign, step, row, is_older, now);
        let definition = definition(campaign, step);
        let is_kept = row.is_some_and(|row| {
            row.history.as_ref() == Some(&delays)
                && row.definition.as_deref() == Some(&definition)
                && row.gone_since.is_none()
        });
        if is_kept {
            return Ok(Some(delays));
        }
        let from = row.map(|row| row.planned_through);
        let missed =
            if is_older { Vec::new() } else { missed_follow_ups(campaign, step, row, recent, followed, now) };
        let (name, step_name) = (campaign.id.as_str(), step.id.as_str());
        let advance = ScheduleAdvance {
            campaign: name,
            step: step_name,
            from,
            to: now,
            definition: &definition,
            history: Some(&delays),
            runs: &[],
            occurrences: &missed,
        };
        if self.store.schedule_advance(&advance, now).await?.is_none() {
            self.rows = None;
            return Ok(None);
        }
        let row = ScheduleRow {
            planned_through: now,
            definition: Some(definition),
            history: Some(delays.clone()),
            gone_since: None,
        };
        if let Some(rows) = &mut self.rows {
            rows.insert(key, row);
        }
        Ok(Some(delays))
    }
}

/// Returns the parent runs that have a follow-up, or a row for one that does not run: campaign,
/// step, parent.
pub(super) async fn followed(
    store: &Store,
    recent: &[Run],
) -> Result<BTreeSet<(String, String, RunId)>, StoreError> {
    let mut followed = store.occurrence_parents().await?;
    followed.extend(
        recent.iter().filter_map(|run| Some((run.campaign.clone(), run.step.clone(), run.parent_id?))),
    );
    Ok(followed)
}

/// Returns the delays of a step, with that of today's file. `is_older` is true if its campaign was
/// stored before delays were, so that the first delay is no edit.
pub(super) fn edited_delays(
    campaign: &Campaign,
    step: &Step,
    row: Option<&ScheduleRow>,
    is_older: bool,
    now: Millis,
) -> Delays {
    let Trigger::After { delay, .. } = &step.schedule.trigger else { return Delays::default() };
    let length = millis(*delay);
    let fresh = Delays(vec![Delay(now, length)]);
    let Some(row) = row else { return if is_older { Delays::always(length) } else { fresh } };
    let was_absent = row.gone_since.is_some_and(|since| now.since(since) >= MIN_ABSENCE);
    let same_parent = row.definition.as_deref().is_some_and(|json| {
        let before = serde_json::from_str::<Definition>(json).ok();
        before.is_some_and(|before| {
            before.follows() == Definition::of(&step.schedule, campaign.starts, campaign.ends).follows()
        })
    });
    let Some(mut delays) = row.history.clone().filter(|_| same_parent && !was_absent) else { return fresh };
    for delay in &mut delays.0 {
        // A clock that was ahead may have set the time of an edit.
        delay.0 = delay.0.min(now);
    }
    delays.edit(now, length);
    let surplus = delays.0.len().saturating_sub(MAX_DELAY_EDITS);
    delays.0.drain(..surplus);
    delays
}

/// Returns the follow-ups that are still to be made for a step. Cancelled parent runs have none,
/// and a follow-up whose time lay before the step was added is not made.
pub(super) fn follow_ups(
    campaign: &Campaign,
    step: &Step,
    delays: &Delays,
    recent: &[Run],
    followed: &BTreeSet<(String, String, RunId)>,
    now: Millis,
) -> Vec<DueFollowUp> {
    let Trigger::After { step: parent, delay, .. } = &step.schedule.trigger else { return Vec::new() };
    let parents = parents(campaign, step, parent.as_str(), *delay, recent, now);
    let is_followed = is_followed(campaign, step, followed);
    let parents = parents.filter(|run| !is_followed(run));
    let first = |run: &Run| {
        let started = run.started_at?;
        let last = run.finished_at.unwrap_or(now);
        let due = delays.due(started).or_else(|| {
            // The first recipients were reached too early for a step that was added later; others
            // may not have been.
            delays.due(last).and_then(|_| delays.0.first()).map(|delay| delay.since().saturating_add(1))
        })?;
        Some(DueFollowUp { parent: run.clone(), due })
    };
    parents.filter_map(first).collect()
}

/// Returns the runs of the earlier step that can have follow-ups.
fn parents<'a>(
    campaign: &'a Campaign,
    step: &Step,
    parent: &'a str,
    delay: Duration,
    recent: &'a [Run],
    now: Millis,
) -> impl Iterator<Item = &'a Run> {
    let since = now.saturating_sub(millis(reach(delay, step)));
    recent.iter().filter(move |run| {
        run.campaign == campaign.id.as_str()
            && run.step == parent
            && run.kind != RunKind::Test
            && run.state != RunState::Cancelled
            && run.planned_at.is_some_and(|planned| planned > since)
    })
}

/// Returns a predicate that is true for runs in `followed`.
fn is_followed<'a>(
    campaign: &Campaign,
    step: &Step,
    followed: &'a BTreeSet<(String, String, RunId)>,
) -> impl Fn(&Run) -> bool + 'a {
    let (campaign, step) = (campaign.id.to_string(), step.id.to_string());
    move |run| followed.contains(&(campaign.clone(), step.clone(), run.id))
}

/// Returns the follow-ups that are missed: those that fell due while the step was absent and, where
/// it is new, the one of the latest run.
fn missed_follow_ups(
    campaign: &Campaign,
    step: &Step,
    row: Option<&ScheduleRow>,
    recent: &[Run],
    followed: &BTreeSet<(String, String, RunId)>,
    now: Millis,
) -> Vec<NewOccurrence> {
    let Trigger::After { step: parent, delay, .. } = &step.schedule.trigger else { return Vec::new() };
    let runs = parents(campaign, step, parent.as_str(), *delay, recent, now);
    let (runs, delays, reason): (Vec<&Run>, _, _) = match row {
        None => {
            let latest = runs.filter(|run| run.started_at.is_some()).max_by_key(|run| run.instant);
            (latest.into_iter().collect(), Delays::always(millis(*delay)), OccurrenceReason::Added)
        }
        Some(row) if row.gone_since.is_some_and(|since| now.since(since) >= MIN_ABSENCE) => {
            (runs.collect(), row.history.clone().unwrap_or_default(), OccurrenceReason::Absent)
        }
        Some(_) => return Vec::new(),
    };
    let is_followed = is_followed(campaign, step, followed);
    let missed = runs.into_iter().filter(|run| !is_followed(run)).filter_map(|run| {
        let due = run.started_at.and_then(|started| delays.due(started)).filter(|due| *due <= now)?;
        let at = occurrence(step, &DueFollowUp { parent: run.clone(), due }).instant.into();
        Some(NewOccurrence {
            parent_id: Some(run.id),
            ..NewOccurrence::one(at, OccurrenceKind::Missed, reason)
        })
    });
    missed.collect()
}

/// Returns the occurrence of a follow-up: its instant, and the last instant at which a recipient
/// falls due.
pub(super) fn occurrence(step: &Step, follow_up: &DueFollowUp) -> Occurrence {
    let Trigger::After { delay, .. } = &step.schedule.trigger else {
        return schedule::after(instant(follow_up.parent.instant), Duration::ZERO);
    };
    let until = instant(follow_up.parent.expires_at.saturating_add(millis(*delay)));
    let at = schedule::after(instant(follow_up.parent.instant), *delay).instant;
    Occurrence { instant: at, until, moment: Moment::Instant(instant(follow_up.due)) }
}

fn condition(step: &Step) -> Option<schedule::Condition> {
    match &step.schedule.trigger {
        Trigger::After { condition, .. } => *condition,
        _ => None,
    }
}

/// Returns the time before now for which parent runs of a step are read.
fn reach(delay: Duration, step: &Step) -> Duration {
    delay.saturating_add(step.expires).saturating_add(FOLLOW_REACH).min(MAX_FOLLOW_REACH)
}

/// Returns the time since which runs are read: as far back as any step needs.
fn since(after: &[(&Campaign, &Step)], now: Millis) -> Millis {
    let reaches = after.iter().map(|(_, step)| match &step.schedule.trigger {
        Trigger::After { delay, .. } => millis(reach(*delay, step)),
        _ => 0,
    });
    // A run can be planned long after it was made.
    now.saturating_sub(reaches.max().unwrap_or(0)).saturating_sub(millis(FOLLOW_REACH))
}
