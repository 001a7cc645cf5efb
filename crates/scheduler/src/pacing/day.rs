//! A calendar day in the brand's time zone, with its end by the machine's clock.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::{MachineTime, Millis};

/// A calendar day in the brand's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// The date of the day.
    pub(crate) date: Date,
    /// The number of the day that the shared allowances use.
    pub(crate) number: i64,
    /// The end of the day, by the machine's clock.
    pub(crate) ends: MachineTime,
}

impl Day {
    /// Returns the day of `now` in a zone; `machine` converts an instant to the machine's clock.
    pub(crate) fn at(now: Timestamp, zone: &TimeZone, machine: impl FnOnce(Millis) -> MachineTime) -> Self {
        let date = now.to_zoned(zone.clone()).date();
        let next = date.tomorrow().ok().and_then(|next| next.to_zoned(zone.clone()).ok());
        let next = next.map_or(now, |next| next.timestamp());
        Self { date, number: campaign::pace::day_number(date), ends: machine(Millis::from(next)) }
    }

    /// Returns the number of the day of a time.
    pub(crate) fn number_at(&self, time: MachineTime) -> i64 {
        if time < self.ends { self.number } else { self.number + 1 + (time - self.ends) / DAY }
    }

    /// Returns the start of the day with a number; [`MachineTime::MIN`] for today and earlier days.
    pub(crate) fn start_of(&self, number: i64) -> MachineTime {
        if number <= self.number { MachineTime::MIN } else { self.ends + (number - self.number - 1) * DAY }
    }
}

/// A day of 24 hours, in microseconds.
const DAY: i64 = 86_400_000_000;
