//! The planner: makes runs from the schedules in the files. Each occurrence that fell due since the
//! last check is fired once, or gets a row with the reason for which it does not run.
//!
//! A step's watermark (`planned_through`) is the instant up to which its occurrences are decided.
//! It moves in the transaction that makes the runs, so that no restart, clock change or second
//! process fires an occurrence twice or misses it. The definition of the step's times is stored
//! beside it: where it differs, the files were edited, and everything up to now is decided.

mod absence;
mod decision;
mod follow;
mod forecast;
#[cfg(test)]
mod model;
mod overdue;
mod renames;
mod same_text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use campaign::{Campaign, Step};
use jiff::Timestamp;
use schedule::Definition;
use schedule::{Overlap, Trigger};
use store::{
    Clock, Millis, NewOccurrence, NewRun, OccurrenceKind, OccurrenceReason, Run, RunId, RunKind, RunState,
    ScheduleAdvance, ScheduleRow, StepKey, StopReason, Stopped, Store, StoreError,
};
use tokio::time::Instant;

pub use self::forecast::{ExpectedOccurrence, ExpectedOutcome, forecast};
pub use self::overdue::overdue;
pub(crate) use self::same_text::{find as same_text, has_same_text};
use crate::Loaded;
use crate::fire::{fire_occurrence, new_run, revision};
use crate::fire_error::FireError;
use decision::{Decision, Due, decide, row_of};

/// The interval at which steps that follow others are checked.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(2);

/// The time, in milliseconds, by which the clock may go back before computed due times are
/// discarded.
const CLOCK_TOLERANCE: i64 = 60_000;

/// Makes runs from schedules.
pub(crate) struct Planner {
    store: Store,
    clock: Clock,
    rows: Option<BTreeMap<StepKey, ScheduleRow>>,
    /// Campaigns whose schedules were stored before definitions were: their present definitions are
    /// no edit.
    older_campaigns: BTreeSet<String>,
    /// The next time at which each step can fall due, so that an idle worker computes no calendars.
    next_due: BTreeMap<StepKey, Timestamp>,
    /// The earliest of these once every step has one; until that time no step is checked.
    next_due_of_all: Option<Timestamp>,
    /// True if a step of the files follows another.
    has_followers: bool,
    /// Campaigns whose file had errors at the last check.
    broken: BTreeSet<String>,
    /// The time up to which missed occurrences of a step whose file has errors were recorded.
    broken_recorded_to: BTreeMap<StepKey, Timestamp>,
    /// The version of the files that all this was computed from.
    seen_files: Option<Loaded>,
    last_tick_at: Millis,
    next_follow: Option<Instant>,
}

/// The input of one check of all steps.
struct TickContext<'a> {
    loaded: &'a Loaded,
    live: &'a [Run],
    stopped: Option<&'a Stopped>,
    now: Timestamp,
}

