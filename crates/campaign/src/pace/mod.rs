//! How fast and how much: rates, daily caps, warm-up, and when something so bounded would be finished.

mod finish;
mod rate;

use jiff::civil::Date;

pub use self::finish::Load;
pub use self::rate::{BadRate, Rate};

/// How many messages may go out in a day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Daily {
    /// On any day, if bounded: 1 or more.
    pub cap: Option<u32>,
    /// On the days of a beginning.
    pub warm_up: Option<WarmUp>,
}

/// A new sender begins small: `start × growth^day` messages on each day. Receivers trust nobody whose volume jumps.
#[derive(Debug, Clone, PartialEq)]
pub struct WarmUp {
    /// How many on the first day, and on any day before it: 1 or more.
    pub start: u32,
    /// How many times as many on each day after: 1 to 10.
    pub growth: f64,
    /// The first day.
    pub from: Date,
}

/// The number of a day: days since 1970 began. Counts of a day are kept under it.
#[must_use]
pub fn day_number(day: Date) -> i64 {
    Date::constant(1970, 1, 1).until(day).map_or(0, |span| i64::from(span.get_days()))
}

impl Daily {
    /// How many messages may go out on `day`; `None` when any number may.
    #[must_use]
    pub fn on(&self, day: Date) -> Option<u64> {
        let warm_up = self.warm_up.as_ref().map(|warm_up| warm_up.on(day));
        let cap = self.cap.map(u64::from);
        match (cap, warm_up) {
            (Some(cap), Some(warm_up)) => Some(cap.min(warm_up)),
            (one, other) => one.or(other),
        }
    }

    /// Whether any number may go out on any day.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.cap.is_none() && self.warm_up.is_none()
    }
}

impl WarmUp {
    /// How many messages may go out on `day`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    pub fn on(&self, day: Date) -> u64 {
        let days = self.from.until(day).map_or(0, |span| span.get_days()).max(0);
        (f64::from(self.start) * self.growth.powi(days)) as u64
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// What SendGrid's automatic warm-up allows per hour on day 0, 1, 2, 5, 10, 15, 20: 20 × 1.4^day
    /// (reference/email.md §1.5).
    #[test]
    fn a_warm_up_grows_as_the_table_of_a_large_sender() {
        let warm_up = WarmUp { start: 20, growth: 1.4, from: date(2027, 3, 1) };
        for (day, count) in [(0, 20), (1, 28), (2, 39), (5, 107), (10, 578), (15, 3_111), (20, 16_733)] {
            let day = date(2027, 3, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            assert_eq!(warm_up.on(day), count);
        }
    }

    #[test]
    fn days_are_numbered_one_after_another() {
        for (day, number) in [(date(1970, 1, 1), 0), (date(1969, 12, 31), -1), (date(2027, 1, 1), 20_819)] {
            assert_eq!(day_number(day), number);
        }
    }

    #[test]
    fn the_smaller_bound_holds() {
        let warm_up = WarmUp { start: 50, growth: 10.0, from: date(2027, 3, 1) };
        let daily = Daily { cap: Some(4_000), warm_up: Some(warm_up) };
        assert_eq!(daily.on(date(2026, 1, 1)), Some(50), "before its first day");
        assert_eq!(daily.on(date(2027, 3, 2)), Some(500));
        assert_eq!(daily.on(date(2027, 3, 3)), Some(4_000));
        assert_eq!(daily.on(Date::MAX), Some(4_000));
        assert_eq!(Daily { cap: None, ..daily.clone() }.on(Date::MAX), Some(u64::MAX));
        assert_eq!(Daily::default().on(Date::MAX), None);
        assert!(Daily::default().is_open() && !daily.is_open());
    }
}
