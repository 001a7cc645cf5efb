//! How fast a channel may speak: `100/s`.

use std::time::Duration;

use super::Rate;

/// A text that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRate {
    /// Not a number, a stroke and a unit.
    #[error("a rate is a whole number, `/` and one of `s`, `min`, `h`, `d`")]
    Shape,
    /// Nothing would ever be sent.
    #[error("a rate is at least one message")]
    Zero,
}

impl Rate {
    /// Reads `100/s`, `30/min`, `500/h` or `2000/d`.
    ///
    /// # Errors
    /// [`BadRate`] says what is wrong.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_so_many_in_so_long() {
        for (text, count, seconds) in
            [("100/s", 100, 1), ("30 / min", 30, 60), ("500/h", 500, 3600), ("1/d", 1, 86_400)]
        {
            assert_eq!(Rate::parse(text), Ok(Rate { count, per: Duration::from_secs(seconds) }));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "100", "/s", "100/", "100/week", "1.5/s", "-1/s", "+1/s", "99999999999/s"] {
            assert_eq!(Rate::parse(text), Err(BadRate::Shape), "{text}");
        }
        assert_eq!(Rate::parse("0/s"), Err(BadRate::Zero));
    }
}
