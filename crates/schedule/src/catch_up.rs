//! Which of the occurrences that fell due are still worth firing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{CatchUp, Occurrence, Schedule, Zone};

/// An occurrence that is no later than this is on time.
pub const GRACE: Duration = Duration::from_secs(60);

/// The most missed occurrences that [`CatchUp::All`] fires in one decision.
pub const MOST_AT_ONCE: usize = 1000;

/// How far [`Schedule::due`] looks back, however short the window, to tell what was passed over.
const SHORTEST_REACH: Duration = Duration::from_secs(31 * 24 * 3600);

/// How far it looks back, however long the window.
const LONGEST_REACH: Duration = Duration::from_secs(366 * 24 * 3600);

/// From UTC+14 to UTC−12: how long one wall-clock time lasts.
const AROUND_THE_WORLD: Duration = Duration::from_secs(26 * 3600);

/// Divides the occurrences that fell due since the last decision into those to fire and those passed over,
/// each in the order given.
///
/// `due` are all occurrences after the watermark and up to `now`, as [`Schedule::occurrences`] gives them. How
/// late one is, is counted from its `until`: with contacts' own zones, an occurrence is late only when the day
/// has ended everywhere, because until then contacts who are late are handled one by one.
///
/// - At most [`GRACE`] late: on time. Fires, whatever `catch_up` says.
/// - Later than that: missed. [`CatchUp::Skip`] fires none of them. [`CatchUp::Latest`] fires the latest
///   missed one, if it is at most `window` late. [`CatchUp::All`] fires every one that is at most `window`
///   late, of more than [`MOST_AT_ONCE`] only the latest so many.
///
/// Whatever does not fire is passed over for good: the caller moves its watermark to `now`. A list that was cut
/// by a limit is not complete, and its latest is not the latest; see [`Schedule::due`].
#[must_use]
pub fn decide(
    catch_up: CatchUp,
    window: Duration,
    due: Vec<Occurrence>,
    now: Timestamp,
) -> (Vec<Occurrence>, Vec<Occurrence>) {
    let mut room = match catch_up {
        CatchUp::Skip => 0,
        CatchUp::Latest => 1,
        CatchUp::All => MOST_AT_ONCE,
    };
    // From the latest to the earliest, so that room goes to the latest.
    let (mut fire, mut skipped): (Vec<_>, Vec<_>) = due.into_iter().rev().partition(|occurrence| {
        if late(occurrence, GRACE, now) {
            let missed_fires = room > 0 && !late(occurrence, window, now);
            room -= usize::from(missed_fires);
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
    /// [`decide`] over everything that fell due after the watermark `after` and up to `now`.
    ///
    /// Looks back over the window, at least 31 and at most 366 days, so that a long rest costs little: what fell
    /// due before that is passed over without being listed.
    #[must_use]
    pub fn due(&self, after: Timestamp, now: Timestamp) -> (Vec<Occurrence>, Vec<Occurrence>) {
        let reach = self.catch_up_window.clamp(SHORTEST_REACH, LONGEST_REACH) + AROUND_THE_WORLD;
        let earliest = now.saturating_sub(reach).unwrap_or(Timestamp::MIN);
        let due = self.occurrences(after.max(earliest), now, usize::MAX);
        decide(self.catch_up, self.catch_up_window, due, now)
    }

    /// Whether an occurrence of this schedule lies within a campaign's `starts` and `ends`, both included.
    ///
    /// With contacts' own zones it is judged by the moment at which it falls due in the brand's zone: a campaign
    /// that starts on 1 March, brand's time, keeps its occurrence at 00:00 on 1 March for everybody, although
    /// that comes earlier in the east.
    #[must_use]
    pub fn within(
        &self,
        occurrence: &Occurrence,
        starts: Option<Timestamp>,
        ends: Option<Timestamp>,
    ) -> bool {
        let instant = match &self.zone {
            Zone::Fixed(_) => occurrence.instant,
            Zone::Contact { fallback } => occurrence.moment.due_in(fallback),
        };
        starts.is_none_or(|starts| starts <= instant) && ends.is_none_or(|ends| instant <= ends)
    }
}
