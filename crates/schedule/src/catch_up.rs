//! The rules for missed occurrences: which of those that fell due still fire.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{CatchUp, Occurrence, Schedule, ScheduleZone};

/// The greatest lateness of an occurrence that counts as on time.
pub const ON_TIME_TOLERANCE: Duration = Duration::from_secs(60);

/// The maximum number of missed occurrences that [`CatchUp::All`] fires in one decision.
pub const MAX_CATCH_UP: usize = 1000;

/// The minimum lookback of [`Schedule::due`], so that it lists skipped occurrences even with a
/// short window.
const MIN_LOOKBACK: Duration = Duration::from_secs(31 * 24 * 3600);

/// The maximum lookback of [`Schedule::due`], for any window.
const MAX_LOOKBACK: Duration = Duration::from_secs(366 * 24 * 3600);

/// The time from the first to the last instant at which some zone shows a wall-clock time: from
/// UTC+14 to UTC−12.
const ALL_ZONES_SPAN: Duration = Duration::from_secs(26 * 3600);

/// Divides the occurrences that fell due since the last decision into those to fire and those to
/// skip, each in the order given.
///
/// `due` are all occurrences after the watermark and up to `now`, as [`Schedule::occurrences`]
/// returns them. Lateness is counted from `until`: with contacts' own zones, an occurrence is late
/// only when its time has passed in every zone, because until then contacts who are late are
/// handled individually.
///
/// - At most [`ON_TIME_TOLERANCE`] late: on time. It fires, whatever `catch_up` is.
/// - Later than that: missed. [`CatchUp::Skip`] fires none of them. [`CatchUp::Latest`] fires the
///   latest of all: a missed one only if none is on time, and if it is at most `window` late.
///   [`CatchUp::All`] fires all that are at most `window` late, but only the latest
///   [`MAX_CATCH_UP`].
///
/// What does not fire is skipped for good: the caller moves its watermark to `now`. The list must
/// not be cut by a limit, or its last entry is not the latest occurrence; see [`Schedule::due`].
#[must_use]
pub fn decide(
    catch_up: CatchUp,
    window: Duration,
    due: Vec<Occurrence>,
    now: Timestamp,
) -> (Vec<Occurrence>, Vec<Occurrence>) {
    let mut remaining = match catch_up {
        CatchUp::Skip => 0,
        CatchUp::Latest => usize::from(due.iter().all(|it| late(it, ON_TIME_TOLERANCE, now))),
        CatchUp::All => MAX_CATCH_UP,
    };
    // From the latest to the earliest, so that the limit keeps the latest.
    let (mut fire, mut skipped): (Vec<_>, Vec<_>) = due.into_iter().rev().partition(|occurrence| {
        if late(occurrence, ON_TIME_TOLERANCE, now) {
            let missed_fires = remaining > 0 && !late(occurrence, window, now);
            remaining -= usize::from(missed_fires);
            missed_fires
        } else {
            true
        }
    });
    fire.reverse();
    skipped.reverse();
    (fire, skipped)
}

fn late(occurrence: &Occurrence, allowed: Duration, now: Timestamp) -> bool {
    let by = now.duration_since(occurrence.until);
    SignedDuration::try_from(allowed).is_ok_and(|allowed| by > allowed)
}

impl Schedule {
    /// Applies [`decide`] to everything that fell due after the watermark `after` and up to `now`.
    ///
    /// Looks back over the window, at least 31 and at most 366 days, so that a long downtime costs
    /// little: what fell due before that is skipped without being listed.
    #[must_use]
    pub fn due(&self, after: Timestamp, now: Timestamp) -> (Vec<Occurrence>, Vec<Occurrence>) {
        let lookback = self.catch_up_window.clamp(MIN_LOOKBACK, MAX_LOOKBACK) + ALL_ZONES_SPAN;
        let earliest = now.saturating_sub(lookback).unwrap_or(Timestamp::MIN);
        let due = self.occurrences(after.max(earliest), now, usize::MAX);
        decide(self.catch_up, self.catch_up_window, due, now)
    }

    /// Returns true if an occurrence of this schedule lies within a campaign's `starts` and `ends`,
    /// both included.
    ///
    /// With contacts' own zones, the due time in the brand's zone decides: a campaign that starts
    /// on 1 March, brand's time, keeps its occurrence at 00:00 on 1 March for all contacts,
    /// although that time comes earlier in the east.
    #[must_use]
    pub fn within(
        &self,
        occurrence: &Occurrence,
        starts: Option<Timestamp>,
        ends: Option<Timestamp>,
    ) -> bool {
        let instant = match &self.zone {
            ScheduleZone::Fixed(_) => occurrence.instant,
            ScheduleZone::Contact { fallback } => occurrence.moment.due_in(fallback),
        };
        starts.is_none_or(|starts| starts <= instant) && ends.is_none_or(|ends| instant <= ends)
    }
}
