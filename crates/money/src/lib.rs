//! Amounts of money as whole millionths of a currency unit, so that sums are exact; parsed from
//! files and printed for people.
//!
//! Invariants:
//! - A parsed amount is exact: [`parse()`] rounds nothing, and returns an error for an amount finer
//!   than a millionth.
//! - No sum, difference or product wraps around: it saturates, or is `None`.
//! - An amount holds no currency: the caller that prints it passes one. Amounts of two currencies
//!   are never added.
//!
//! ```
//! use money::{BadAmount, Money};
//!
//! let price = money::parse("1234.5")?;
//! assert_eq!(price.exact("CNY"), "1,234.50 CNY");
//! assert_eq!(price.rounded("JPY"), "JPY 1,235");
//! assert_eq!(price.saturating_mul(2), Money::from_millionths(2_469_000_000));
//! assert_eq!(money::parse("0.0000001"), Err(BadAmount::TooFine));
//! # Ok::<(), BadAmount>(())
//! ```

mod digits;
mod print;

use std::fmt;

pub use digits::grouped;

/// An amount of some currency, in millionths of its unit; negative for money that is given back.
/// Serialized as a decimal text such as `199.50`, which no reader rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Money {
    /// The amount of zero.
    pub const ZERO: Self = Self(0);

    /// Returns the amount of `millionths` millionths of a currency unit.
    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// Returns the amount in millionths of a currency unit.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// Returns true for an amount of zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns the sum, or `None` where it overflows 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Returns the sum, or the nearest amount that fits 64 bits.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, or the nearest amount that fits 64 bits.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns `count` times the amount, or the nearest amount that fits 64 bits.
    #[must_use]
    pub const fn saturating_mul(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.decimal())
    }
}

impl From<i64> for Money {
    fn from(millionths: i64) -> Self {
        Self(millionths)
    }
}

/// An ISO 4217 currency code: three capital letters, not checked against the list of currencies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Returns the currency of a code of three capital ASCII letters; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())).then(|| Self(text.to_owned()))
    }

    /// Returns the three-letter code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The cost of one message on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The price of each message sent.
    pub per_message: Money,
    /// The currency of the price.
    pub currency: Currency,
}

/// The reason why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// The text holds anything other than digits and one decimal point.
    #[error("an amount is digits with at most one decimal point, such as 20000 or 0.001")]
    NotANumber,
    /// The amount is below zero.
    #[error("an amount cannot be below zero")]
    Negative,
    /// The amount has more than six decimals.
    #[error("an amount has at most six decimals")]
    TooFine,
    /// The amount overflows 64 bits.
    #[error("an amount is at most 9223372036854")]
    TooBig,
}

/// Parses a decimal such as `20000` or `0.001`, exactly.
///
/// # Errors
/// Returns [`BadAmount`] for a text that is no decimal, is negative, has more than six decimals, or
/// overflows 64 bits.
pub fn parse(text: &str) -> Result<Money, BadAmount> {
    if text.starts_with('-') {
        return Err(BadAmount::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(BadAmount::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return Err(BadAmount::TooFine);
    }
    let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| BadAmount::TooFine)?;
    let whole: i64 = whole.parse().map_err(|_| BadAmount::TooBig)?;
    let whole = whole.checked_mul(1_000_000).ok_or(BadAmount::TooBig)?;
    Money(whole).checked_add(Money(fraction)).ok_or(BadAmount::TooBig)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_parsed_exactly() {
        for (text, micros) in [
            ("0", 0),
            ("20000", 20_000_000_000),
            ("0.001", 1_000),
            ("0.1", 100_000),
            ("19.99", 19_990_000),
            ("1.10000000", 1_100_000),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(parse(text), Ok(Money(micros)), "{text}");
        }
    }

    #[test]
    fn invalid_amounts_are_rejected() {
        for text in ["", ".", "1.", ".5", "1e3", "inf", "nan", "1,5", "1.2.3", "0x10", "１"] {
            assert_eq!(parse(text), Err(BadAmount::NotANumber), "{text}");
        }
        assert_eq!(parse("-1"), Err(BadAmount::Negative));
        assert_eq!(parse("0.0000001"), Err(BadAmount::TooFine));
        assert_eq!(parse("9223372036854.775808"), Err(BadAmount::TooBig));
        assert_eq!(parse(&"9".repeat(40)), Err(BadAmount::TooBig));
    }

    proptest! {
        #[test]
        fn every_amount_round_trips(micros in 0..=i64::MAX) {
            prop_assert_eq!(parse(&format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)), Ok(Money(micros)));
        }
    }
}
