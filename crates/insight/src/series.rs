//! Time series of counts: consecutive buckets without gaps.

use serde::Serialize;

use crate::counts::Counts;

/// Maximum number of buckets of a series; more than a year of hours.
pub const MAX_BUCKETS: usize = 10_000;

/// Length of an hour, in milliseconds.
const HOUR: i64 = 3_600_000;

/// A bucket of a series: its start and counts. It ends where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The start of the bucket, in milliseconds since the Unix epoch.
    pub start: i64,
    /// The counts of the bucket.
    pub counts: Counts,
}

/// Counts in consecutive time buckets without gaps: a bucket without events is present, with zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    points: Vec<Point>,
    /// Exclusive end of the last bucket, in milliseconds since the Unix epoch.
    end: i64,
}

impl Series {
    /// Creates an empty series whose buckets start at `starts`, sorted and deduplicated; the last
    /// bucket ends at `end`, exclusive. Times are milliseconds since the Unix epoch. The caller
    /// knows the time zone, so days may have 23 or 25 hours. Starts at or after `end`, and all but
    /// the latest [`MAX_BUCKETS`], are dropped.
    #[must_use]
    pub fn over(starts: impl IntoIterator<Item = i64>, end: i64) -> Self {
        let mut starts: Vec<i64> = starts.into_iter().filter(|start| *start < end).collect();
        starts.sort_unstable();
        starts.dedup();
        starts.drain(..starts.len().saturating_sub(MAX_BUCKETS));
        let points = starts.into_iter().map(|start| Point { start, counts: Counts::default() });
        Self { points: points.collect(), end }
    }

    /// Creates an empty series of every UTC hour that overlaps `from <= t < to` (milliseconds since
    /// the Unix epoch); only the latest [`MAX_BUCKETS`] of them.
    #[must_use]
    pub fn hours(from: i64, to: i64) -> Self {
        let first = from.div_euclid(HOUR);
        let last = to.saturating_sub(1).div_euclid(HOUR);
        let max_buckets = i64::try_from(MAX_BUCKETS).unwrap_or(i64::MAX);
        let first = first.max(last.saturating_sub(max_buckets - 1));
        let hours = if from < to { first..last.saturating_add(1) } else { 0..0 };
        Self::over(hours.map(|hour| hour.saturating_mul(HOUR)), last.saturating_add(1).saturating_mul(HOUR))
    }

    /// Adds `counts` to the bucket that contains the time `at`. Returns false if there is none.
    pub fn add(&mut self, at: i64, counts: &Counts) -> bool {
        let after = self.points.partition_point(|point| point.start <= at);
        let bucket = after.checked_sub(1).and_then(|index| self.points.get_mut(index));
        match bucket {
            Some(point) if at < self.end => {
                point.counts += counts;
                true
            }
            _ => false,
        }
    }

    /// Returns the buckets, in order of time.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Returns the sum of all buckets.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.points.iter().map(|point| &point.counts).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(sent: i64) -> Counts {
        Counts { sent, ..Counts::default() }
    }

    #[test]
    fn an_hour_without_events_is_present() {
        let mut series = Series::hours(HOUR + 5, 4 * HOUR);
        assert!(series.add(HOUR, &sent(3)));
        assert!(series.add(3 * HOUR + 17, &sent(4)));
        assert!(!series.add(4 * HOUR, &sent(100)));
        assert!(!series.add(0, &sent(100)));
        let seen: Vec<_> = series.points().iter().map(|p| (p.start / HOUR, p.counts.sent)).collect();
        assert_eq!(seen, [(1, 3), (2, 0), (3, 4)]);
    }

    #[test]
    fn a_day_may_have_23_hours() {
        let mut days = Series::over([0, 24 * HOUR, 47 * HOUR], 71 * HOUR);
        assert!(days.add(47 * HOUR - 1, &sent(1)));
        assert!(days.add(47 * HOUR, &sent(2)));
        assert_eq!(days.points().iter().map(|p| p.counts.sent).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn a_reversed_range_is_empty_and_a_long_one_is_bounded() {
        assert!(Series::hours(HOUR, HOUR).points().is_empty());
        assert!(Series::hours(9, 3).points().is_empty());
        assert_eq!(Series::hours(i64::MIN, i64::MAX).points().len(), MAX_BUCKETS);
        assert_eq!(Series::over(0..20_000, i64::MAX).points().first().map(|p| p.start), Some(10_000));
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_what_was_added(hits in proptest::collection::vec((0_i64..100 * HOUR, 0_i64..1_000), 0..50)) {
            let mut series = Series::hours(10 * HOUR, 90 * HOUR);
            let mut added = 0;
            for (at, count) in &hits {
                let inside = (10 * HOUR..90 * HOUR).contains(at);
                prop_assert_eq!(series.add(*at, &sent(*count)), inside);
                added += if inside { *count } else { 0 };
            }
            prop_assert_eq!(series.total().sent, added);
        }
    }
}
