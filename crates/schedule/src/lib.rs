//! Schedules: what makes a step of a campaign fire, and the occurrences that follow between two instants.
//!
//! A [`Trigger`] is a cron expression ([`Cron::parse`]), a rhythm in words ([`every`]), dates, a delay after another
//! step, or nothing but a person. A [`Schedule`] adds the [`Zone`] whose clock counts, and what happens to
//! occurrences that were missed ([`CatchUp`], [`Schedule::due`]) or that meet a run which is still going
//! ([`Overlap`]). [`Schedule::describe`] says it in English and Chinese, [`Definition`] stores it, [`duration`] reads
//! lengths of time such as `3d`.
//!
//! Invariants:
//! - Nothing reads a clock, a file or the machine's zone: instants are arguments.
//! - The same schedule gives the same occurrences in every process, in order, none twice; a time in a gap of the
//!   clock fires at the first instant after it, a time that comes twice at the first.
//! - A text that cannot be read is an error with the bytes it is about and what to write instead ([`CronError`]).
//!
//! ```
//! use schedule::{CatchUp, Cron, Overlap, Schedule, Trigger, Zone};
//!
//! let schedule = Schedule {
//!     trigger: Trigger::Cron(Cron::parse("0 10 * * TUE")?),
//!     zone: Zone::Fixed(jiff::tz::TimeZone::get("Asia/Shanghai")?),
//!     catch_up: CatchUp::Latest,
//!     catch_up_window: std::time::Duration::from_secs(3600),
//!     overlap: Overlap::Skip,
//! };
//! assert_eq!(schedule.describe(), "every Tuesday at 10:00, Asia/Shanghai time");
//! let found = schedule.occurrences("2027-03-01T00:00:00Z".parse()?, "2027-03-10T00:00:00Z".parse()?, 10);
//! let instants: Vec<_> = found.iter().map(|occurrence| occurrence.instant.to_string()).collect();
//! assert_eq!(instants, ["2027-03-02T02:00:00Z", "2027-03-09T02:00:00Z"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calendar;
mod catch_up;
mod cron;
mod definition;
mod describe;
pub mod duration;
mod error;
mod every;
mod field;
mod field_text;
mod id;
mod piece;
#[cfg(test)]
mod tests;
mod values;
mod zone;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub use crate::catch_up::{GRACE, MOST_AT_ONCE, decide};
pub use crate::cron::Cron;
pub use crate::definition::Definition;
pub use crate::error::{CronError, CronErrorKind};
pub use crate::every::every;
pub use crate::field::Field;
pub use crate::id::{BadName, StepId};

/// A step's `when`, complete.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// What makes it fire.
    pub trigger: Trigger,
    /// Whose clock it follows.
    pub zone: Zone,
    /// What happens to occurrences missed while nothing ran.
    pub catch_up: CatchUp,
    /// How long ago a missed occurrence may be and still fire; default one hour.
    pub catch_up_window: Duration,
    /// What happens when the last run of the step is still going.
    pub overlap: Overlap,
}

/// What makes a step fire.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// A POSIX five-field expression, or `every`, which is read into the same.
    Cron(Cron),
    /// Once, at this wall-clock time in the schedule's zone.
    At(DateTime),
    /// At each of these wall-clock times in the schedule's zone, in order, none twice.
    Dates(Vec<DateTime>),
    /// When `delay` has passed since an earlier step reached the contact.
    After {
        /// The earlier step.
        step: StepId,
        /// How long after it.
        delay: Duration,
        /// Only for those who did, or did not do, something with it.
        condition: Option<Condition>,
    },
    /// Never by itself: only by `chorus send`.
    ByHand,
}

/// Whether a contact goes on, by what they did with the earlier step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Only those who did.
    If(Reaction),
    /// Only those who did not.
    Unless(Reaction),
}

/// What a contact can do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Opened it.
    Opened,
    /// Followed a link.
    Clicked,
    /// Did what the campaign is for.
    Converted,
}

/// Whose wall clock a schedule follows.
#[derive(Debug, Clone)]
pub enum Zone {
    /// One zone for everybody (an IANA name, or the brand's).
    Fixed(TimeZone),
    /// Each contact's own; the brand's, given here, where none is known.
    Contact {
        /// The brand's zone.
        fallback: TimeZone,
    },
}

