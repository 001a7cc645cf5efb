//! From the files' schedules to runs: what fell due since it was last looked at, fired once, and a row with its reason
//! for what does not run.
//!
//! A step's watermark says up to which instant its occurrences have been decided. It moves in the transaction
//! that makes the runs, so that no restart, clock step or second process fires twice or misses. What decides the step's
//! times is kept beside it: where that differs, the files were edited, and everything up to now is decided.

mod absence;
mod carry;
mod decision;
mod follow;
mod forecast;
#[cfg(test)]
mod model;
mod overdue;
mod same_text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use campaign::{Campaign, Step};
use jiff::Timestamp;
use schedule::Definition;
use schedule::{Overlap, Trigger};
use store::{
    Advance, Clock, Millis, NewOccurrence, NewRun, OccurrenceKind, OccurrenceReason, Run, RunId, RunKind,
    RunState, ScheduleRow, StepKey, StopReason, Stopped, Store, StoreError,
};
use tokio::time::Instant;

pub use self::forecast::{Expected, Fate, forecast};
pub use self::overdue::overdue;
pub(crate) use self::same_text::{find as same_text, says_the_same};
use crate::Loaded;
use crate::fire::{fire_occurrence, new_run, revision};
use crate::fire_error::FireError;
use decision::{Decision, Due, decide, row_of};

/// How often `after` steps are looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(2);

/// A clock that goes back by more than this makes everything that was computed from it void.
const CLOCK_TOLERANCE: i64 = 60_000;

/// Makes runs out of schedules.
pub(crate) struct Planner {
    store: Store,
    clock: Clock,
    rows: Option<BTreeMap<StepKey, ScheduleRow>>,
    /// Campaigns whose schedules were kept before definitions were: what they have now is no edit.
    older: BTreeSet<String>,
    /// Until when nothing can fall due, so that an idle worker computes no calendars.
    quiet: BTreeMap<StepKey, Timestamp>,
    /// The earliest of these once every step has one: until then no step is looked at.
    all_quiet: Option<Timestamp>,
    /// True where a step of the files follows another.
    has_followers: bool,
    /// Campaigns whose file had errors when it was last looked at.
    broken: BTreeSet<String>,
    /// Up to when the occurrences of a step whose file has errors were written down.
    told_broken: BTreeMap<StepKey, Timestamp>,
    /// The reading of the files that all this was computed from.
    seen: Option<Loaded>,
    last_look: Millis,
    next_follow: Option<Instant>,
}

