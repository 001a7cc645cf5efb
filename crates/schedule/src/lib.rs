//! Schedules: the triggers of a campaign's steps, and their occurrences between two instants.
//!
//! A [`Trigger`] is a cron expression ([`Cron::parse`]), a recurrence in words ([`every`]), dates,
//! a delay after another step, or manual. A [`Schedule`] adds the time zone ([`ScheduleZone`]), the
//! rule for missed occurrences ([`CatchUp`], [`Schedule::due`]) and the rule for a run that is
//! still going when the next one is due ([`Overlap`]). [`Schedule::describe`] describes a schedule
//! in English or Chinese, [`Definition`] stores it, [`duration`] parses durations such as `3d`.
//!
//! Invariants:
//! - This crate reads no clock, no file and not the machine's time zone: instants are arguments.
//! - The same schedule gives the same occurrences in every process, in order, without duplicates; a
//!   time that a clock change skips fires at the first instant after the gap, a time that occurs
//!   twice at the first.
//! - A text that cannot be parsed gives an error with the byte range and a fix ([`CronError`]).
//!
//! ```
//! use schedule::{CatchUp, Cron, Overlap, Schedule, Trigger, ScheduleZone};
//!
//! let schedule = Schedule {
//!     trigger: Trigger::Cron(Cron::parse("0 10 * * TUE")?),
//!     zone: ScheduleZone::Fixed(jiff::tz::TimeZone::get("Asia/Shanghai")?),
//!     catch_up: CatchUp::Latest,
//!     catch_up_window: std::time::Duration::from_secs(3600),
//!     overlap: Overlap::Skip,
//! };
//! assert_eq!(schedule.describe(), "every Tuesday at 10:00, Asia/Shanghai time");
//! let (from, until) = ("2027-03-01T00:00:00Z".parse()?, "2027-03-10T00:00:00Z".parse()?);
//! let found = schedule.occurrences(from, until, 10);
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
mod spanned_text;
#[cfg(test)]
mod tests;
mod values;
mod zone;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub use crate::catch_up::{MAX_CATCH_UP, ON_TIME_TOLERANCE, decide};
pub use crate::cron::Cron;
pub use crate::definition::Definition;
pub use crate::error::{CronError, CronErrorKind};
pub use crate::every::every;
pub use crate::field::CronField;
pub use crate::id::{BadName, StepId};

/// The complete `when` of a step.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The events or times at which the step fires.
    pub trigger: Trigger,
    /// The time zone of its wall-clock times.
    pub zone: ScheduleZone,
    /// The rule for occurrences missed while no process ran.
    pub catch_up: CatchUp,
    /// The greatest lateness at which a missed occurrence still fires; one hour by default.
    pub catch_up_window: Duration,
    /// The rule for an occurrence that falls due while the previous run of the step is still going.
    pub overlap: Overlap,
}

/// The events or times at which a step fires.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// At the times of a POSIX five-field expression, or of `every`, which is parsed into one.
    Cron(Cron),
    /// Once, at this wall-clock time in the schedule's zone.
    At(DateTime),
    /// At each of these wall-clock times in the schedule's zone, in order, none twice.
    Dates(Vec<DateTime>),
    /// After `delay` has passed since an earlier step reached the contact.
    After {
        /// The earlier step of the same campaign.
        step: StepId,
        /// The time between the earlier step and this one.
        delay: Duration,
        /// A condition on the contact's reaction to the earlier step.
        condition: Option<Condition>,
    },
    /// Only manually, with `chorus send`.
    ByHand,
}

/// A condition on a contact's reaction to an earlier step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Only contacts with this reaction.
    If(Reaction),
    /// Only contacts without this reaction.
    Unless(Reaction),
}

/// A contact's recorded reaction to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// The contact opened the message.
    Opened,
    /// The contact followed a link of the message.
    Clicked,
    /// The contact reached the goal of the campaign.
    Converted,
}

/// The time zone of a schedule's wall-clock times.
#[derive(Debug, Clone)]
pub enum ScheduleZone {
    /// One zone for all contacts: a named one, or the brand's.
    Fixed(TimeZone),
    /// Each contact's own zone.
    Contact {
        /// The brand's zone, for contacts without a known zone.
        fallback: TimeZone,
    },
}

