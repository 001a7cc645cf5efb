//! The part of a schedule that determines its times, in a form that is stored and compared: an edit
//! of the file is a definition that differs.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::StepId;
use crate::cron::{Cron, Days, Weeks};
use crate::field::CronField;
use crate::values::Values;
use crate::{CatchUp, Occurrence, Overlap, Schedule, ScheduleZone, Trigger};

/// The trigger, the time zone and the bounds of a step's schedule. `catch_up`, `overlap` and
/// conditions are not part of it: they affect the handling of an occurrence, not its time. Neither
/// is the delay of a step that follows another, whose history is kept separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    trigger: StoredTrigger,
    /// The zone's IANA name or its offset in seconds; with contacts' own zones, the fallback.
    zone: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    own_clock: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<Timestamp>,
}

/// A trigger without its source text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredTrigger {
    Cron {
        minutes: Values,
        hours: Values,
        days: Days,
        months: Values,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weeks: Option<Weeks>,
    },
    At(DateTime),
    Dates(Vec<DateTime>),
    After(String),
    ByHand,
}

impl Definition {
    /// Returns the definition of a schedule within a campaign's bounds.
    #[must_use]
    pub fn of(schedule: &Schedule, starts: Option<Timestamp>, ends: Option<Timestamp>) -> Self {
        let trigger = match &schedule.trigger {
            Trigger::Cron(cron) => {
                let days = normalized(cron.days);
                let Cron { minutes, hours, months, weeks, .. } = *cron;
                StoredTrigger::Cron { minutes, hours, days, months, weeks }
            }
            Trigger::Dates(walls) => StoredTrigger::Dates(walls.clone()),
            Trigger::At(wall) => StoredTrigger::At(*wall),
            Trigger::After { step, .. } => StoredTrigger::After(step.to_string()),
            Trigger::ByHand => StoredTrigger::ByHand,
        };
        let (zone, own_clock) = match &schedule.zone {
            ScheduleZone::Fixed(zone) => (zone, false),
            ScheduleZone::Contact { fallback } => (fallback, true),
        };
        Self { trigger, zone: name(zone), own_clock, starts, ends }
    }

    /// Returns the definition with the earlier step `old` renamed to `new`.
    #[must_use]
    pub fn with_renamed_parent(mut self, old: &str, new: &str) -> Self {
        match &mut self.trigger {
            StoredTrigger::After(step) if step == old => new.clone_into(step),
            _ => {}
        }
        self
    }

    /// Returns true if the schedule has a single date and time.
    #[must_use]
    pub const fn is_one_shot(&self) -> bool {
        matches!(self.trigger, StoredTrigger::At(_))
    }

    /// Returns the id of the step that this one follows.
    #[must_use]
    pub fn follows(&self) -> Option<&str> {
        match &self.trigger {
            StoredTrigger::After(step) => Some(step),
            _ => None,
        }
    }

