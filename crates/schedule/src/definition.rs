//! What decides a step's times, in a form that is stored and compared: an edit is a definition that differs.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::StepId;
use crate::cron::{Cron, Days, Weeks};
use crate::field::Field;
use crate::values::Values;
use crate::{CatchUp, Occurrence, Overlap, Schedule, Trigger, Zone};

/// The trigger, the zone and the bounds of a step's schedule. `catch_up`, `overlap` and conditions are not part of
/// it: they decide what becomes of an occurrence, not when there is one. Neither is the delay of a step that follows
/// another, which has a history of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    trigger: Times,
    /// The zone's IANA name or offset; with contacts' own zones, the one that stands in where none is known.
    zone: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    own_clock: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<Timestamp>,
}

/// A trigger without the words it was written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Times {
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
    /// The definition of a schedule within a campaign's bounds.
    #[must_use]
    pub fn of(schedule: &Schedule, starts: Option<Timestamp>, ends: Option<Timestamp>) -> Self {
        let trigger = match &schedule.trigger {
            Trigger::Cron(cron) => {
                let days = plainest(cron.days);
                let Cron { minutes, hours, months, weeks, .. } = *cron;
                Times::Cron { minutes, hours, days, months, weeks }
            }
            Trigger::Dates(walls) => Times::Dates(walls.clone()),
            Trigger::At(wall) => Times::At(*wall),
            Trigger::After { step, .. } => Times::After(step.to_string()),
            Trigger::ByHand => Times::ByHand,
        };
        let (zone, own_clock) = match &schedule.zone {
            Zone::Fixed(zone) => (zone, false),
            Zone::Contact { fallback } => (fallback, true),
        };
        Self { trigger, zone: name(zone), own_clock, starts, ends }
    }

    /// The same after the earlier step was renamed.
    #[must_use]
    pub fn with_renamed_parent(mut self, old: &str, new: &str) -> Self {
        match &mut self.trigger {
            Times::After(step) if step == old => new.clone_into(step),
            _ => {}
        }
        self
    }

    /// Whether it happens once.
    #[must_use]
    pub const fn is_one_shot(&self) -> bool {
        matches!(self.trigger, Times::At(_))
    }

    /// The step that it follows.
    #[must_use]
    pub fn follows(&self) -> Option<&str> {
        match &self.trigger {
            Times::After(step) => Some(step),
            _ => None,
        }
    }

    /// Every occurrence with `after < instant <= until` within the bounds, the first `limit` of them; none where the
    /// zone is not known any more.
    #[must_use]
    pub fn occurrences(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Occurrence> {
        let Some(schedule) = self.schedule() else { return Vec::new() };
        let mut found = schedule.occurrences(after, until, limit);
        found.retain(|occurrence| schedule.within(occurrence, self.starts, self.ends));
        found
    }

    fn schedule(&self) -> Option<Schedule> {
        let trigger = match &self.trigger {
            Times::Cron { minutes, hours, days, months, weeks } => Trigger::Cron(Cron {
                source: String::new(),
                minutes: *minutes,
                hours: *hours,
                days: *days,
                months: *months,
                weeks: *weeks,
            }),
            Times::Dates(walls) => Trigger::Dates(walls.clone()),
            Times::At(wall) => Trigger::At(*wall),
            Times::After(step) => {
                let step = StepId::parse(step).ok()?;
                Trigger::After { step, delay: Duration::ZERO, condition: None }
            }
            Times::ByHand => Trigger::ByHand,
        };
        let zone = zone(&self.zone)?;
        let zone = if self.own_clock { Zone::Contact { fallback: zone } } else { Zone::Fixed(zone) };
        let (catch_up, catch_up_window, overlap) = (CatchUp::default(), Duration::ZERO, Overlap::default());
        Some(Schedule { trigger, zone, catch_up, catch_up_window, overlap })
    }
}

/// The plainest way to write the same days: every day of the week, or of the month, is every day.
fn plainest(days: Days) -> Days {
    let of_month = |days| days == Values::span(Field::DayOfMonth.bounds());
    let of_week = |days| days == Values::span(Field::DayOfWeek.bounds());
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

    fn schedule(trigger: Trigger, zone: Zone) -> Schedule {
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
    fn it_survives_being_stored_and_gives_the_same_times() {
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
                Zone::Fixed(shanghai()),
                Zone::Contact { fallback: shanghai() },
                Zone::Fixed(TimeZone::fixed(jiff::tz::offset(5))),
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
    fn only_what_decides_the_times_makes_an_edit() {
        let of = |trigger, zone| Definition::of(&schedule(trigger, zone), None, None);
        let first = of(cron("0 10 * * *"), Zone::Fixed(shanghai()));
        let every = Trigger::Cron(super::super::every("day 10:00").unwrap());
        assert_eq!(first, of(every, Zone::Fixed(shanghai())), "the same times in other words");
        for days in ["* * 0-6", "*/1 * *", "1-31 * *", "1-31 * MON", "3 * 0-7", "* * 1-7"] {
            assert_eq!(first, of(cron(&format!("0  10 {days}")), Zone::Fixed(shanghai())), "{days}");
        }
        assert_ne!(first, of(cron("0 10 1-30 * *"), Zone::Fixed(shanghai())));
        assert_ne!(first, of(cron("1 10 * * *"), Zone::Fixed(shanghai())));
        assert_ne!(first, of(cron("0 10 * * *"), Zone::Fixed(TimeZone::UTC)));
        assert_ne!(first, of(cron("0 10 * * *"), Zone::Contact { fallback: shanghai() }));
        let mut other = schedule(cron("0 10 * * *"), Zone::Fixed(shanghai()));
        other.catch_up = CatchUp::Skip;
        other.overlap = Overlap::Queue;
        assert_eq!(first, Definition::of(&other, None, None));
        assert_ne!(first, Definition::of(&other, None, Some(Timestamp::UNIX_EPOCH)));
    }
}
