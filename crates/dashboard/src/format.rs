//! The notation of numbers, rates and times on pages.

use insight::{Interval, Proportion};
use jiff::Zoned;
use jiff::civil::DateTime;
use store::Millis;

pub(crate) use crate::digits::number;
pub(crate) use crate::times::Times;
use crate::words;

/// Formats a share as a percentage such as `3.4%`: two decimals below one per cent, otherwise one;
/// none for exactly 0% and 100%.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || (percent - 100.0).abs() < f64::EPSILON {
        return format!("{percent:.0}%");
    }
    let digits = if percent.abs() < 0.995 { 2 } else { 1 };
    format!("{percent:.digits$}%").replace('-', "−")
}

/// Formats a ratio as a whole percentage with its sign, such as `+2,630%`; it may exceed 100% and
/// be negative.
#[allow(clippy::cast_possible_truncation, reason = "saturates, far above any real return")]
pub(crate) fn signed_percent(ratio: f64) -> String {
    let percent = (ratio * 100.0).round() as i64;
    let sign = if percent > 0 { "+" } else { "" };
    format!("{sign}{}%", number(percent))
}

/// Formats a range of shares, such as `2.9–3.5%`.
pub(crate) fn interval(range: Interval) -> String {
    let (low, high) = (percent(range.low), percent(range.high));
    format!("{}–{high}", low.trim_end_matches('%'))
}

/// Formats a proportion as a percentage, or as a dash if it is undefined.
pub(crate) fn rate(proportion: Proportion) -> String {
    proportion.value().map_or_else(|| words::NONE.to_owned(), percent)
}

/// Formats a count with its noun: `1 message`, `2,000 messages`.
pub(crate) fn count(value: i64, (one, many): (&str, &str)) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

impl Times {
    /// Returns the IANA name of the zone, or its offset.
    pub(crate) fn zone_name(&self) -> String {
        match self.zone.iana_name() {
            Some(name) => name.to_owned(),
            None => self.zone.to_offset(self.now).to_string(),
        }
    }

    /// Formats a time as `Tue 2 Mar, 10:00`, with the year unless it is the current one.
    pub(crate) fn minute(&self, time: Millis) -> String {
        self.written(time, "%a %-d %b, %H:%M", "%a %-d %b %Y, %H:%M")
    }

    /// Formats a wall-clock time in each contact's own zone, like [`Self::minute`].
    pub(crate) fn civil(&self, at: DateTime) -> String {
        let same = at.year() == self.now.to_zoned(self.zone.clone()).year();
        at.strftime(if same { "%a %-d %b, %H:%M" } else { "%a %-d %b %Y, %H:%M" }).to_string()
    }

    /// Formats a time as `Tue 2 Mar, 10:00:07`, with the year unless it is the current one.
    pub(crate) fn second(&self, time: Millis) -> String {
        self.written(time, "%a %-d %b, %H:%M:%S", "%a %-d %b %Y, %H:%M:%S")
    }

    /// Formats a date as `Tuesday 2 March 2027`.
    pub(crate) fn day(&self, time: Millis) -> String {
        self.written(time, "%A %-d %B %Y", "%A %-d %B %Y")
    }

    /// Formats a date as `2 Mar`.
    pub(crate) fn short_day(&self, time: Millis) -> String {
        self.written(time, "%-d %b", "%-d %b")
    }

    /// Formats a time of day as `10:00`.
    pub(crate) fn clock(&self, time: Millis) -> String {
        self.written(time, "%H:%M", "%H:%M")
    }

    /// Formats an instant for a `datetime` attribute, in UTC; empty if it is out of range.
    pub(crate) fn machine(&self, time: Millis) -> String {
        time.timestamp().map_or_else(|_| String::new(), |at| at.to_string())
    }

    /// Formats the distance from now: `in 3 hours`, `2 days ago`.
    pub(crate) fn distance(&self, time: Millis) -> String {
        let minutes = time.since(self.now.into()).div_euclid(60_000);
        words::distance(minutes)
    }

    /// Returns the time in the zone; `None` if it is out of range.
    pub(crate) fn at(&self, time: Millis) -> Option<Zoned> {
        time.timestamp().ok().map(|at| at.to_zoned(self.zone.clone()))
    }

    fn written(&self, time: Millis, this_year: &str, other_year: &str) -> String {
        let Some(at) = self.at(time) else { return words::NONE.to_owned() };
        let same = at.year() == self.now.to_zoned(self.zone.clone()).year();
        at.strftime(if same { this_year } else { other_year }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let written: Vec<_> = [0, 7, 999, 1_000, 12_041, -1_234_567, i64::MIN].map(number).into();
        assert_eq!(written, ["0", "7", "999", "1,000", "12,041", "−1,234,567", "−9,223,372,036,854,775,808"]);
    }

    #[test]
    fn percentages_have_significant_digits() {
        assert_eq!(
            [0.0, 0.0004, 0.034_3, 0.5, 0.999_6, 1.0].map(percent),
            ["0%", "0.04%", "3.4%", "50.0%", "100.0%", "100%"]
        );
        assert_eq!([26.3, -1.0, 0.0].map(signed_percent), ["+2,630%", "−100%", "0%"]);
        assert_eq!(interval(Interval { low: 0.0289, high: 0.0351 }), "2.9–3.5%");
    }

    #[test]
    fn times_are_in_the_zone_and_name_another_year() {
        let now: Timestamp = "2027-03-02T01:00:00Z".parse().unwrap();
        let times = Times { zone: TimeZone::get("Asia/Shanghai").unwrap(), now };
        assert_eq!(times.minute(now.into()), "Tue 2 Mar, 09:00");
        assert_eq!(times.minute(Millis::EPOCH), "Thu 1 Jan 1970, 08:00");
        assert_eq!(times.minute(Millis::MAX), words::NONE);
        assert_eq!(times.zone_name(), "Asia/Shanghai");
        assert_eq!(times.distance(Millis::from(now) + 3 * 3_600_000), "in 3 hours");
        assert_eq!(times.distance(Millis::MIN), words::distance(i64::MIN / 60_000));
    }
}
