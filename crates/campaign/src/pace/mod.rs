//! Sending limits: rates, daily caps and warm-up, and the forecast of when a backlog is sent.

mod forecast;
mod rate;

use jiff::civil::Date;

pub use self::forecast::SendForecast;
pub use self::rate::{BadRate, Rate};

/// The limit on messages per day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DailyLimit {
    /// Maximum for any day, if limited: 1 or more.
    pub cap: Option<u32>,
    /// The growing limit of a new sender, if it warms up.
    pub warm_up: Option<WarmUp>,
}

/// The warm-up of a new sender: at most `start × growth^day` messages on each day, because
/// receivers distrust senders whose volume jumps.
#[derive(Debug, Clone, PartialEq)]
pub struct WarmUp {
    /// Limit of the first day, and of any day before it: 1 or more.
    pub start: u32,
    /// Factor by which the limit grows each day: 1 to 10.
    pub growth: f64,
    /// The first day of the warm-up.
    pub from: Date,
}

/// Returns the number of a day, in days since 1970-01-01; counts per day are stored under it.
#[must_use]
pub fn day_number(day: Date) -> i64 {
    Date::constant(1970, 1, 1).until(day).map_or(0, |span| i64::from(span.get_days()))
}

impl DailyLimit {
    /// Returns the maximum number of messages on `day`; `None` if unlimited.
    #[must_use]
    pub fn limit_on(&self, day: Date) -> Option<u64> {
        let warm_up = self.warm_up.as_ref().map(|warm_up| warm_up.limit_on(day));
        let cap = self.cap.map(u64::from);
        match (cap, warm_up) {
            (Some(cap), Some(warm_up)) => Some(cap.min(warm_up)),
            (one, other) => one.or(other),
        }
    }

    /// Returns true if no day is limited.
    #[must_use]
    pub const fn is_unlimited(&self) -> bool {
        self.cap.is_none() && self.warm_up.is_none()
    }
}

impl WarmUp {
    /// Returns the maximum number of messages on `day`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    pub fn limit_on(&self, day: Date) -> u64 {
        let days = self.from.until(day).map_or(0, |span| span.get_days()).max(0);
        (f64::from(self.start) * self.growth.powi(days)) as u64
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The limits per hour of SendGrid's automatic warm-up on day 0, 1, 2, 5, 10, 15, 20: 20 ×
    /// 1.4^day (reference/email.md §1.5).
    #[test]
    fn a_warm_up_grows_like_the_table_of_a_large_sender() {
        let warm_up = WarmUp { start: 20, growth: 1.4, from: date(2027, 3, 1) };
        for (day, count) in [(0, 20), (1, 28), (2, 39), (5, 107), (10, 578), (15, 3_111), (20, 16_733)] {
            let day = date(2027, 3, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            assert_eq!(warm_up.limit_on(day), count);
        }
    }

    #[test]
    fn days_are_numbered_one_after_another() {
        for (day, number) in [(date(1970, 1, 1), 0), (date(1969, 12, 31), -1), (date(2027, 1, 1), 20_819)] {
            assert_eq!(day_number(day), number);
        }
    }

    #[test]
    fn the_lower_limit_applies() {
        let warm_up = WarmUp { start: 50, growth: 10.0, from: date(2027, 3, 1) };
        let daily = DailyLimit { cap: Some(4_000), warm_up: Some(warm_up) };
        assert_eq!(daily.limit_on(date(2026, 1, 1)), Some(50), "before its first day");
        assert_eq!(daily.limit_on(date(2027, 3, 2)), Some(500));
        assert_eq!(daily.limit_on(date(2027, 3, 3)), Some(4_000));
        assert_eq!(daily.limit_on(Date::MAX), Some(4_000));
        assert_eq!(DailyLimit { cap: None, ..daily.clone() }.limit_on(Date::MAX), Some(u64::MAX));
        assert_eq!(DailyLimit::default().limit_on(Date::MAX), None);
        assert!(DailyLimit::default().is_unlimited() && !daily.is_unlimited());
    }
}
