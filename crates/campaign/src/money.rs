//! Amounts of money: whole millionths of a currency unit, so that sums are exact.

use std::fmt;

/// Millionths of one unit of some currency.
pub type Micros = i64;

/// An ISO 4217 code: three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Takes three capital ASCII letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())).then(|| Self(text.to_owned()))
    }

    /// The code.
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

/// What one message on a channel costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Millionths of `currency` for each message sent.
    pub per_message: Micros,
    /// The unit.
    pub currency: Currency,
}

/// A text that is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// Something else than digits and one point.
    #[error("an amount is digits with at most one decimal point, such as 20000 or 0.001")]
    NotANumber,
    /// Below zero.
    #[error("an amount cannot be below zero")]
    Negative,
    /// Finer than a millionth.
    #[error("an amount has at most six decimals")]
    TooFine,
    /// More than can be counted.
    #[error("an amount is at most 9223372036854")]
    TooBig,
}

/// Reads a decimal such as `20000` or `0.001`, exactly.
///
/// # Errors
/// [`BadAmount`] says what is wrong.
pub fn parse(text: &str) -> Result<Micros, BadAmount> {
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
    let micros: i64 = format!("{fraction:0<6}").parse().map_err(|_| BadAmount::TooFine)?;
    let whole: i64 = whole.parse().map_err(|_| BadAmount::TooBig)?;
    whole.checked_mul(1_000_000).and_then(|whole| whole.checked_add(micros)).ok_or(BadAmount::TooBig)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, micros) in [
            ("0", 0),
            ("20000", 20_000_000_000),
            ("0.001", 1_000),
            ("0.1", 100_000),
            ("19.99", 19_990_000),
            ("1.10000000", 1_100_000),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(parse(text), Ok(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
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
        fn every_amount_comes_back(micros in 0..=i64::MAX) {
            prop_assert_eq!(parse(&format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)), Ok(micros));
        }
    }
}
