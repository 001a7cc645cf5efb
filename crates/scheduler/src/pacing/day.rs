//! A day where the brand is, by the machine's clock.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::{MachineTime, Millis};

/// A day as people count them, where the brand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// The date.
    pub(crate) date: Date,
    /// Its number, as the shared accounts know it.
    pub(crate) number: i64,
    /// When it ends, by the machine's clock.
    pub(crate) ends: MachineTime,
}

impl Day {
    /// The day that `now` is on in a zone; `machine` says what the machine's clock shows at an instant.
    pub(crate) fn at(now: Timestamp, zone: &TimeZone, machine: impl FnOnce(Millis) -> MachineTime) -> Self {
        let date = now.to_zoned(zone.clone()).date();
        let next = date.tomorrow().ok().and_then(|next| next.to_zoned(zone.clone()).ok());
        let next = next.map_or(now, |next| next.timestamp());
        Self { date, number: campaign::pace::day_number(date), ends: machine(Millis::from(next)) }
    }

    /// The number of the day that a time is on.
    pub(crate) fn number_at(&self, time: MachineTime) -> i64 {
        if time < self.ends { self.number } else { self.number + 1 + (time - self.ends) / DAY }
    }

    /// When a day of that number begins; today has begun.
    pub(crate) fn start_of(&self, number: i64) -> MachineTime {
        if number <= self.number { MachineTime::MIN } else { self.ends + (number - self.number - 1) * DAY }
    }
}

const DAY: i64 = 86_400_000_000;
