//! Runs a trial.

use std::time::Duration;

use anyhow::Result;

use super::stage::Stage;
use super::{Progress, Trial, Verdict, kill, round, stale_worker};
use crate::chance::Chance;

impl Trial<'_> {
    /// Kills until it was often enough, letting every run end.
    ///
    /// # Errors
    /// When something other than a promise fails: a program cannot be started, a run never ends.
    pub fn run(&self, tell: &mut dyn FnMut(Progress)) -> Result<Verdict> {
        let stage = Stage::set(self)?;
        let mut verdict = Verdict::default();
        let mut sequence = kill::KillSequence::new(Chance::seeded(self.seed));
        while verdict.kills.len() < self.kills {
            round::run(self, &stage, &mut sequence, &mut verdict, tell)?;
        }
        Ok(verdict)
    }

    /// Has one of two workers sleep for longer than its lease in the middle of a run, and wake up when the other
    /// has taken over. `asleep` is longer than a lease.
    ///
    /// # Errors
    /// As [`Trial::run`].
    pub fn stale_worker(&self, asleep: Duration) -> Result<Verdict> {
        let stage = Stage::set(self)?;
        stale_worker::run(self, &stage, asleep)
    }
}
