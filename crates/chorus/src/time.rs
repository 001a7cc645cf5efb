//! Parsing of times from the command line, and formatting of times for people.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use store::Millis;

use crate::output::user_error;

/// Parses `2027-03-02`, `2027-03-02T10:00`, `2027-03-02T10:00:00Z`, `now`, or days relative to now
/// such as `+14d` and `-7d`. Times without an offset are in `zone`.
pub(crate) fn parse(text: &str, zone: &TimeZone, now: Timestamp) -> anyhow::Result<Timestamp> {
    if text == "now" {
        return Ok(now);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()) {
        return Ok(now.checked_add((days.clamp(-36_500, 36_500) * 24).hours())?);
    }
    let local = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    let local = local.map_err(|_| {
        user_error(format!("{text:?} is no time; write 2027-03-02, 2027-03-02T10:00, +14d or -7d"))
    })?;
    Ok(zone.to_ambiguous_zoned(local).compatible()?.timestamp())
}

/// Formats a time in a time zone, such as `Tue 2 Mar 2027 10:05`.
pub(crate) fn show(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M").to_string()
}

/// Formats a stored time as [`show`] does; `?` if it is out of range.
pub(crate) fn show_millis(at: Millis, zone: &TimeZone) -> String {
    at.timestamp().map_or_else(|_| "?".to_owned(), |at| show(at, zone))
}

/// Formats a local time that applies in each contact's time zone.
pub(crate) fn show_contact_time(wall: DateTime) -> String {
    format!("{} (each contact's time)", wall.strftime("%a %-d %b %Y %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_command_line_are_parsed() -> anyhow::Result<()> {
        let zone = TimeZone::get("Asia/Shanghai")?;
        let now: Timestamp = "2027-01-01T00:00:00Z".parse()?;
        assert_eq!(parse("now", &zone, now)?, now);
        assert_eq!(parse("2027-03-02", &zone, now)?.to_string(), "2027-03-01T16:00:00Z");
        assert_eq!(parse("2027-03-02T10:00", &zone, now)?.to_string(), "2027-03-02T02:00:00Z");
        assert_eq!(parse("2027-03-02T10:00:00Z", &zone, now)?.to_string(), "2027-03-02T10:00:00Z");
        assert_eq!(parse("+14d", &zone, now)?.to_string(), "2027-01-15T00:00:00Z");
        assert!(parse("soon", &zone, now).is_err());
        Ok(())
    }
}
