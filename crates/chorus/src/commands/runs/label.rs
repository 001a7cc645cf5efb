//! The labels of runs: their state and time.

use store::{Run, RunState};

use crate::time;

/// The time of a run, in each contact's time zone where that counts.
pub(crate) fn show_instant(run: &Run, zone: &jiff::tz::TimeZone) -> String {
    match dashboard::own_clock(run) {
        Some(at) => time::show_own_clock(at),
        None => time::show_millis(run.instant, zone),
    }
}

/// The state of a run in words.
pub(super) fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Planned => "planned",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Finished => "finished",
        RunState::FinishedWithFailures => "finished with failures",
        RunState::Cancelled => "cancelled",
    }
}
