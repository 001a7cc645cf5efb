//! Parsing of times from the command line, and formatting of times for people.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use store::Millis;

/// A time on the command line, which may need the current time or a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// The current time: `now`.
    Now,
    /// A number of days from now, such as `+14d` and `-7d`.
    Days(i64),
    /// A time with its offset: `2027-03-02T10:00:00Z`.
    Instant(Timestamp),
    /// A time without an offset, `2027-03-02T10:00`, or the start of a day, `2027-03-02`.
    Local(DateTime),
}

/// A text on the command line that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// A text of another form.
    #[error("{0} is no time: write 2027-03-02, 2027-03-02T10:00, +14d, -7d or now")]
    Shape(String),
    /// A day or time that the calendar does not have.
    #[error("{0} does not exist: write a day of the calendar, such as 2027-03-02, or 2027-03-02T10:00")]
    Calendar(String),
    /// A time that is too far away.
    #[error("{0} is too far away: write at most {MAX_DAYS} days, such as +14d")]
    TooFar(String),
}

/// Maximum number of days from now, about a hundred years.
const MAX_DAYS: i64 = 36_500;

impl FromStr for When {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::Instant(at));
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(days) =
            text.strip_suffix('d').filter(|days| is_number(days.trim_start_matches(['+', '-'])))
        {
            let days = days.parse().ok().filter(|days| (-MAX_DAYS..=MAX_DAYS).contains(days));
            return days.map(Self::Days).ok_or_else(|| BadTime::TooFar(text.to_owned()));
        }
        if let Ok(local) = text.parse() {
            return Ok(Self::Local(local));
        }
        match text.parse::<Date>() {
            Ok(date) => Ok(Self::Local(date.at(0, 0, 0, 0))),
            Err(_) if has_date_shape(text) => Err(BadTime::Calendar(text.to_owned())),
            Err(_) => Err(BadTime::Shape(text.to_owned())),
        }
    }
}

/// Returns true for a text that begins like `2027-03-02`.
fn has_date_shape(text: &str) -> bool {
    let shape: String = text.chars().take(10).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00"
}

impl When {
    /// Returns the time, given the current one. A time without an offset is in `zone`.
    ///
    /// # Errors
    /// Returns an error for a time outside the years -9999 to 9999.
    pub fn resolve(&self, zone: &TimeZone, now: Timestamp) -> anyhow::Result<Timestamp> {
        Ok(match self {
            Self::Now => now,
            Self::Days(days) => now.checked_add((days * 24).hours())?,
            Self::Instant(at) => *at,
            Self::Local(local) => zone.to_ambiguous_zoned(*local).compatible()?.timestamp(),
        })
    }
}

/// Formats a time in a time zone, such as `Tue 2 Mar 2027 10:05`.
pub fn show(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M").to_string()
}

/// Formats a stored time as [`show`] does; `?` if it is out of range.
pub fn show_millis(at: Millis, zone: &TimeZone) -> String {
    at.timestamp().map_or_else(|_| "?".to_owned(), |at| show(at, zone))
}

/// Formats a local time that applies in each contact's time zone.
pub fn show_contact_time(wall: DateTime) -> String {
    format!("{} (each contact's time)", wall.strftime("%a %-d %b %Y %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_command_line_are_parsed() -> anyhow::Result<()> {
        let zone = TimeZone::get("Asia/Shanghai")?;
        let now: Timestamp = "2027-01-01T00:00:00Z".parse()?;
        let parse = |text: &str, zone: &TimeZone, now| text.parse::<When>()?.resolve(zone, now);
        assert_eq!(parse("now", &zone, now)?, now);
        assert_eq!(parse("2027-03-02", &zone, now)?.to_string(), "2027-03-01T16:00:00Z");
        assert_eq!(parse("2027-03-02T10:00", &zone, now)?.to_string(), "2027-03-02T02:00:00Z");
        assert_eq!(parse("2027-03-02T10:00:00Z", &zone, now)?.to_string(), "2027-03-02T10:00:00Z");
        assert_eq!(parse("+14d", &zone, now)?.to_string(), "2027-01-15T00:00:00Z");
        assert_eq!(parse("-7d", &zone, now)?.to_string(), "2026-12-25T00:00:00Z");
        Ok(())
    }
}
