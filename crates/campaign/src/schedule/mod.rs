//! When: triggers, time zones, and the occurrences of a step between two instants.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::ids::StepId;

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
    /// A POSIX five-field expression, or `every`, which is read into one.
    Cron(Cron),
    /// Once, at this wall-clock time in the schedule's zone.
    At(DateTime),
    /// When `delay` has passed since an earlier step reached the contact.
    After {
        /// The earlier step.
        step: StepId,
        /// How long after it.
        delay: Duration,
        /// Only for those who did, or did not do, something with it.
        condition: Option<Condition>,
    },
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
    /// None.
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
    /// It waits for the last one to finish.
    Queue,
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

/// A POSIX five-field cron expression: minute, hour, day of month, month, day of week, in wall-clock time.
#[derive(Debug, Clone)]
pub struct Cron {
    source: String,
}

impl Schedule {
    /// Every occurrence with `after < instant <= until`, in order. Empty for [`Trigger::After`], whose
    /// occurrences follow another step's runs. Bounded: stops after `limit`.
    #[must_use]
    pub fn occurrences(&self, _after: Timestamp, _until: Timestamp, _limit: usize) -> Vec<Occurrence> {
        todo!()
    }
}

impl Moment {
    /// The instant at which it falls due for somebody in `zone`: a time in a gap at the first instant after
    /// it, a time that occurs twice at the first.
    #[must_use]
    pub fn due_in(&self, _zone: &TimeZone) -> Timestamp {
        todo!()
    }
}

/// The run of an `after` step that follows a parent run at `parent`: `parent + delay`.
#[must_use]
pub fn after(parent: Timestamp, delay: Duration) -> Occurrence {
    let instant = parent.saturating_add(delay).unwrap_or(Timestamp::MAX);
    Occurrence { instant, until: instant, moment: Moment::Instant(instant) }
}
