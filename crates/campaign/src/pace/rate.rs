//! Sending rates such as `100/s`.

use std::fmt;
use std::time::Duration;

/// A sending rate: a number of messages per unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Number of messages: 1 or more.
    pub count: u32,
    /// The unit of time: a second, minute, hour or day.
    pub per: Duration,
}

/// The reason why a text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRate {
    /// The text is not a whole number, a slash and a unit.
    #[error("a rate is a whole number, `/` and one of `s`, `min`, `h`, `d`")]
    Shape,
    /// The rate is zero, so that nothing would ever be sent.
    #[error("a rate is at least one message")]
    Zero,
}

impl Rate {
    /// Parses `100/s`, `30/min`, `500/h` or `2000/d`.
    ///
    /// # Errors
    /// [`BadRate`] if the text is no such rate.
    pub fn parse(text: &str) -> Result<Self, BadRate> {
        let (count, unit) = text.split_once('/').ok_or(BadRate::Shape)?;
        let (count, unit) = (count.trim(), unit.trim());
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(BadRate::Shape),
        };
        if count.is_empty() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadRate::Shape);
        }
        match count.parse() {
            Ok(0) => Err(BadRate::Zero),
            Ok(count) => Ok(Self { count, per: Duration::from_secs(seconds) }),
            Err(_) => Err(BadRate::Shape),
        }
    }
}

impl Rate {
    /// Returns the rate in messages per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        f64::from(self.count) / self.per.as_secs_f64()
    }

    /// Returns the time that `count` messages take, in µs; rounded up, so that the rate is never
    /// exceeded.
    #[must_use]
    pub fn micros_for(self, count: i64) -> i64 {
        let (per, each) = self.micros_and_count();
        i64::try_from((i128::from(count) * per + each - 1) / each).unwrap_or(i64::MAX)
    }

    /// Returns the number of messages that `span`, in µs, allows.
    #[must_use]
    pub fn count_within(self, span: i64) -> i64 {
        let (per, each) = self.micros_and_count();
        i64::try_from(i128::from(span) * each / per).unwrap_or(i64::MAX)
    }

    /// Returns the unit of time in µs, at least 1, and the number of messages in it, at least 1.
    fn micros_and_count(self) -> (i128, i128) {
        let per = i128::try_from(self.per.as_micros()).unwrap_or(i128::MAX);
        (per.max(1), i128::from(self.count.max(1)))
    }
}

/// Formats the rate as in files: `100/s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "min",
            3600 => "h",
            86_400 => "d",
            seconds => return write!(f, "{}/{seconds}s", self.count),
        };
        write!(f, "{}/{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_count_per_unit_of_time() {
        for (text, count, seconds) in
            [("100/s", 100, 1), ("30 / min", 30, 60), ("500/h", 500, 3600), ("1/d", 1, 86_400)]
        {
            let rate = Rate { count, per: Duration::from_secs(seconds) };
            assert_eq!(Rate::parse(text), Ok(rate));
            assert_eq!(rate.to_string(), text.replace(' ', ""));
        }
    }

    #[test]
    fn converts_between_counts_and_times() {
        let rate = |text| Rate::parse(text).unwrap();
        for (text, count, span) in
            [("1/s", 1, 1_000_000), ("30000/s", 1, 34), ("30000/s", 3, 100), ("10/d", 1, 8_640_000_000)]
        {
            assert_eq!(rate(text).micros_for(count), span, "{text}");
            assert_eq!(rate(text).count_within(span), count, "{text}");
        }
        assert_eq!(rate("1/d").micros_for(i64::MAX), i64::MAX);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "100", "/s", "100/", "100/week", "1.5/s", "-1/s", "+1/s", "99999999999/s"] {
            assert_eq!(Rate::parse(text), Err(BadRate::Shape), "{text}");
        }
        assert_eq!(Rate::parse("0/s"), Err(BadRate::Zero));
    }
}
