//! Entry points of the crash trial.

use std::time::Duration;

use anyhow::Result;

use super::setup::TrialSetup;
use super::{CrashTrial, Progress, TrialReport, kill, round, stale_worker};
use crate::rng::Rng;

impl CrashTrial<'_> {
    /// Runs the trial until it has its number of kills; every run is completed.
    ///
    /// # Errors
    /// Fails when something other than a promise fails: a program cannot be started, or a run never
    /// ends.
    pub fn run(&self, on_progress: &mut dyn FnMut(Progress)) -> Result<TrialReport> {
        let setup = TrialSetup::prepare(self)?;
        let mut report = TrialReport::default();
        let mut sequence = kill::KillSequence::new(Rng::seeded(self.seed));
        while report.kills.len() < self.kills {
            round::run(self, &setup, &mut sequence, &mut report, on_progress)?;
        }
        Ok(report)
    }

    /// Suspends one of two workers for longer than its lease in the middle of a run, and resumes it
    /// when the other has taken over. `suspend_time` is longer than a lease.
    ///
    /// # Errors
    /// As [`CrashTrial::run`].
    pub fn stale_worker(&self, suspend_time: Duration) -> Result<TrialReport> {
        let setup = TrialSetup::prepare(self)?;
        stale_worker::run(self, &setup, suspend_time)
    }
}