/// What happens to occurrences missed while nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CatchUp {
    /// Only the latest one.
    #[default]
    Latest,
    /// No missed occurrence.
    Skip,
    /// Every one.
    All,
}

/// What happens when the last run of the step is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// The new occurrence is passed over.
    #[default]
    Skip,
    /// It waits for the last one to be handed out.
    Queue,
    /// It fires beside the last one.
    Allow,
}

/// When a step falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// At one instant for everybody.
    Instant(Timestamp),
    /// At this wall-clock time where each contact is.
    Local(DateTime),
}

/// One firing of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The key of the run. With contacts' own zones: the first instant at which it is that time anywhere
    /// (UTC+14).
    pub instant: Timestamp,
    /// The last instant at which anybody falls due: `instant`, or with contacts' own zones the time at UTC−12.
    pub until: Timestamp,
    /// When deliveries fall due.
    pub moment: Moment,
}

impl Schedule {
    /// Every occurrence with `after < instant <= until`, in order. Empty for [`Trigger::After`], whose
    /// occurrences follow another step's runs, and for [`Trigger::ByHand`]. Bounded: stops after `limit`, and at the end of 2100.
    ///
    /// In one zone, every wall-clock time of the schedule fires at most once. A time that occurs twice fires at
    /// the first. All times that a gap leaps over fall on the first instant after it, together with the time
    /// shown there, and make one occurrence: `*/15 * * * *` fires 92 times on a day of 23 hours, 96 on one of
    /// 25, and rests while the repeated hour runs again.
    #[must_use]
    pub fn occurrences(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Occurrence> {
        let walls: Box<dyn Iterator<Item = DateTime>> = match &self.trigger {
            Trigger::Cron(cron) => Box::new(cron.walls_after(self.zone.shows(after))),
            Trigger::At(wall) => Box::new(std::iter::once(*wall)),
            Trigger::Dates(walls) => Box::new(walls.iter().copied()),
            Trigger::After { .. } | Trigger::ByHand => return Vec::new(),
        };
        let mut found: Vec<Occurrence> = Vec::new();
        for occurrence in walls.map(|wall| self.zone.occurrence(wall)) {
            if found.len() >= limit || occurrence.instant > until {
                break;
            }
            // Not yet fired: neither in the first run of a repeated hour, nor with the rest of its gap.
            if occurrence.instant > found.last().map_or(after, |last| last.instant) {
                found.push(occurrence);
            }
        }
        found
    }
}

impl Zone {
    /// A wall-clock time such that everything that falls due after `instant` is later on the clock.
    fn shows(&self, instant: Timestamp) -> DateTime {
        match self {
            Self::Fixed(zone) => zone.to_datetime(instant),
            Self::Contact { .. } => zone::FIRST.to_datetime(instant),
        }
    }

    fn occurrence(&self, wall: DateTime) -> Occurrence {
        match self {
            Self::Fixed(zone) => at_instant(zone::resolve(wall, zone)),
            Self::Contact { .. } => Occurrence {
                instant: zone::at(wall, zone::FIRST),
                until: zone::at(wall, zone::LAST),
                moment: Moment::Local(wall),
            },
        }
    }
}

impl Moment {
    /// The instant at which it falls due for somebody in `zone`: a time in a gap at the first instant after
    /// it, a time that occurs twice at the first.
    ///
    /// For zones between UTC−12 and UTC+14, which are all there are, it lies between the `instant` and the
    /// `until` of its occurrence.
    #[must_use]
    pub fn due_in(&self, zone: &TimeZone) -> Timestamp {
        match *self {
            Self::Instant(instant) => instant,
            Self::Local(wall) => zone::resolve(wall, zone),
        }
    }
}

/// The run of an `after` step that follows a parent run at `parent`: `parent + delay`.
#[must_use]
pub fn after(parent: Timestamp, delay: Duration) -> Occurrence {
    at_instant(parent.saturating_add(delay).unwrap_or(Timestamp::MAX))
}

const fn at_instant(instant: Timestamp) -> Occurrence {
    Occurrence { instant, until: instant, moment: Moment::Instant(instant) }
}
