//! The crash trial: kills `chorus` repeatedly while it sends, and counts at the relay which
//! messages arrived.
//!
//! These promises must hold for a kill at any time. No recipient is lost. A message is repeated
//! only if its final dot was sent and its answer was not yet read at the kill, which is at most one
//! message for each connection. Every copy has the same Message-ID. Every repeat is listed by
//! `chorus runs show`.

mod check;
mod database;
mod kill;
mod process;
mod round;
mod run;
mod setup;
mod stale_worker;

use std::time::{Duration, Instant};

use crate::tools::Tools;
pub use database::TestDatabase;
pub use kill::KillPoint;

/// The parameters of a crash trial.
#[derive(Debug, Clone)]
pub struct CrashTrial<'a> {
    /// The executable under test, and the database shells.
    pub tools: &'a Tools,
    /// The database that the processes share.
    pub database: TestDatabase<'a>,
    /// The number of processes that send at the same time.
    pub workers: usize,
    /// The number of recipients of each run.
    pub recipients: usize,
    /// The number of kills after which no further process is killed.
    pub kills: usize,
    /// The stage of a run in which processes are killed.
    pub when: KillTiming,
    /// The seed of all random choices.
    pub seed: u64,
}

/// The stage of a run in which the processes of a trial are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillTiming {
    /// At any moment of sending; the relay delays its answers.
    Sending,
    /// While a run is created; then it is sent as fast as possible.
    Planning,
}

/// The progress of a trial, for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of kills so far.
    pub kills: usize,
    /// The number of runs started so far.
    pub runs: usize,
    /// The number of messages that the relay has accepted in this run.
    pub accepted: usize,
}

/// One kill and its consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// The state in which the process was killed.
    pub point: KillPoint,
    /// The time of the kill.
    pub killed_at: Instant,
    /// The number of messages that were waiting for a final answer.
    pub awaiting: usize,
    /// The number of those messages that were sent again.
    pub repeats: usize,
}

/// The results of a trial.
#[derive(Debug, Clone, Default)]
pub struct TrialReport {
    /// Every kill, in the order of time.
    pub kills: Vec<Kill>,
    /// The number of runs that were started; all of them ended.
    pub runs: usize,
    /// The number of messages that the relay accepted, repeats included.
    pub accepted: usize,
    /// The number of recipients who got no message.
    pub lost: usize,
    /// The number of repeats that `chorus runs show` reports: possible repeats, of which some did
    /// not happen.
    pub reported_repeats: usize,
    /// The number of processes that exited after SIGTERM, and the longest time that one took.
    pub stops: (usize, Duration),
    /// The longest time from the start of a process that continues a run to its first message.
    pub start: Option<Duration>,
    /// The time until another worker took over the messages of a suspended one.
    pub takeover: Option<Duration>,
    /// A description of every broken promise.
    pub violations: Vec<String>,
}

impl TrialReport {
    /// Returns the number of messages that were sent again.
    #[must_use]
    pub fn repeats(&self) -> usize {
        self.kills.iter().map(|kill| kill.repeats).sum()
    }

    /// Returns the largest number of messages sent again after one kill.
    #[must_use]
    pub fn max_repeats(&self) -> usize {
        self.kills.iter().map(|kill| kill.repeats).max().unwrap_or(0)
    }

    /// Records a violation with some of its cases, if there are any.
    fn add_violation(&mut self, what: &str, cases: &[String]) {
        if !cases.is_empty() {
            let some: Vec<&str> = cases.iter().take(5).map(String::as_str).collect();
            self.violations.push(format!("{} {what}, as\n  {}", cases.len(), some.join("\n  ")));
        }
    }
}
