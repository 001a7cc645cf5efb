//! Texts for occurrences that did not run, and for a stop of all sending.

use store::{Millis, OccurrenceKind, OccurrenceReason, OccurrenceRow, StopReason, Stopped};

/// Describes the state of an occurrence that did not run, and the reason. `detail` is the number of
/// a run, the name of a step or a time, depending on the reason.
#[must_use]
pub fn occurrence(kind: OccurrenceKind, reason: OccurrenceReason, detail: Option<&str>) -> String {
    let number = detail;
    let detail = detail.unwrap_or("?");
    let why = match reason {
        OccurrenceReason::Off => "nothing was running".to_owned(),
        OccurrenceReason::Edited => "its time was edited, and this one lay before the edit".to_owned(),
        OccurrenceReason::Added => "its time had passed when the step was added".to_owned(),
        OccurrenceReason::FileError => "the campaign's file had an error; `chorus check` shows it".to_owned(),
        OccurrenceReason::Absent => "the campaign's file was absent".to_owned(),
        OccurrenceReason::Overlap => match number {
            Some(run) => format!("run {run} of the step had not been handed out"),
            None => "the day's run of the step is still going, by the step's earlier schedule".to_owned(),
        },
        OccurrenceReason::Hold => "the campaign said hold = true".to_owned(),
        OccurrenceReason::Stop => "everything was stopped by `chorus stop`".to_owned(),
        OccurrenceReason::Copy => "this database is a copy: it may have run where the original is".to_owned(),
        OccurrenceReason::SameText => {
            format!("same text as {detail}, which is gone and reached these people")
        }
        OccurrenceReason::AlreadySent => format!("it happens once, and run {detail} was it"),
        OccurrenceReason::ByHand => "a person skipped it".to_owned(),
        OccurrenceReason::Ends => "the campaign had ended".to_owned(),
        OccurrenceReason::ClockBack => {
            format!("the clock was ahead, at {detail}, and was put back; schedules go on from now")
        }
    };
    let kind = match kind {
        OccurrenceKind::Skipped => "skipped",
        OccurrenceKind::Missed => "missed",
        OccurrenceKind::Held => "held",
        OccurrenceKind::Ended => "past its end",
        OccurrenceKind::Clock => "clock",
    };
    format!("{kind}: {why}")
}

/// Returns the notice about one worker.
pub(crate) fn worker_note(worker: &str, note: &str) -> String {
    format!("Worker {worker}: {note}.")
}

/// Returns the due time of an occurrence, or of the range of occurrences that its row stands for.
/// `show` formats a time.
pub fn occurrence_time(row: &OccurrenceRow, show: impl Fn(Millis) -> String) -> String {
    match row.through {
        Some(through) if row.count > 1 => {
            format!("{} to {} ({} times)", show(row.instant), show(through), row.count)
        }
        _ => show(row.instant),
    }
}

/// Returns the notice that all sending is stopped, with the reason and what to do.
#[must_use]
pub fn stopped(stopped: &Stopped) -> String {
    match stopped.reason {
        StopReason::Stop => "Everything is stopped: nothing goes out until `chorus start`.".to_owned(),
        StopReason::Copy => format!(
            "Everything is held: {}. `chorus doctor` says what may have gone out since; `chorus start` goes on.",
            stopped.detail
        ),
    }
}

pub(crate) const DID_NOT_RUN: &str = "Did not run";
pub(crate) const WHAT_TO_DO: &str = "What to do";
pub(crate) const RUN_NOW: &str = "Run now";
pub(crate) const DISMISS: &str = "Dismiss";
pub(crate) const AN_OCCURRENCE: &str = "There is no such occurrence, or it was decided meanwhile.";
