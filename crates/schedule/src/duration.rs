//! The parser of durations in files and options: `3d`, `90m`, `1h 30m`.

use std::time::Duration;

/// The longest duration accepted: 3,660 days, about ten years.
pub const MAX_DURATION: Duration = Duration::from_secs(3660 * DAY);

const DAY: u64 = 86_400;

/// Error for a text that is not a valid duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// The text is not a sequence of whole numbers with units.
    #[error("a length of time is a whole number and a unit: `30s`, `90m`, `36h`, `3d`, `2w` or `1d 12h`")]
    Shape,
    /// The sum is zero.
    #[error("a length of time is more than nothing")]
    Zero,
    /// The sum exceeds [`MAX_DURATION`].
    #[error("a length of time is at most ten years")]
    TooLong,
}

/// Parses whole numbers with the units `s`, `m` or `min`, `h`, `d` and `w`, and returns their sum.
/// A day is 24 hours.
///
/// # Errors
/// [`BadDuration`] if the text has another form, or its sum is zero or exceeds [`MAX_DURATION`].
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let mut rest = text.trim();
    let mut total = 0u64;
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_where(after.trim_start(), |c| !c.is_ascii_alphabetic());
        let seconds = seconds(unit).ok_or(BadDuration::Shape)?;
        let part = match number.parse::<u64>() {
            Ok(number) => number.checked_mul(seconds).ok_or(BadDuration::TooLong)?,
            Err(_) if number.is_empty() => return Err(BadDuration::Shape),
            Err(_) => return Err(BadDuration::TooLong),
        };
        total = total.checked_add(part).ok_or(BadDuration::TooLong)?;
        rest = after.trim_start();
    }
    match Duration::from_secs(total) {
        _ if text.trim().is_empty() => Err(BadDuration::Shape),
        Duration::ZERO => Err(BadDuration::Zero),
        length if length > MAX_DURATION => Err(BadDuration::TooLong),
        length => Ok(length),
    }
}

fn split_where(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

fn seconds(unit: &str) -> Option<u64> {
    match unit {
        "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        "d" => Some(DAY),
        "w" => Some(7 * DAY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_with_units_are_added_up() {
        for (text, seconds) in [
            ("30s", 30),
            ("90m", 5400),
            ("5 min", 300),
            ("1h", 3600),
            ("3d", 3 * DAY),
            ("2w", 14 * DAY),
            ("1d 12h", DAY + 43_200),
            ("1h30m", 5400),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", " ", "3", "d", "3 days", "1.5h", "-1h", "3M", "１d", "h3"] {
            assert_eq!(parse(text), Err(BadDuration::Shape), "{text}");
        }
        assert_eq!(parse("0s"), Err(BadDuration::Zero));
        assert_eq!(parse("3661d"), Err(BadDuration::TooLong));
        assert_eq!(parse("99999999999999999999s"), Err(BadDuration::TooLong));
        assert_eq!(parse("18446744073709551615w"), Err(BadDuration::TooLong));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9smhdwin .\\PC]{0,40}") {
            if let Ok(length) = parse(&text) {
                prop_assert!(length <= MAX_DURATION);
            }
        }
    }
}
