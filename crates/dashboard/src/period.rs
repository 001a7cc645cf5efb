//! The reporting period of the overview.

use insight::Series;
use jiff::ToSpan;
use store::Millis;

use crate::times::Times;

/// One hour in milliseconds.
pub(crate) const HOUR: i64 = 3_600_000;

/// A reporting period that ends with the current hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Period {
    /// This hour and the 23 before it.
    Day,
    /// Today and the 6 days before it, by the hour.
    Week,
    /// Today and the 29 days before it.
    Month,
    /// Today and the 89 days before it.
    Quarter,
}

/// A half-open range of time: `to` is not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Span {
    /// The start, on the hour.
    #[serde(serialize_with = "store::iso8601::serialize")]
    pub(crate) from: Millis,
    /// The end, on the hour; not included.
    #[serde(serialize_with = "store::iso8601::serialize")]
    pub(crate) to: Millis,
}

impl Period {
    /// All periods, shortest first.
    pub(crate) const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// Returns the name used in addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    /// Returns the period with this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    const fn days(self) -> i32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// Returns the start and the end of the period.
    pub(crate) fn span(self, times: &Times) -> Span {
        let now = Millis::from(times.now);
        let to = now.floor(HOUR) + HOUR;
        let from = match self {
            Self::Day => to - 24 * HOUR,
            _ => self.midnights(times).first().map_or(to - 24 * HOUR, |start| start.floor(HOUR)),
        };
        Span { from, to }
    }

    /// Returns a series of empty buckets: hours, or days of the zone.
    pub(crate) fn buckets(self, times: &Times) -> Series {
        let span = self.span(times);
        match self {
            Self::Day | Self::Week => Series::hours(span.from.as_millisecond(), span.to.as_millisecond()),
            Self::Month | Self::Quarter => {
                let hour = |start: Millis| start.floor(HOUR).as_millisecond();
                Series::over(self.midnights(times).into_iter().map(hour), span.to.as_millisecond())
            }
        }
    }

    /// Returns true if the buckets are days.
    pub(crate) const fn by_day(self) -> bool {
        matches!(self, Self::Month | Self::Quarter)
    }

    /// Returns the start of each day of the period in the brand's zone.
    fn midnights(self, times: &Times) -> Vec<Millis> {
        let today = times.now.to_zoned(times.zone.clone()).date();
        (0..self.days())
            .rev()
            .filter_map(|back| today.checked_sub(back.days()).ok())
            .filter_map(|day| day.to_zoned(times.zone.clone()).ok())
            .map(|start| start.timestamp().into())
            .collect()
    }
}

impl Span {
    /// Returns the range of the same length just before this one.
    pub(crate) fn previous(self) -> Self {
        Self { from: self.from - (self.to - self.from), to: self.from }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn times(zone: &str, now: &str) -> Times {
        Times { zone: TimeZone::get(zone).unwrap(), now: now.parse().unwrap() }
    }

    #[test]
    fn a_day_is_24_hours_up_to_the_end_of_the_current_hour() {
        let span = Period::Day.span(&times("Asia/Shanghai", "2027-03-02T01:20:00Z"));
        assert_eq!(span.to - span.from, 24 * HOUR);
        assert_eq!(span.to, Millis::from("2027-03-02T02:00:00Z".parse::<jiff::Timestamp>().unwrap()));
        assert_eq!(span.previous().to, span.from);
    }

    #[test]
    fn a_month_has_thirty_days_of_the_brand_even_where_one_has_23_hours() {
        let times = times("Europe/Berlin", "2027-04-10T10:00:00Z");
        let buckets = Period::Month.buckets(&times);
        let starts: Vec<i64> = buckets.points().iter().map(|point| point.start).collect();
        assert_eq!(starts.len(), 30);
        let lengths: Vec<i64> = starts.windows(2).map(|pair| (pair[1] - pair[0]) / HOUR).collect();
        assert_eq!(lengths.iter().filter(|hours| **hours == 23).count(), 1);
        assert!(lengths.iter().all(|hours| matches!(hours, 23 | 24)));
    }

    #[test]
    fn zones_with_fractional_offsets_have_as_many_days() {
        for zone in ["Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia"] {
            let buckets = Period::Month.buckets(&times(zone, "2027-03-02T01:20:00Z"));
            assert_eq!(buckets.points().len(), 30, "{zone}");
        }
    }

    #[test]
    fn names_round_trip() {
        for period in Period::ALL {
            assert_eq!(Period::parse(period.name()), Some(period));
        }
        assert_eq!(Period::parse("century"), None);
    }
}