impl Planner {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            rows: None,
            older_campaigns: BTreeSet::new(),
            next_due: BTreeMap::new(),
            next_due_of_all: None,
            has_followers: false,
            broken: BTreeSet::new(),
            broken_recorded_to: BTreeMap::new(),
            seen_files: None,
            last_tick_at: Millis::MIN,
            next_follow: None,
        }
    }

    /// Checks every step once, makes the runs that fell due, and records the occurrences that do
    /// not run. `live` are the runs that have not ended.
    pub(crate) async fn tick(
        &mut self,
        loaded: &Loaded,
        live: &[Run],
        stopped: Option<&Stopped>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.prepare(loaded, now).await?;
        let follow = self.next_follow.is_none_or(|next| Instant::now() >= next);
        if follow {
            self.next_follow = Some(Instant::now() + FOLLOW_INTERVAL);
        }
        let tick = TickContext { loaded, live, stopped, now };
        if self.next_due_of_all.is_none_or(|until| now >= until) {
            let steps = steps(loaded, false);
            for (campaign, step) in &steps {
                log_step_error(campaign, step, self.check_step(&tick, campaign, step).await)?;
            }
            let is_quiet = self.next_due.len() == steps.len();
            self.next_due_of_all = self.next_due.values().min().copied().filter(|_| is_quiet);
        }
        if follow {
            let after = if self.has_followers { steps(loaded, true) } else { Vec::new() };
            self.follow_all(&tick, &after).await?;
            self.note_broken(&tick).await?;
            self.fire_requested(&tick).await?;
        }
        self.broken.retain(|id| !loaded.0.campaigns.contains_key(id.as_str()));
        Ok(())
    }

    /// Fires the occurrences that a person requested on a page.
    async fn fire_requested(&self, tick: &TickContext<'_>) -> Result<(), StoreError> {
        if tick.stopped.is_some() {
            return Ok(());
        }
        for row in self.store.occurrence_requested().await? {
            let campaign = tick.loaded.0.campaigns.get(row.campaign.as_str());
            let step = campaign.and_then(|campaign| {
                Some((campaign, campaign.steps.iter().find(|step| step.id.as_str() == row.step)?))
            });
            let Some((campaign, step)) = step else {
                self.store.occurrence_reopen(&row, "it is not in the files any more").await?;
                continue;
            };
            if campaign.hold {
                self.store.occurrence_reopen(&row, "the campaign says hold = true").await?;
                continue;
            }
            match fire_occurrence(&self.store, tick.loaded, campaign, step, &row, tick.now).await {
                Ok(Some(id)) => tracing::info!(run = id.0, "fired, as a person requested"),
                Ok(None) => self.store.occurrence_reopen(&row, "it ran already").await?,
                Err(FireError::Store(error)) => return Err(error),
                Err(error) => self.store.occurrence_reopen(&row, &error.to_string()).await?,
            }
        }
        Ok(())
    }

    /// Reads the stored schedules, and records steps that were added, removed or renamed in the
    /// files.
    async fn prepare(&mut self, loaded: &Loaded, now: Timestamp) -> Result<(), StoreError> {
        let at = Millis::from(now);
        if at < self.last_tick_at.saturating_sub(CLOCK_TOLERANCE) {
            self.clear_next_due();
        }
        self.last_tick_at = at;
        let is_new = !self.seen_files.as_ref().is_some_and(|seen_files| Arc::ptr_eq(seen_files, loaded));
        if self.rows.is_none() {
            self.read_schedules().await?;
        }
        if is_new {
            self.clear_next_due();
            self.next_follow = None;
            if renames::apply(&self.store, loaded, self.schedules(), at).await? {
                self.read_schedules().await?;
            }
            self.insert_new_steps(loaded, at).await?;
        }
        if is_new {
            self.note_absent(loaded, at).await?;
            let files = &loaded.0.campaign_files;
            let broken = files.iter().filter(|id| !loaded.0.campaigns.contains_key(id.as_str()));
            self.broken.extend(broken.cloned());
            self.has_followers = !steps(loaded, true).is_empty();
        }
        self.seen_files = Some(Arc::clone(loaded));
        Ok(())
    }

    async fn read_schedules(&mut self) -> Result<(), StoreError> {
        let rows = self.store.schedule_all().await?;
        let older_campaigns = rows.iter().filter(|(_, row)| row.definition.is_none());
        self.older_campaigns.extend(older_campaigns.map(|((campaign, _), _)| campaign.clone()));
        self.rows = Some(rows);
        Ok(())
    }

    fn schedules(&self) -> &BTreeMap<StepKey, ScheduleRow> {
        static NONE: BTreeMap<StepKey, ScheduleRow> = BTreeMap::new();
        self.rows.as_ref().unwrap_or(&NONE)
    }

    /// Stores new steps in one transaction, except those whose occurrences have to be decided one
    /// by one.
    async fn insert_new_steps(&mut self, loaded: &Loaded, now: Millis) -> Result<(), StoreError> {
        let mut fresh = Vec::new();
        for campaign in loaded.0.campaigns.values() {
            for step in &campaign.steps {
                let recurs =
                    matches!(step.schedule.trigger, Trigger::Cron(_) | Trigger::Dates(_) | Trigger::ByHand);
                let everywhere = matches!(step.schedule.zone, schedule::ScheduleZone::Fixed(_));
                let key = key(campaign, step);
                if recurs && everywhere && !self.schedules().contains_key(&key) {
                    fresh.push((key, definition(campaign, step)));
                }
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.store.schedule_insert_new(&fresh, now).await?;
        self.read_schedules().await
    }

    /// Decides the occurrences of one step, and stores the decision.
    async fn check_step(
        &mut self,
        tick: &TickContext<'_>,
        campaign: &Campaign,
        step: &Step,
    ) -> Result<(), FireError> {
        let key = key(campaign, step);
        if self.next_due.get(&key).is_some_and(|until| tick.now < *until) {
            return Ok(());
        }
        let row = self.schedules().get(&key).cloned();
        let had_errors = self.broken.contains(campaign.id.as_str());
        let decision = decide(campaign, step, row.as_ref(), tick.now, had_errors);
        if decision.wait {
            return Ok(());
        }
        let definition = definition(campaign, step);
        let unchanged = row
            .as_ref()
            .is_some_and(|row| row.definition.as_deref() == Some(&definition) && row.gone_since.is_none());
        if unchanged && decision.fire.is_empty() && decision.rows.is_empty() {
            self.set_next_due(key, step, tick.now);
            return Ok(());
        }
        let Some((runs, rows)) = self.resolve(tick, campaign, step, decision).await? else { return Ok(()) };
        let (from, to) = (row.map(|row| row.planned_through), Millis::from(tick.now));
        self.advance(key, from, to, &definition, &runs, &rows).await
    }

    /// Discards the computed due times, so that every step is checked again.
    fn clear_next_due(&mut self) {
        self.next_due.clear();
        self.next_due_of_all = None;
    }

    /// Sets the time of the step's next occurrence; before it the step is not checked.
    fn set_next_due(&mut self, key: StepKey, step: &Step, now: Timestamp) {
        let next = step.schedule.occurrences(now, Timestamp::MAX, 1);
        let until = next.first().map_or(Timestamp::MAX, |occurrence| occurrence.instant);
        self.next_due.insert(key, until);
    }

    /// Returns the runs and the rows of a decision, after all checks that can hold an occurrence
    /// back; `None` while it waits for the last run of the step.
    async fn resolve(
        &self,
        tick: &TickContext<'_>,
        campaign: &Campaign,
        step: &Step,
        decision: Decision,
    ) -> Result<Option<(Vec<NewRun>, Vec<NewOccurrence>)>, FireError> {
        let Decision { fire, mut rows, .. } = decision;
        // While everything is stopped, the reason is the stop, whether a worker ran or not.
        if let Some(reason) = hold_reason(campaign, tick.stopped).filter(|_| tick.stopped.is_some()) {
            for row in rows.iter_mut().filter(|row| row.reason == OccurrenceReason::Off) {
                (row.kind, row.reason) = (OccurrenceKind::Held, reason);
            }
        }
        if let Trigger::At(_) = step.schedule.trigger
            && let Some(run) = self.store.run_of_one_shot(campaign.id.as_str(), step.id.as_str()).await?
        {
            let (kind, reason, detail) =
                (OccurrenceKind::Skipped, OccurrenceReason::AlreadySent, Some(run.to_string()));
            for row in rows.iter_mut().filter(|row| row.kind == OccurrenceKind::Missed) {
                (row.kind, row.reason, row.detail) = (kind, reason, detail.clone());
            }
            rows.extend(held_rows(&fire, kind, reason, detail.as_deref()));
            return Ok(Some((Vec::new(), rows)));
        }
        let is_added = |row: &NewOccurrence| row.reason == OccurrenceReason::Added;
        if rows.iter().any(is_added)
            && let Some(same) = same_text::find(&self.store, tick.loaded, campaign, step, tick.now).await?
        {
            for row in rows.iter_mut().filter(|row| is_added(row)) {
                (row.kind, row.reason) = (OccurrenceKind::Held, OccurrenceReason::SameText);
                row.detail = Some(same.clone());
            }
        }
        if fire.is_empty() {
            return Ok(Some((Vec::new(), rows)));
        }
        if let Some(reason) = hold_reason(campaign, tick.stopped) {
            rows.extend(held_rows(&fire, OccurrenceKind::Held, reason, None));
            return Ok(Some((Vec::new(), rows)));
        }
        if let Some(run) = self.overlapping_run(tick, campaign, step).await? {
            match step.schedule.overlap {
                Overlap::Allow => {}
                Overlap::Queue => return Ok(None),
                Overlap::Skip => {
                    let detail = Some(run.to_string());
                    rows.extend(held_rows(
                        &fire,
                        OccurrenceKind::Skipped,
                        OccurrenceReason::Overlap,
                        detail.as_deref(),
                    ));
                    return Ok(Some((Vec::new(), rows)));
                }
            }
        }
        if let Some(same) = same_text::find(&self.store, tick.loaded, campaign, step, tick.now).await? {
            rows.extend(held_rows(&fire, OccurrenceKind::Held, OccurrenceReason::SameText, Some(&same)));
            return Ok(Some((Vec::new(), rows)));
        }
        let revision = revision(&self.store, tick.loaded, campaign, step, Millis::from(tick.now)).await?;
        let channel = tick.loaded.0.channels.get(&step.channel);
        let run = |due: &Due| {
            let mut run = new_run(campaign, step, channel, revision, &due.occurrence, RunKind::Scheduled);
            run.origin.missed_to = due.missed_to;
            run.origin.own_clock = decision::is_own_clock(&due.occurrence);
            run
        };
        Ok(Some((fire.iter().map(run).collect(), rows)))
    }

    /// Returns a run of the step that overlaps: it has deliveries that were not tried yet. Paused
    /// runs, deliveries that a server put off, and deliveries whose own time is still to come do
    /// not count.
    async fn overlapping_run(
        &self,
        tick: &TickContext<'_>,
        campaign: &Campaign,
        step: &Step,
    ) -> Result<Option<RunId>, StoreError> {
        let of_step = |run: &&Run| {
            run.kind == RunKind::Scheduled
                && run.campaign == campaign.id.as_str()
                && run.step == step.id.as_str()
        };
        for run in tick.live.iter().filter(of_step) {
            let untried = match run.state {
                RunState::Planned => true,
                RunState::Running => self.store.run_has_untried(run.id, Millis::from(tick.now)).await?,
                _ => false,
            };
            if untried {
                return Ok(Some(run.id));
            }
        }
        Ok(None)
    }

    /// Moves the watermark of a step, and makes its runs and rows, in one transaction.
    async fn advance(
        &mut self,
        key: StepKey,
        from: Option<Millis>,
        to: Millis,
        definition: &str,
        runs: &[NewRun],
        occurrences: &[NewOccurrence],
    ) -> Result<(), FireError> {
        let (campaign, step) = (key.0.as_str(), key.1.as_str());
        let advance =
            ScheduleAdvance { campaign, step, from, to, definition, history: None, runs, occurrences };
        let Some(made) = self.store.schedule_advance(&advance, to).await? else {
            // Another process was faster: its rows are read before the next check.
            self.rows = None;
            return Ok(());
        };
        self.next_due.remove(&key);
        for id in &made {
            tracing::info!(run = id.0, campaign, step, "fired");
        }
        for row in occurrences {
            tracing::warn!(campaign, step, kind = %row.kind, reason = %row.reason, count = row.count, "does not run");
        }
        let row = ScheduleRow {
            planned_through: to,
            definition: Some(definition.to_owned()),
            history: None,
            gone_since: None,
        };
        self.broken.remove(campaign);
        if let Some(rows) = &mut self.rows {
            rows.insert(key, row);
        }
        Ok(())
    }
}

/// Records as held all occurrences that fell due while everything was stopped and no worker ran, so
/// that ending the stop sends nothing by itself.
///
/// # Errors
/// The database refuses the statement, or the connection is lost.
pub async fn hold_due(
    store: &Store,
    loaded: &Loaded,
    clock: &Clock,
    stopped: &Stopped,
) -> Result<(), StoreError> {
    let live = store.run_live().await?;
    Planner::new(store.clone(), clock.clone()).tick(loaded, &live, Some(stopped)).await
}

/// Stores the steps of a new workspace as decided up to `now`. Steps in contacts' own time zones
/// are left to the planner, which includes the contacts whose own time is still to come.
///
/// # Errors
/// The database refuses the statement, or the connection is lost.
pub async fn register_steps(store: &Store, loaded: &Loaded, now: Timestamp) -> Result<(), StoreError> {
    let mut steps = Vec::new();
    for campaign in loaded.0.campaigns.values() {
        let by_itself = campaign.steps.iter().filter(|step| {
            matches!(step.schedule.zone, schedule::ScheduleZone::Fixed(_))
                && !matches!(step.schedule.trigger, Trigger::After { .. })
        });
        steps.extend(by_itself.map(|step| (key(campaign, step), definition(campaign, step))));
    }
    store.schedule_insert_new(&steps, Millis::from(now)).await
}

/// Moves the history of steps to the names that the files declare with `was`, for a command that
/// works without a planner. Does nothing while another worker plans with other files.
///
/// # Errors
/// The database refuses the statement, or the connection is lost.
pub async fn apply_renames(store: &Store, loaded: &Loaded, now: Timestamp) -> Result<(), StoreError> {
    let mut campaigns = loaded.0.campaigns.values();
    let is_declared = campaigns
        .any(|it| it.previous_id.is_some() || it.steps.iter().any(|step| step.previous_id.is_some()));
    let now = Millis::from(now);
    if !is_declared || store.files_other_planner(&loaded.0.hash, now).await?.is_some() {
        return Ok(());
    }
    let known = store.schedule_all().await?;
    renames::apply(store, loaded, &known, now).await?;
    Ok(())
}

/// Returns the steps that follow another (`following`), or those that do not.
fn steps(loaded: &Loaded, following: bool) -> Vec<(&Campaign, &Step)> {
    let campaigns = loaded.0.campaigns.values();
    let steps = campaigns.flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
    steps.filter(|(_, step)| matches!(step.schedule.trigger, Trigger::After { .. }) == following).collect()
}

/// Logs the error of one step, so that the other steps are still checked. Errors of the database
/// are returned.
fn log_step_error(campaign: &Campaign, step: &Step, result: Result<(), FireError>) -> Result<(), StoreError> {
    match result {
        Ok(()) => Ok(()),
        Err(FireError::Store(error)) => Err(error),
        Err(error) => {
            tracing::error!(campaign = %campaign.id, step = %step.id, %error, "cannot fire a step");
            Ok(())
        }
    }
}

/// Returns the reason for which all occurrences of a campaign are held now, if they are.
pub(crate) fn hold_reason(campaign: &Campaign, stopped: Option<&Stopped>) -> Option<OccurrenceReason> {
    match stopped.map(|stopped| stopped.reason) {
        Some(StopReason::Copy) => Some(OccurrenceReason::Copy),
        Some(StopReason::Stop) => Some(OccurrenceReason::Stop),
        None => campaign.hold.then_some(OccurrenceReason::Hold),
    }
}

/// Makes the rows of occurrences that do not run.
fn held_rows(
    fire: &[Due],
    kind: OccurrenceKind,
    reason: OccurrenceReason,
    detail: Option<&str>,
) -> Vec<NewOccurrence> {
    let row = |due: &Due| NewOccurrence {
        detail: detail.map(str::to_owned),
        ..row_of(&due.occurrence, kind, reason)
    };
    fire.iter().map(row).collect()
}

/// Returns the key of a step: its campaign and its id.
pub(crate) fn key(campaign: &Campaign, step: &Step) -> StepKey {
    (campaign.id.to_string(), step.id.to_string())
}

/// Returns the definition of a step's times as JSON, as it is stored.
pub(crate) fn definition(campaign: &Campaign, step: &Step) -> String {
    let definition = Definition::of(&step.schedule, campaign.starts, campaign.ends);
    // It holds only numbers and texts, which can always be written as JSON.
    serde_json::to_string(&definition).unwrap_or_default()
}
