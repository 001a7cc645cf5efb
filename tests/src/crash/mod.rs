//! The crash trial: kills `chorus` over and over while it sends, and counts at the other end who got what.
//!
//! What must hold, whenever it is killed: nobody is lost; a letter is repeated only if, when its sender was
//! killed, its end was out and its answer not yet read, which is at most one for each connection; every copy has
//! the same Message-ID; every repeat is listed by `chorus runs show`.

mod database;
mod judge;
mod kill;
mod life;
mod round;
mod run;
mod stage;
mod stale_worker;

use std::time::{Duration, Instant};

use crate::tools::Tools;
pub use database::Database;
pub use kill::Moment;

/// What is tried.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    /// The executable under test, and what the databases need.
    pub tools: &'a Tools,
    /// Where the truth is kept.
    pub database: Database<'a>,
    /// How many processes send at once.
    pub workers: usize,
    /// How many people each run goes to.
    pub recipients: usize,
    /// How often somebody is killed.
    pub kills: usize,
    /// When it is killed.
    pub when: When,
    /// What everything random follows from.
    pub seed: u64,
}

/// When the processes of a trial are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At any moment, while the relay takes its time to answer.
    Sending,
    /// While a run is made; then it goes out as fast as it can.
    Planning,
}

/// How far a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Kills so far.
    pub kills: usize,
    /// Runs begun so far.
    pub runs: usize,
    /// Messages taken in this run.
    pub accepted: usize,
}

/// One kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// What the process was doing.
    pub moment: Moment,
    /// When it was struck.
    pub struck: Instant,
    /// How many messages were waiting for a final answer.
    pub awaiting: usize,
    /// How many of them were sent again.
    pub repeats: usize,
}

/// What came of a trial.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Every kill, in order.
    pub kills: Vec<Kill>,
    /// Runs that were begun, all of which ended.
    pub runs: usize,
    /// Messages that the relay took, repeats included.
    pub accepted: usize,
    /// People who were in a run and got nothing.
    pub lost: usize,
    /// How many repeats `chorus runs show` tells of: those that may have been, of which some were not.
    pub told: usize,
    /// How often a process that was asked to end did so by itself, and how long that took at most.
    pub stops: (usize, Duration),
    /// The longest time from the start of a process that goes on with a run to its first message.
    pub start: Option<Duration>,
    /// How long it took until what a sleeping worker had begun was in other hands.
    pub takeover: Option<Duration>,
    /// Every promise that was broken, in words.
    pub broken: Vec<String>,
}

impl Verdict {
    /// How many messages were sent again.
    #[must_use]
    pub fn repeats(&self) -> usize {
        self.kills.iter().map(|kill| kill.repeats).sum()
    }

    /// The most that were sent again after one kill.
    #[must_use]
    pub fn most(&self) -> usize {
        self.kills.iter().map(|kill| kill.repeats).max().unwrap_or(0)
    }

    /// Writes down that something happened to somebody that never should, with some of the cases.
    fn accuse(&mut self, what: &str, cases: &[String]) {
        if !cases.is_empty() {
            let some: Vec<&str> = cases.iter().take(5).map(String::as_str).collect();
            self.broken.push(format!("{} {what}, as\n  {}", cases.len(), some.join("\n  ")));
        }
    }
}
