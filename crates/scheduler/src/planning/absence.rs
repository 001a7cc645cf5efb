//! Absent steps: records the steps that are not in the files any more, and pauses their runs.

use jiff::{SignedDuration, Timestamp};
use schedule::Definition;
use store::{
    Millis, OccurrenceKind, OccurrenceReason, PausedBy, Run, RunKind, RunState, StepKey, StoreError,
};

use super::decision::{MIN_ABSENCE, instant, row_of};
use super::{Planner, TickContext};
use crate::Loaded;
use crate::fire::revision;
use crate::fire_error::FireError;

/// The number of missed occurrences of a step whose file has errors that are recorded at once.
const MAX_ROWS_PER_TICK: usize = 50;

impl Planner {
    /// Records the steps that are absent. A step whose file has errors is not absent: it was not
    /// removed.
    pub(super) async fn note_absent(&mut self, loaded: &Loaded, now: Millis) -> Result<(), StoreError> {
        let is_absent = |key: &StepKey| match loaded.0.campaigns.get(key.0.as_str()) {
            Some(campaign) => campaign.steps.iter().all(|step| step.id.as_str() != key.1),
            None => loaded.0.campaigns_listed && !loaded.0.campaign_files.contains(&key.0),
        };
        let known = self.schedules();
        let gone = known.iter().filter(|(key, row)| row.gone_since.is_none() && is_absent(key));
        let gone: Vec<StepKey> = gone.map(|(key, _)| key.clone()).collect();
        let back = known.iter().filter(|(key, row)| {
            row.gone_since.is_some_and(|since| now.since(since) < MIN_ABSENCE) && !is_absent(key)
        });
        let back: Vec<StepKey> = back.map(|(key, _)| key.clone()).collect();
        if gone.is_empty() && back.is_empty() {
            return Ok(());
        }
        self.store.schedule_mark_absent(&gone, now).await?;
        self.store.schedule_mark_present(&back).await?;
        self.read_schedules().await
    }

    /// Records occurrences that fall due while a step's file has errors. They can still run, if the
    /// file is repaired in time.
    pub(super) async fn note_broken(&mut self, tick: &TickContext<'_>) -> Result<(), StoreError> {
        if self.broken.is_empty() {
            return Ok(());
        }
        let files = &tick.loaded.0;
        let late = tick.now.saturating_sub(SignedDuration::from_secs(60)).unwrap_or(Timestamp::MIN);
        let mut due = Vec::new();
        for (key, row) in self.schedules() {
            let broken = self.broken.contains(&key.0) && !files.campaigns.contains_key(key.0.as_str());
            let definition = row.definition.as_deref().filter(|_| broken);
            let definition = definition.and_then(|json| serde_json::from_str::<Definition>(json).ok());
            let Some(definition) = definition else { continue };
            let recorded_to = self.broken_recorded_to.get(key).copied().unwrap_or(Timestamp::MIN);
            let from = instant(row.planned_through).max(recorded_to);
            let missed = definition.occurrences(from, late, MAX_ROWS_PER_TICK);
            if !missed.is_empty() {
                due.push((key.clone(), missed));
            }
        }
        for (key, missed) in due {
            let rows: Vec<_> = missed
                .iter()
                .map(|at| row_of(at, OccurrenceKind::Missed, OccurrenceReason::FileError))
                .collect();
            self.store.occurrence_add(&key.0, &key.1, &rows, Millis::from(tick.now)).await?;
            self.broken_recorded_to.insert(key, late);
        }
        Ok(())
    }

    /// Pauses the runs of steps that have been absent for a minute, and resumes those whose step is
    /// back with the same text. Returns true if a run changed.
    pub(crate) async fn update_absent_runs(
        &mut self,
        loaded: &Loaded,
        live: &[Run],
    ) -> Result<bool, StoreError> {
        let now = Millis::from(self.clock.now());
        let mut changed = false;
        for run in live.iter().filter(|run| run.kind != RunKind::Test) {
            let row = self.schedules().get(&(run.campaign.clone(), run.step.clone()));
            let gone_since = row.and_then(|row| row.gone_since);
            let campaign = loaded.0.campaigns.get(run.campaign.as_str());
            let step = campaign.and_then(|campaign| {
                Some((campaign, campaign.steps.iter().find(|step| step.id.as_str() == run.step)?))
            });
            match (run.state, step) {
                (RunState::Planned | RunState::Running, None)
                    if gone_since.is_some_and(|since| now.since(since) >= MIN_ABSENCE) =>
                {
                    changed |= self.store.run_pause_by(run.id, PausedBy::Absent, &absent_note(run)).await?;
                }
                (RunState::Paused, Some((campaign, step))) if run.paused_by == Some(PausedBy::Absent) => {
                    let same = match revision(&self.store, loaded, campaign, step, now).await {
                        Ok(revision) => Some(revision) == run.revision_id,
                        Err(FireError::Store(error)) => return Err(error),
                        Err(_) => continue,
                    };
                    changed |= if same {
                        self.store.run_resume(run.id).await?
                    } else {
                        self.store.run_note(run.id, &changed_note(run)).await?
                    };
                }
                _ => {}
            }
        }
        Ok(changed)
    }
}

fn absent_note(run: &Run) -> String {
    format!(
        "its step {}/{} is not in the files any more; it goes on by itself when the file is back unchanged; \
         `chorus runs cancel {}` ends it",
        run.campaign, run.step, run.id
    )
}

fn changed_note(run: &Run) -> String {
    format!(
        "its step is back with another text than the run; `chorus runs resume {0}` goes on with the old text, `chorus \
         runs revise {0}` with that of the file",
        run.id
    )
}
