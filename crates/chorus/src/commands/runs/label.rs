//! Texts for the state and time of runs.

use store::{Run, RunState};

use terminal::time;

/// Formats the time of a run, as local time if the run follows the contacts' time zones.
pub(crate) fn show_instant(run: &Run, zone: &jiff::tz::TimeZone) -> String {
    match dashboard::contact_local_time(run) {
        Some(at) => time::show_contact_time(at),
        None => time::show_millis(run.instant, zone),
    }
}

/// Returns the state of a run in words.
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
