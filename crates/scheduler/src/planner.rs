//! From the files' schedules to runs: what fell due since it was last looked at, fired once.
//!
//! A step's watermark says up to which instant its occurrences have been decided. It moves in the transaction
//! that makes the runs, so that no restart, clock step or second process fires twice or misses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use campaign::{Campaign, Occurrence, Overlap, Step, Trigger, Zone, schedule};
use jiff::{SignedDuration, Timestamp};
use store::{Clock, Millis, NewRun, Run, RunKind, Store, StoreError};

use tokio::time::Instant;

use crate::Loaded;
use crate::fire::{FireError, millis, new_run, revision};

/// The whole day that one wall-clock time takes to go round the Earth: from UTC+14 to UTC−12.
const ROUND_THE_EARTH: SignedDuration = SignedDuration::from_hours(26);

/// Makes runs out of schedules.
pub(crate) struct Planner {
    store: Store,
    clock: Clock,
    watermarks: Option<BTreeMap<Key, Millis>>,
    /// Until when nothing can fall due, so that an idle worker computes no calendars.
    quiet: BTreeMap<Key, Timestamp>,
    /// The reading of the files that `quiet` was computed from.
    seen: Option<Loaded>,
    next_follow: Option<Instant>,
}

/// A campaign and a step.
type Key = (String, String);

/// How often `after` steps are looked at.
const FOLLOW: Duration = Duration::from_secs(2);

impl Planner {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, watermarks: None, quiet: BTreeMap::new(), seen: None, next_follow: None }
    }

    /// Looks at every step once, and makes the runs that fell due. `live` are the runs that have not ended.
    pub(crate) async fn tick(&mut self, loaded: &Loaded, live: &[Run]) -> Result<(), StoreError> {
        if self.watermarks.is_none() {
            let all = self.store.schedule_all().await?;
            self.watermarks = Some(all.into_iter().map(|(key, row)| (key, row.planned_through)).collect());
        }
        if !self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, loaded)) {
            self.quiet.clear();
            self.seen = Some(Arc::clone(loaded));
        }
        let follow = self.next_follow.is_none_or(|next| Instant::now() >= next);
        if follow {
            self.next_follow = Some(Instant::now() + FOLLOW);
        }
        for campaign in loaded.0.campaigns.values() {
            for step in &campaign.steps {
                if !follow && matches!(step.schedule.trigger, Trigger::After { .. }) {
                    continue;
                }
                match self.look(loaded, campaign, step, live).await {
                    Ok(()) => {}
                    Err(FireError::Store(error)) => return Err(error),
                    Err(error) => {
                        tracing::error!(campaign = %campaign.id, step = %step.id, %error, "cannot fire a step");
                    }
                }
            }
        }
        Ok(())
    }

    async fn look(
        &mut self,
        loaded: &Loaded,
        campaign: &Campaign,
        step: &Step,
        live: &[Run],
    ) -> Result<(), FireError> {
        if let Trigger::After { step: parent, delay, condition } = &step.schedule.trigger {
            let follow = Follow { campaign, step, parent: parent.as_str(), delay: *delay };
            return self.follow(loaded, &follow, *condition).await;
        }
        let now = self.clock.now();
        let key = (campaign.id.to_string(), step.id.to_string());
        if self.quiet.get(&key).is_some_and(|until| now < *until) {
            return Ok(());
        }
        let mark = self.watermarks.as_ref().and_then(|marks| marks.get(&key).copied());
        let from = mark.map_or_else(|| first_sight(step, now), from_millis);
        if mark.is_some() && now <= from {
            return Ok(());
        }
        let (mut due, any) = due(campaign, step, from, now);
        if mark.is_none() {
            due.retain(|occurrence| is_ahead(step, occurrence, now));
        }
        if !any && mark.is_some() {
            let next = step.schedule.occurrences(now, Timestamp::MAX, 1);
            let until = next.first().map_or(Timestamp::MAX, |occurrence| occurrence.instant);
            self.quiet.insert(key, until);
            return Ok(());
        }
        let running = live.iter().any(|run| overlaps(run, &key, step, now));
        if running && !due.is_empty() && step.schedule.overlap == Overlap::Queue {
            return Ok(());
        }
        let fire = if running { Vec::new() } else { due };
        let runs = self.runs(loaded, campaign, step, &fire).await?;
        self.advance(key, mark, now, &runs).await
    }

    async fn runs(
        &self,
        loaded: &Loaded,
        campaign: &Campaign,
        step: &Step,
        fire: &[Occurrence],
    ) -> Result<Vec<NewRun>, FireError> {
        if fire.is_empty() {
            return Ok(Vec::new());
        }
        let revision = revision(&self.store, loaded, campaign, step, self.clock.millis()).await?;
        let channel = loaded.0.channels.get(&step.channel);
        let run = |occurrence| new_run(campaign, step, channel, revision, occurrence, RunKind::Scheduled);
        Ok(fire.iter().map(run).collect())
    }

    async fn advance(
        &mut self,
        key: Key,
        mark: Option<Millis>,
        now: Timestamp,
        runs: &[NewRun],
    ) -> Result<(), FireError> {
        let to = now.as_millisecond();
        let advance = store::Advance {
            campaign: &key.0,
            step: &key.1,
            from: mark,
            to,
            definition: "{}",
            history: None,
            runs,
            occurrences: &[],
        };
        let fired = self.store.schedule_advance(&advance, to).await?;
        match fired {
            Some(ids) => {
                for id in &ids {
                    tracing::info!(run = id.0, campaign = key.0, step = key.1, "fired");
                }
                if let Some(marks) = &mut self.watermarks {
                    marks.insert(key, to);
                }
            }
            // Another process was faster: read its marks before the next look.
            None => self.watermarks = None,
        }
        Ok(())
    }

    /// Makes the runs of an `after` step: one for each run of the earlier step, when its first recipient's
    /// delay has passed.
    async fn follow(
        &self,
        loaded: &Loaded,
        follow: &Follow<'_>,
        condition: Option<campaign::Condition>,
    ) -> Result<(), FireError> {
        let (campaign, step) = (follow.campaign, follow.step);
        let now = self.clock.now();
        let delay = follow.delay;
        let reach = delay.saturating_add(step.expires).saturating_add(Duration::from_secs(4 * 86_400));
        let since = now.as_millisecond().saturating_sub(millis(reach));
        let parents =
            self.store.run_parents(campaign.id.as_str(), follow.parent, step.id.as_str(), since).await?;
        for parent in parents {
            let Some(started) = parent.started_at else { continue };
            let due = from_millis(started.saturating_add(millis(delay)));
            let last = from_millis(parent.expires_at.saturating_add(millis(delay)));
            let bounded = campaign.ends.is_some_and(|ends| due > ends);
            if due > now || bounded {
                continue;
            }
            let instant = schedule::after(from_millis(parent.instant), delay).instant;
            let occurrence = Occurrence { instant, until: last, moment: campaign::Moment::Instant(due) };
            let revision = revision(&self.store, loaded, campaign, step, now.as_millisecond()).await?;
            let channel = loaded.0.channels.get(&step.channel);
            let mut run = new_run(campaign, step, channel, revision, &occurrence, RunKind::Scheduled);
            run.parent_id = Some(parent.id);
            run.condition = condition;
            self.store.run_insert(&run, now.as_millisecond()).await?;
        }
        Ok(())
    }
}

