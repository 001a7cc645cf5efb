//! Enumeration of an expression's wall-clock times with the `cron` package, without time zones.
//!
//! The package expects a seconds field first, counts Sunday as 1, and requires both day fields to
//! match. It is given the parsed fields as lists, with days of the week by name; where either day
//! field is enough, two schedules are merged. Its UTC stands for the wall clock, because UTC has no
//! gaps and no repeated hours; time zones are applied where occurrences are made. The package
//! cannot express "the last day of the month", "the second Tuesday" or "every two weeks": for these
//! it gives the times of all candidate days, and the rules of this file select among them.

use std::str::FromStr;

use chrono::{DateTime as Instant, Utc};
use cron::Schedule;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::cron::{Cron, Days, Weeks};
use crate::field_text::WEEKDAYS;
use crate::values::Values;

/// The first day on which a schedule can fire. The last is in 2100, the last year that the package
/// supports.
const FIRST_DAY: Date = date(1970, 1, 1);

impl Cron {
    /// Returns the wall-clock minutes after `wall`, in order, until the end of 2100.
    pub(crate) fn walls_after(&self, wall: DateTime) -> impl Iterator<Item = DateTime> {
        let before_first = FIRST_DAY.at(0, 0, 0, 0).saturating_sub(SignedDuration::from_secs(1));
        let after = utc(wall.max(before_first));
        let [first, second] = self.schedules();
        let times = |schedule: Option<Schedule>| {
            let times = schedule.zip(after).map(|(schedule, after)| schedule.after_owned(after));
            times.into_iter().flatten().filter_map(civil)
        };
        let (days, weeks) = (self.days, self.weeks);
        let counts = weeks.is_none_or(|weeks| weeks.from.is_some());
        union(times(first.filter(|_| counts)), times(second.filter(|_| counts)))
            .filter(move |wall| weeks.is_none_or(|weeks| weeks.has(wall.date())) && days.choose(wall.date()))
    }

    /// Returns the package's schedules whose union contains every time of the expression, and
    /// possibly times on other days, which [`Days::choose`] removes. The package accepts every list
    /// of values that the parser has checked.
    fn schedules(&self) -> [Option<Schedule>; 2] {
        let every = || "*".to_owned();
        match self.days {
            Days::Every | Days::Last => [self.schedule(&every(), &every()), None],
            Days::OfMonth(days) => [self.schedule(&list(days), &every()), None],
            Days::OfWeek(weekdays) | Days::Nth { weekdays, .. } => {
                [self.schedule(&every(), &names(weekdays)), None]
            }
            Days::Either(days, weekdays) => {
                [self.schedule(&list(days), &every()), self.schedule(&every(), &names(weekdays))]
            }
        }
    }

    fn schedule(&self, days: &str, weekdays: &str) -> Option<Schedule> {
        let (minutes, hours, months) = (list(self.minutes), list(self.hours), list(self.months));
        Schedule::from_str(&format!("0 {minutes} {hours} {days} {months} {weekdays}")).ok()
    }
}

impl Days {
    /// Returns true if `day`, one of the candidates given by the package, belongs to these days.
    fn choose(self, day: Date) -> bool {
        match self {
            Self::Every | Self::OfMonth(_) | Self::OfWeek(_) | Self::Either(..) => true,
            Self::Last => day == day.last_of_month(),
            Self::Nth { nth, last, weekdays, together } => {
                let alike = if together { weekdays } else { Values::one(weekday(day)) };
                nth.has(place_in_month(day, alike)) || last && is_last_in_month(day, alike)
            }
        }
    }
}

/// Merges two ascending sequences into one without duplicates.
fn union(
    one: impl Iterator<Item = DateTime>,
    other: impl Iterator<Item = DateTime>,
) -> impl Iterator<Item = DateTime> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || {
        let next = one.peek().into_iter().chain(other.peek()).min().copied()?;
        one.next_if_eq(&next);
        other.next_if_eq(&next);
        Some(next)
    })
}

fn list(values: Values) -> String {
    values.iter().map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

/// Returns days of the week as a list of names, because the package numbers them from 1.
fn names(weekdays: Values) -> String {
    let names = WEEKDAYS.iter().zip(0..).filter(|(_, day)| weekdays.has(*day));
    names.map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}

fn utc(wall: DateTime) -> Option<Instant<Utc>> {
    let second = TimeZone::UTC.to_timestamp(wall).ok()?.as_second();
    Instant::from_timestamp(second, 0)
}

fn civil(time: Instant<Utc>) -> Option<DateTime> {
    Timestamp::from_second(time.timestamp()).ok().map(|time| TimeZone::UTC.to_datetime(time))
}

/// Returns the day of the week from 0 to 6; Sunday is 0.
fn weekday(day: Date) -> i8 {
    day.weekday().to_sunday_zero_offset()
}

/// Returns the position of `day`, from 1, among the days of its month that fall on these days of
/// the week.
fn place_in_month(day: Date, weekdays: Values) -> i8 {
    let month = day.first_of_month().series(1.day()).take_while(|other| *other <= day);
    i8::try_from(month.filter(|other| weekdays.has(weekday(*other))).count()).unwrap_or(i8::MAX)
}

/// Returns true for the last day of its month that falls on these days of the week.
fn is_last_in_month(day: Date, weekdays: Values) -> bool {
    let rest = day.series(1.day()).skip(1).take_while(|other| other.month() == day.month());
    !rest.into_iter().any(|other| weekdays.has(weekday(other)))
}

impl Weeks {
    /// Returns true for days in a week that fires; the first such week starts on `from`.
    fn has(self, day: Date) -> bool {
        let Some(from) = self.from else { return false };
        let days = (day - from).get_days();
        days >= 0 && days / 7 % i32::from(self.every.max(1)) == 0
    }
}
