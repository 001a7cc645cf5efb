//! Dates and times as they are written: 2027-03-31, 2027-03-31T10:05:00, with or without an offset.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// A date, a time on it if one is given, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A day.
    Day(Date),
    /// A time on a wall clock.
    Local(DateTime),
    /// One instant.
    Instant(Timestamp),
}

/// Why a text is not the date, or the date and time, that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadDate {
    /// Something else than a date, where a date stands.
    #[error("it is not a date")]
    NotADate,
    /// Something else than a date and time.
    #[error("it is not a date and time")]
    NotADateTime,
    /// Something else than a date, where others may stand.
    #[error("a date is needed")]
    DateNeeded,
    /// A day that no month has.
    #[error("there is no such date")]
    NoSuchDate,
    /// A day that no month has, or a time that no day has.
    #[error("there is no such date and time")]
    NoSuchTime,
    /// A time where only a day may stand.
    #[error("a day is needed, without a time")]
    HasTime,
    /// Before or after all that the calendar has.
    #[error("it is out of the calendar")]
    OutOfCalendar,
}

/// Reads a date, a date and time, or a date and time with an offset.
///
/// # Errors
/// The text is none of these, or names a day or a time that there is not.
pub(crate) fn parse(text: &str) -> Result<When, BadDate> {
    let text = text.trim();
    // Nothing longer is one of those; a zone in brackets would be a second place for the zone.
    if text.len() > 40 || text.contains('[') {
        return Err(BadDate::NotADateTime);
    }
    if let Ok(instant) = text.parse() {
        return Ok(When::Instant(instant));
    }
    if !text.contains([':']) {
        return text.parse().map(When::Day).map_err(|_| BadDate::NoSuchDate);
    }
    text.parse().map(When::Local).map_err(|_| BadDate::NoSuchTime)
}

/// Reads a day, `YYYY-MM-DD`.
///
/// # Errors
/// Those of [`parse`], and [`BadDate::HasTime`].
pub(crate) fn day(text: &str) -> Result<Date, BadDate> {
    match parse(text)? {
        When::Day(day) => Ok(day),
        When::Local(_) | When::Instant(_) => Err(BadDate::HasTime),
    }
}

impl When {
    /// The first instant that it means in `zone`: for a day its start.
    pub(crate) fn first(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::Local(time) => instant(time, zone),
            Self::Day(day) => instant(day.to_datetime(Time::midnight()), zone),
        }
    }

    /// The last instant that it means in `zone`: for a day the millisecond before the next one starts.
    pub(crate) fn last(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Day(day) => {
                let next = Self::Day(day.tomorrow().ok()?).first(zone)?;
                next.checked_sub(jiff::SignedDuration::from_millis(1)).ok()
            }
            other => other.first(zone),
        }
    }
}

/// A time in a gap is the first instant after it would have been, one that occurs twice the first.
fn instant(time: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_zoned(time).compatible().ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn takes_days_local_times_and_instants() {
        let first = |text: &str| parse(text).unwrap().first(&zone()).unwrap().to_string();
        let last = |text: &str| parse(text).unwrap().last(&zone()).unwrap().to_string();
        assert_eq!(first("2027-03-02"), "2027-03-01T16:00:00Z");
        assert_eq!(last("2027-03-02"), "2027-03-02T15:59:59.999Z");
        assert_eq!(first("2027-03-02T10:05"), "2027-03-02T02:05:00Z");
        assert_eq!(last("2027-03-02 10:05:00"), "2027-03-02T02:05:00Z");
        assert_eq!(first("2027-03-02T10:05:00+01:00"), "2027-03-02T09:05:00Z");
        assert_eq!(first("2027-03-02T10:05:00Z"), "2027-03-02T10:05:00Z");
    }

    #[test]
    fn refuses_everything_else() {
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
        assert!(parse("9999-12-31").unwrap().last(&zone()).is_none());
    }
}
