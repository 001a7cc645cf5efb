//! A day where the brand is, by the machine's clock.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::{Micros, Millis};

/// A day as people count them, where the brand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// The date.
    pub(crate) date: Date,
    /// Its number, as the shared accounts know it.
    pub(crate) number: i64,
    /// When it ends, by the machine's clock.
    pub(crate) ends: Micros,
}

impl Day {
    /// The day that `now` is on in a zone; `machine` says what the machine's clock shows at an instant.
    pub(crate) fn at(now: Timestamp, zone: &TimeZone, machine: impl FnOnce(Millis) -> Micros) -> Self {
        let date = now.to_zoned(zone.clone()).date();
        let next = date.tomorrow().ok().and_then(|next| next.to_zoned(zone.clone()).ok());
        let next = next.map_or(now, |next| next.timestamp());
        Self { date, number: campaign::pace::day_number(date), ends: machine(next.as_millisecond()) }
    }

    /// The number of the day that a time is on.
    pub(crate) const fn number_at(&self, time: Micros) -> i64 {
        if time < self.ends { self.number } else { self.number + 1 + (time - self.ends) / DAY }
    }

    /// When a day of that number begins; today has begun.
    pub(crate) const fn start_of(&self, number: i64) -> Micros {
        if number <= self.number { Micros::MIN } else { self.ends + (number - self.number - 1) * DAY }
    }
}

const DAY: Micros = 86_400_000_000;