/// An `after` step and the step it follows.
struct Follow<'a> {
    campaign: &'a Campaign,
    step: &'a Step,
    parent: &'a str,
    delay: Duration,
}

/// Whether a run of the step is still going. With contacts' own zones a run takes a day by its nature: it
/// overlaps only when it is still going after that.
fn overlaps(run: &Run, key: &Key, step: &Step, now: Timestamp) -> bool {
    let same = run.kind == RunKind::Scheduled && run.campaign == key.0 && run.step == key.1;
    let day = match step.schedule.zone {
        Zone::Contact { .. } => ROUND_THE_EARTH,
        Zone::Fixed(_) => SignedDuration::ZERO,
    };
    same && from_millis(run.instant).saturating_add(day).is_ok_and(|over| over <= now)
}

fn from_millis(millis: Millis) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// From when on a step that was never seen before is looked at. What repeats starts with its next time; what
/// happens once is caught up like any other; contacts' own zones are joined where it is not yet that time.
fn first_sight(step: &Step, now: Timestamp) -> Timestamp {
    match (&step.schedule.trigger, &step.schedule.zone) {
        (Trigger::At(_), _) => Timestamp::UNIX_EPOCH,
        (_, Zone::Contact { .. }) => now.checked_sub(ROUND_THE_EARTH).unwrap_or(now),
        (_, Zone::Fixed(_)) => now,
    }
}

/// Whether a step that is seen for the first time joins in: with contacts' own zones, only where it is not yet
/// that time on the brand's clock.
fn is_ahead(step: &Step, occurrence: &Occurrence, now: Timestamp) -> bool {
    match (&step.schedule.trigger, &step.schedule.zone) {
        (Trigger::Cron(_), Zone::Contact { fallback }) => occurrence.moment.due_in(fallback) > now,
        _ => true,
    }
}

/// What is to be fired of what fell due, and whether anything fell due at all.
fn due(campaign: &Campaign, step: &Step, from: Timestamp, now: Timestamp) -> (Vec<Occurrence>, bool) {
    let (mut fire, missed) = step.schedule.due(from, now);
    let any = !fire.is_empty() || !missed.is_empty();
    fire.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
    if !missed.is_empty() {
        tracing::warn!(step = %step.id, missed = missed.len(), "occurrences were missed and are not caught up");
    }
    (fire, any)
}