/// A look at the steps at one instant.
struct Look<'a> {
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
            older: BTreeSet::new(),
            quiet: BTreeMap::new(),
            all_quiet: None,
            has_followers: false,
            broken: BTreeSet::new(),
            told_broken: BTreeMap::new(),
            seen: None,
            last_look: Millis::MIN,
            next_follow: None,
        }
    }

    /// Looks at every step once, makes the runs that fell due, and writes down what does not run. `live` are the runs
    /// that have not ended.
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
        let look = Look { loaded, live, stopped, now };
        if self.all_quiet.is_none_or(|until| now >= until) {
            let steps = steps(loaded, false);
            for (campaign, step) in &steps {
                told(campaign, step, self.look(&look, campaign, step).await)?;
            }
            let is_quiet = self.quiet.len() == steps.len();
            self.all_quiet = self.quiet.values().min().copied().filter(|_| is_quiet);
        }
        if follow {
            let after = if self.has_followers { steps(loaded, true) } else { Vec::new() };
            self.follow_all(&look, &after).await?;
            self.note_broken(&look).await?;
            self.fire_asked(&look).await?;
        }
        self.broken.retain(|id| !loaded.0.campaigns.contains_key(id.as_str()));
        Ok(())
    }

    /// Runs what a person asked for on a page.
    async fn fire_asked(&self, look: &Look<'_>) -> Result<(), StoreError> {
        if look.stopped.is_some() {
            return Ok(());
        }
        for row in self.store.occurrence_asked().await? {
            let campaign = look.loaded.0.campaigns.get(row.campaign.as_str());
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
            match fire_occurrence(&self.store, look.loaded, campaign, step, &row, look.now).await {
                Ok(Some(id)) => tracing::info!(run = id.0, "fired, as a person asked"),
                Ok(None) => self.store.occurrence_reopen(&row, "it ran already").await?,
                Err(FireError::Store(error)) => return Err(error),
                Err(error) => self.store.occurrence_reopen(&row, &error.to_string()).await?,
            }
        }
        Ok(())
    }

    /// Reads what is kept, and takes note of steps that came, went or were renamed.
    async fn prepare(&mut self, loaded: &Loaded, now: Timestamp) -> Result<(), StoreError> {
        let at = Millis::from(now);
        if at < self.last_look.saturating_sub(CLOCK_TOLERANCE) {
            self.rouse();
        }
        self.last_look = at;
        let is_new = !self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, loaded));
        if self.rows.is_none() {
            self.read().await?;
        }
        if is_new {
            self.rouse();
            self.next_follow = None;
            if carry::carry_over(&self.store, loaded, self.known(), at).await? {
                self.read().await?;
            }
            self.see_new(loaded, at).await?;
        }
        if is_new {
            self.note_absent(loaded, at).await?;
            let files = &loaded.0.campaign_files;
            let broken = files.iter().filter(|id| !loaded.0.campaigns.contains_key(id.as_str()));
            self.broken.extend(broken.cloned());
            self.has_followers = !steps(loaded, true).is_empty();
        }
        self.seen = Some(Arc::clone(loaded));
        Ok(())
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let rows = self.store.schedule_all().await?;
        let older = rows.iter().filter(|(_, row)| row.definition.is_none());
        self.older.extend(older.map(|((campaign, _), _)| campaign.clone()));
        self.rows = Some(rows);
        Ok(())
    }

    fn known(&self) -> &BTreeMap<StepKey, ScheduleRow> {
        static NONE: BTreeMap<StepKey, ScheduleRow> = BTreeMap::new();
        self.rows.as_ref().unwrap_or(&NONE)
    }

    /// Writes down, in one transaction, the steps that are seen for the first time and of which nothing has to be
    /// decided one by one.
    async fn see_new(&mut self, loaded: &Loaded, now: Millis) -> Result<(), StoreError> {
        let mut fresh = Vec::new();
        for campaign in loaded.0.campaigns.values() {
            for step in &campaign.steps {
                let recurs =
                    matches!(step.schedule.trigger, Trigger::Cron(_) | Trigger::Dates(_) | Trigger::ByHand);
                let everywhere = matches!(step.schedule.zone, schedule::Zone::Fixed(_));
                let key = key(campaign, step);
                if recurs && everywhere && !self.known().contains_key(&key) {
                    fresh.push((key, definition(campaign, step)));
                }
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.store.schedule_see(&fresh, now).await?;
        self.read().await
    }

    async fn look(&mut self, look: &Look<'_>, campaign: &Campaign, step: &Step) -> Result<(), FireError> {
        let key = key(campaign, step);
        if self.quiet.get(&key).is_some_and(|until| look.now < *until) {
            return Ok(());
        }
        let row = self.known().get(&key).cloned();
        let had_errors = self.broken.contains(campaign.id.as_str());
        let decision = decide(campaign, step, row.as_ref(), look.now, had_errors);
        if decision.wait {
            return Ok(());
        }
        let definition = definition(campaign, step);
        let unchanged = row
            .as_ref()
            .is_some_and(|row| row.definition.as_deref() == Some(&definition) && row.gone_since.is_none());
        if unchanged && decision.fire.is_empty() && decision.rows.is_empty() {
            self.rest(key, step, look.now);
            return Ok(());
        }
        let Some((runs, rows)) = self.settle(look, campaign, step, decision).await? else { return Ok(()) };
        let (from, to) = (row.map(|row| row.planned_through), Millis::from(look.now));
        self.advance(key, from, to, &definition, &runs, &rows).await
    }

    /// Every step has to be looked at again.
    fn rouse(&mut self) {
        self.quiet.clear();
        self.all_quiet = None;
    }

    /// Nothing is due before the next occurrence.
    fn rest(&mut self, key: StepKey, step: &Step, now: Timestamp) {
        let next = step.schedule.occurrences(now, Timestamp::MAX, 1);
        let until = next.first().map_or(Timestamp::MAX, |occurrence| occurrence.instant);
        self.quiet.insert(key, until);
    }

    /// The runs and the rows of a decision, after everything that may hold an occurrence back was asked; `None` while
    /// it waits for the last run.
    async fn settle(
        &self,
        look: &Look<'_>,
        campaign: &Campaign,
        step: &Step,
        decision: Decision,
    ) -> Result<Option<(Vec<NewRun>, Vec<NewOccurrence>)>, FireError> {
        let Decision { fire, mut rows, .. } = decision;
        // While everything stands still a worker or none makes no difference.
        if let Some(reason) = held(campaign, look.stopped).filter(|_| look.stopped.is_some()) {
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
            rows.extend(held_back(&fire, kind, reason, detail.as_deref()));
            return Ok(Some((Vec::new(), rows)));
        }
        let is_added = |row: &NewOccurrence| row.reason == OccurrenceReason::Added;
        if rows.iter().any(is_added)
            && let Some(same) = same_text::find(&self.store, look.loaded, campaign, step, look.now).await?
        {
            for row in rows.iter_mut().filter(|row| is_added(row)) {
                (row.kind, row.reason) = (OccurrenceKind::Held, OccurrenceReason::SameText);
                row.detail = Some(same.clone());
            }
        }
        if fire.is_empty() {
            return Ok(Some((Vec::new(), rows)));
        }
        if let Some(reason) = held(campaign, look.stopped) {
            rows.extend(held_back(&fire, OccurrenceKind::Held, reason, None));
            return Ok(Some((Vec::new(), rows)));
        }
        if let Some(run) = self.in_the_way(look, campaign, step).await? {
            match step.schedule.overlap {
                Overlap::Allow => {}
                Overlap::Queue => return Ok(None),
                Overlap::Skip => {
                    let detail = Some(run.to_string());
                    rows.extend(held_back(
                        &fire,
                        OccurrenceKind::Skipped,
                        OccurrenceReason::Overlap,
                        detail.as_deref(),
                    ));
                    return Ok(Some((Vec::new(), rows)));
                }
            }
        }
        if let Some(same) = same_text::find(&self.store, look.loaded, campaign, step, look.now).await? {
            rows.extend(held_back(&fire, OccurrenceKind::Held, OccurrenceReason::SameText, Some(&same)));
            return Ok(Some((Vec::new(), rows)));
        }
        let revision = revision(&self.store, look.loaded, campaign, step, Millis::from(look.now)).await?;
        let channel = look.loaded.0.channels.get(&step.channel);
        let run = |due: &Due| {
            let mut run = new_run(campaign, step, channel, revision, &due.occurrence, RunKind::Scheduled);
            run.origin.missed_to = due.missed_to;
            run.origin.own_clock = decision::is_own_clock(&due.occurrence);
            run
        };
        Ok(Some((fire.iter().map(run).collect(), rows)))
    }

    /// A run of the step of which somebody was not tried yet. A paused run is in nobody's way, nor are those whom the
    /// other side put off, nor those whose own time is still to come.
    async fn in_the_way(
        &self,
        look: &Look<'_>,
        campaign: &Campaign,
        step: &Step,
    ) -> Result<Option<RunId>, StoreError> {
        let of_step = |run: &&Run| {
            run.kind == RunKind::Scheduled
                && run.campaign == campaign.id.as_str()
                && run.step == step.id.as_str()
        };
        for run in look.live.iter().filter(of_step) {
            let untried = match run.state {
                RunState::Planned => true,
                RunState::Running => self.store.run_is_untried(run.id, Millis::from(look.now)).await?,
                _ => false,
            };
            if untried {
                return Ok(Some(run.id));
            }
        }
        Ok(None)
    }

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
        let advance = Advance { campaign, step, from, to, definition, history: None, runs, occurrences };
        let Some(made) = self.store.schedule_advance(&advance, to).await? else {
            // Another process was faster: read its rows before the next look.
            self.rows = None;
            return Ok(());
        };
        self.quiet.remove(&key);
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

/// Writes down, as held, all that fell due while everything stood still and no worker ran: so that ending the stop sends
/// nothing by itself.
///
/// # Errors
/// The database refused or went away.
pub async fn hold_due(
    store: &Store,
    loaded: &Loaded,
    clock: &Clock,
    stopped: &Stopped,
) -> Result<(), StoreError> {
    let live = store.run_live().await?;
    Planner::new(store.clone(), clock.clone()).tick(loaded, &live, Some(stopped)).await
}

/// Sees the steps of a workspace for the first time at `now`: what lies before it is decided. Where each contact's own clock
/// counts, the planner sees them, and takes those in whose own time is still to come.
///
/// # Errors
/// The database refused or went away.
pub async fn see(store: &Store, loaded: &Loaded, now: Timestamp) -> Result<(), StoreError> {
    let mut steps = Vec::new();
    for campaign in loaded.0.campaigns.values() {
        let by_itself = campaign.steps.iter().filter(|step| {
            matches!(step.schedule.zone, schedule::Zone::Fixed(_))
                && !matches!(step.schedule.trigger, Trigger::After { .. })
        });
        steps.extend(by_itself.map(|step| (key(campaign, step), definition(campaign, step))));
    }
    store.schedule_see(&steps, Millis::from(now)).await
}

/// The steps that follow another, or those that do not.
fn steps(loaded: &Loaded, following: bool) -> Vec<(&Campaign, &Step)> {
    let campaigns = loaded.0.campaigns.values();
    let steps = campaigns.flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
    steps.filter(|(_, step)| matches!(step.schedule.trigger, Trigger::After { .. }) == following).collect()
}

/// What goes wrong with one step is logged and keeps nothing else from being looked at, but for the database.
fn told(campaign: &Campaign, step: &Step, result: Result<(), FireError>) -> Result<(), StoreError> {
    match result {
        Ok(()) => Ok(()),
        Err(FireError::Store(error)) => Err(error),
        Err(error) => {
            tracing::error!(campaign = %campaign.id, step = %step.id, %error, "cannot fire a step");
            Ok(())
        }
    }
}

/// Why nothing of a campaign goes out for now.
pub(crate) fn held(campaign: &Campaign, stopped: Option<&Stopped>) -> Option<OccurrenceReason> {
    match stopped.map(|stopped| stopped.reason) {
        Some(StopReason::Copy) => Some(OccurrenceReason::Copy),
        Some(StopReason::Stop) => Some(OccurrenceReason::Stop),
        None => campaign.hold.then_some(OccurrenceReason::Hold),
    }
}

fn held_back(
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

pub(crate) fn key(campaign: &Campaign, step: &Step) -> StepKey {
    (campaign.id.to_string(), step.id.to_string())
}

/// What decides the step's times, as it is stored.
pub(crate) fn definition(campaign: &Campaign, step: &Step) -> String {
    let definition = Definition::of(&step.schedule, campaign.starts, campaign.ends);
    // It holds numbers and texts only, which always have a JSON.
    serde_json::to_string(&definition).unwrap_or_default()
}