    /// Returns the occurrences with `after < instant <= until` within the bounds, of the first
    /// `limit` of the schedule; none if the zone is no longer known.
    #[must_use]
    pub fn occurrences(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Occurrence> {
        let Some(schedule) = self.schedule() else { return Vec::new() };
        let mut found = schedule.occurrences(after, until, limit);
        found.retain(|occurrence| schedule.within(occurrence, self.starts, self.ends));
        found
    }

    fn schedule(&self) -> Option<Schedule> {
        let trigger = match &self.trigger {
            StoredTrigger::Cron { minutes, hours, days, months, weeks } => Trigger::Cron(Cron {
                source: String::new(),
                minutes: *minutes,
                hours: *hours,
                days: *days,
                months: *months,
                weeks: *weeks,
            }),
            StoredTrigger::Dates(walls) => Trigger::Dates(walls.clone()),
            StoredTrigger::At(wall) => Trigger::At(*wall),
            StoredTrigger::After(step) => {
                let step = StepId::parse(step).ok()?;
                Trigger::After { step, delay: Duration::ZERO, condition: None }
            }
            StoredTrigger::ByHand => Trigger::ByHand,
        };
        let zone = zone(&self.zone)?;
        let zone =
            if self.own_clock { ScheduleZone::Contact { fallback: zone } } else { ScheduleZone::Fixed(zone) };
        let (catch_up, catch_up_window, overlap) = (CatchUp::default(), Duration::ZERO, Overlap::default());
        Some(Schedule { trigger, zone, catch_up, catch_up_window, overlap })
    }
}

/// Returns the normal form of days: all days of the week, or of the month, are [`Days::Every`].
fn normalized(days: Days) -> Days {
    let of_month = |days| days == Values::span(CronField::DayOfMonth.bounds());
    let of_week = |days| days == Values::span(CronField::DayOfWeek.bounds());
    match days {
        Days::OfMonth(days) if of_month(days) => Days::Every,
        Days::OfWeek(days) if of_week(days) => Days::Every,
        Days::Either(days, weekdays) if of_month(days) || of_week(weekdays) => Days::Every,
        other => other,
    }
}

fn name(zone: &TimeZone) -> String {
    match (zone.iana_name(), zone.to_fixed_offset()) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(offset)) => offset.seconds().to_string(),
        (None, Err(_)) => "unknown".to_owned(),
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    match name.parse::<i32>() {
        Ok(seconds) => Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?)),
        Err(_) => TimeZone::get(name).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(trigger: Trigger, zone: ScheduleZone) -> Schedule {
        let (catch_up, catch_up_window, overlap) = (CatchUp::All, Duration::from_secs(9), Overlap::Allow);
        Schedule { trigger, zone, catch_up, catch_up_window, overlap }
    }

    fn cron(text: &str) -> Trigger {
        Trigger::Cron(Cron::parse(text).unwrap())
    }

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn a_stored_definition_gives_the_same_times() {
        let (from, to) = ("2027-01-01T00:00:00Z".parse().unwrap(), "2027-03-01T00:00:00Z".parse().unwrap());
        for trigger in [
            cron("0 10 * * TUE"),
            cron("*/20 9-17 1,15 * *"),
            cron("0 9 1 * MON"),
            Trigger::Cron(super::super::every("month last 09:00").unwrap()),
            Trigger::Cron(super::super::every("month second tuesday 10:00").unwrap()),
            Trigger::Cron(super::super::every("month last weekday 10:00").unwrap()),
            Trigger::Cron(
                super::super::every("2 weeks tuesday 10:00")
                    .unwrap()
                    .counted_from(jiff::civil::date(2027, 1, 6)),
            ),
            Trigger::At("2027-02-03T10:00".parse().unwrap()),
            Trigger::Dates(vec!["2027-01-03T10:00".parse().unwrap(), "2027-02-03T10:00".parse().unwrap()]),
        ] {
            for zone in [
                ScheduleZone::Fixed(shanghai()),
                ScheduleZone::Contact { fallback: shanghai() },
                ScheduleZone::Fixed(TimeZone::fixed(jiff::tz::offset(5))),
            ] {
                let schedule = schedule(trigger.clone(), zone);
                let definition = Definition::of(&schedule, Some(from), None);
                let stored = serde_json::to_string(&definition).unwrap();
                let read: Definition = serde_json::from_str(&stored).unwrap();
                assert_eq!(read, definition, "{stored}");
                let mut expected = schedule.occurrences(from, to, 500);
                expected.retain(|occurrence| schedule.within(occurrence, Some(from), None));
                assert!(!expected.is_empty());
                assert_eq!(read.occurrences(from, to, 500), expected, "{stored}");
            }
        }
    }

    #[test]
    fn definitions_differ_only_if_their_times_differ() {
        let of = |trigger, zone| Definition::of(&schedule(trigger, zone), None, None);
        let first = of(cron("0 10 * * *"), ScheduleZone::Fixed(shanghai()));
        let every = Trigger::Cron(super::super::every("day 10:00").unwrap());
        assert_eq!(first, of(every, ScheduleZone::Fixed(shanghai())), "the same times in other words");
        for days in ["* * 0-6", "*/1 * *", "1-31 * *", "1-31 * MON", "3 * 0-7", "* * 1-7"] {
            assert_eq!(first, of(cron(&format!("0  10 {days}")), ScheduleZone::Fixed(shanghai())), "{days}");
        }
        assert_ne!(first, of(cron("0 10 1-30 * *"), ScheduleZone::Fixed(shanghai())));
        assert_ne!(first, of(cron("1 10 * * *"), ScheduleZone::Fixed(shanghai())));
        assert_ne!(first, of(cron("0 10 * * *"), ScheduleZone::Fixed(TimeZone::UTC)));
        assert_ne!(first, of(cron("0 10 * * *"), ScheduleZone::Contact { fallback: shanghai() }));
        let mut other = schedule(cron("0 10 * * *"), ScheduleZone::Fixed(shanghai()));
        other.catch_up = CatchUp::Skip;
        other.overlap = Overlap::Queue;
        assert_eq!(first, Definition::of(&other, None, None));
        assert_ne!(first, Definition::of(&other, None, Some(Timestamp::UNIX_EPOCH)));
    }
}