/// The rule for occurrences missed while no process ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CatchUp {
    /// Only the latest missed occurrence fires.
    #[default]
    Latest,
    /// No missed occurrence fires.
    Skip,
    /// Every missed occurrence fires, up to [`MAX_CATCH_UP`].
    All,
}

/// The rule for an occurrence that falls due while the previous run of the step is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// The new occurrence is skipped.
    #[default]
    Skip,
    /// The new occurrence waits until all deliveries of the previous run have been handed out.
    Queue,
    /// The new occurrence fires at once, beside the previous run.
    Allow,
}

/// The due time of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// One instant for all contacts.
    Instant(Timestamp),
    /// A wall-clock time in each contact's own zone.
    Local(DateTime),
}

/// One firing of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The key of the run. With contacts' own zones: the first instant at which any clock shows the
    /// time (UTC+14).
    pub instant: Timestamp,
    /// The last instant at which a contact falls due: `instant`, or with contacts' own zones the
    /// time at UTC−12.
    pub until: Timestamp,
    /// The due time of its deliveries.
    pub moment: Moment,
}

impl Schedule {
    /// Returns the occurrences with `after < instant <= until`, in order: at most `limit`, and none
    /// after 2100. Empty for [`Trigger::After`], whose occurrences follow another step's runs, and
    /// for [`Trigger::ByHand`].
    ///
    /// In one zone, every wall-clock time of the schedule fires at most once. A time that occurs
    /// twice fires at the first. All times skipped by a gap fall on the first instant after it,
    /// together with the time shown there, and make one occurrence: `*/15 * * * *` fires 92 times
    /// on a day of 23 hours, 96 times on one of 25 hours, and not in the second run of the repeated
    /// hour.
    #[must_use]
    pub fn occurrences(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Occurrence> {
        let walls: Box<dyn Iterator<Item = DateTime>> = match &self.trigger {
            Trigger::Cron(cron) => Box::new(cron.walls_after(self.zone.wall_at(after))),
            Trigger::At(wall) => Box::new(std::iter::once(*wall)),
            Trigger::Dates(walls) => Box::new(walls.iter().copied()),
            Trigger::After { .. } | Trigger::ByHand => return Vec::new(),
        };
        let mut found: Vec<Occurrence> = Vec::new();
        for occurrence in walls.map(|wall| self.zone.occurrence(wall)) {
            if found.len() >= limit || occurrence.instant > until {
                break;
            }
            // Skips what has fired already: in the first run of a repeated hour, or with the rest
            // of its gap.
            if occurrence.instant > found.last().map_or(after, |last| last.instant) {
                found.push(occurrence);
            }
        }
        found
    }
}

impl ScheduleZone {
    /// Returns a wall-clock time before all wall-clock times that fall due after `instant`.
    fn wall_at(&self, instant: Timestamp) -> DateTime {
        match self {
            Self::Fixed(zone) => zone.to_datetime(instant),
            Self::Contact { .. } => zone::MAX_OFFSET.to_datetime(instant),
        }
    }

    fn occurrence(&self, wall: DateTime) -> Occurrence {
        match self {
            Self::Fixed(zone) => at_instant(zone::resolve(wall, zone)),
            Self::Contact { .. } => Occurrence {
                instant: zone::at(wall, zone::MAX_OFFSET),
                until: zone::at(wall, zone::MIN_OFFSET),
                moment: Moment::Local(wall),
            },
        }
    }
}

impl Moment {
    /// Returns the due time of a contact in `zone`: for a time in a gap the first instant after the
    /// gap, for a time that occurs twice the first.
    ///
    /// It lies between the `instant` and the `until` of the occurrence, because all zones lie
    /// between UTC−12 and UTC+14.
    #[must_use]
    pub fn due_in(&self, zone: &TimeZone) -> Timestamp {
        match *self {
            Self::Instant(instant) => instant,
            Self::Local(wall) => zone::resolve(wall, zone),
        }
    }
}

/// Returns the occurrence of an `after` step that follows a parent run at `parent`: `parent +
/// delay`.
#[must_use]
pub fn after(parent: Timestamp, delay: Duration) -> Occurrence {
    at_instant(parent.saturating_add(delay).unwrap_or(Timestamp::MAX))
}

const fn at_instant(instant: Timestamp) -> Occurrence {
    Occurrence { instant, until: instant, moment: Moment::Instant(instant) }
}
