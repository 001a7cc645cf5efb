//! Dates and times as written in files: 2027-03-31, 2027-03-31T10:05:00, with or without an offset.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// A date, a local date and time, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateOrTime {
    /// A day without a time.
    Day(Date),
    /// A date and time on a wall clock, without an offset.
    Local(DateTime),
    /// A date and time with an offset.
    Instant(Timestamp),
}

/// The reason why a text is not the date, or the date and time, that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadDate {
    /// The value is not a date, where a date is needed.
    #[error("it is not a date")]
    NotADate,
    /// The value is not a date and time.
    #[error("it is not a date and time")]
    NotADateTime,
    /// The value is not a date, where other values can be dates.
    #[error("a date is needed")]
    DateNeeded,
    /// The month does not have that day.
    #[error("there is no such date")]
    NoSuchDate,
    /// The month does not have that day, or the day that time.
    #[error("there is no such date and time")]
    NoSuchTime,
    /// The value has a time, where only a day is allowed.
    #[error("a day is needed, without a time")]
    HasTime,
    /// The day lies outside the calendar's range.
    #[error("it is out of the calendar")]
    OutOfCalendar,
}

/// Parses a date, a date and time, or a date and time with an offset.
///
/// # Errors
/// [`BadDate`] if the text is none of these, or names a day or time that does not exist.
pub(crate) fn parse(text: &str) -> Result<DateOrTime, BadDate> {
    let text = text.trim();
    // No valid value is longer. A zone in brackets would be a second place to set the zone.
    if text.len() > 40 || text.contains('[') {
        return Err(BadDate::NotADateTime);
    }
    if let Ok(instant) = text.parse() {
        return Ok(DateOrTime::Instant(instant));
    }
    if !text.contains([':']) {
        return text.parse().map(DateOrTime::Day).map_err(|_| BadDate::NoSuchDate);
    }
    text.parse().map(DateOrTime::Local).map_err(|_| BadDate::NoSuchTime)
}

/// Parses a day, `YYYY-MM-DD`.
///
/// # Errors
/// The errors of [`parse`], and [`BadDate::HasTime`].
pub(crate) fn day(text: &str) -> Result<Date, BadDate> {
    match parse(text)? {
        DateOrTime::Day(day) => Ok(day),
        DateOrTime::Local(_) | DateOrTime::Instant(_) => Err(BadDate::HasTime),
    }
}

impl DateOrTime {
    /// Returns the first instant that the value covers in `zone`: for a day its start.
    pub(crate) fn first_instant(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::Local(time) => to_instant(time, zone),
            Self::Day(day) => to_instant(day.to_datetime(Time::midnight()), zone),
        }
    }

    /// Returns the last instant that the value covers in `zone`: for a day the millisecond before
    /// the next one starts.
    pub(crate) fn last_instant(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Day(day) => {
                let next = Self::Day(day.tomorrow().ok()?).first_instant(zone)?;
                next.checked_sub(jiff::SignedDuration::from_millis(1)).ok()
            }
            other => other.first_instant(zone),
        }
    }
}

/// Converts a wall-clock time in `zone` to an instant. A time that occurs twice is the first of
/// them; a time in a gap is moved forward by the length of the gap.
fn to_instant(time: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_zoned(time).compatible().ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn parses_days_local_times_and_instants() {
        let first = |text: &str| parse(text).unwrap().first_instant(&zone()).unwrap().to_string();
        let last = |text: &str| parse(text).unwrap().last_instant(&zone()).unwrap().to_string();
        assert_eq!(first("2027-03-02"), "2027-03-01T16:00:00Z");
        assert_eq!(last("2027-03-02"), "2027-03-02T15:59:59.999Z");
        assert_eq!(first("2027-03-02T10:05"), "2027-03-02T02:05:00Z");
        assert_eq!(last("2027-03-02 10:05:00"), "2027-03-02T02:05:00Z");
        assert_eq!(first("2027-03-02T10:05:00+01:00"), "2027-03-02T09:05:00Z");
        assert_eq!(first("2027-03-02T10:05:00Z"), "2027-03-02T10:05:00Z");
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "tomorrow",
            "2027-02-29",
            "2027-13-01",
            "10:05",
            "2027-03-02T25:00",
            "2027-03-02T10:00[Asia/Shanghai]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("9999-12-31").unwrap().last_instant(&zone()).is_none());
    }
}
