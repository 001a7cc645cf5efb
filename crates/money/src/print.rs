//! Formatting of amounts for people: exact, or rounded to the decimals of the currency.

use crate::{Money, grouped};

/// One unit of a currency, in millionths.
const UNIT: u64 = 1_000_000;

/// Currencies of ISO 4217 whose amounts have no decimals.
const WITHOUT_DECIMALS: [&str; 8] = ["JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF"];

impl Money {
    /// Formats the exact amount, such as `12,345.6789 EUR`, with at least two decimals. `currency`
    /// may be empty.
    #[must_use]
    pub fn exact(self, currency: &str) -> String {
        let (sign, units, decimals) = self.parts();
        format!("{sign}{}.{decimals} {currency}", grouped(units)).trim_end().to_owned()
    }

    /// Formats the exact amount for programs, such as `12345.6789`: at least two decimals, a point,
    /// no thousands separators, and no currency.
    #[must_use]
    pub fn decimal(self) -> String {
        let (sign, units, decimals) = self.parts();
        format!("{sign}{units}.{decimals}")
    }

    /// Returns the sign, the whole units, and the digits after the point without trailing zeros, at
    /// least two.
    fn parts(self) -> (&'static str, u64, String) {
        let (sign, millionths) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let mut decimals = format!("{:06}", millionths % UNIT);
        while decimals.len() > 2 && decimals.ends_with('0') {
            decimals.pop();
        }
        (sign, millionths / UNIT, decimals)
    }

    /// Formats the amount rounded to the decimals of its currency, such as `CNY 12,300.50`. Amounts
    /// below one unit with a part finer than a cent keep all their digits.
    #[must_use]
    pub fn rounded(self, currency: &str) -> String {
        format!("{currency} {}", self.rounded_amount(currency))
    }

    /// Formats the rounded amount without its currency, such as `12,300.50`, for places that print
    /// the currency separately.
    #[must_use]
    pub fn rounded_amount(self, currency: &str) -> String {
        let sign = if self.0 < 0 { "−" } else { "" };
        format!("{sign}{}", rounded_digits(self.0.unsigned_abs(), currency))
    }
}

fn rounded_digits(millionths: u64, currency: &str) -> String {
    if WITHOUT_DECIMALS.contains(&currency) && millionths >= UNIT {
        return grouped(millionths.saturating_add(UNIT / 2) / UNIT);
    }
    if millionths < UNIT && !millionths.is_multiple_of(UNIT / 100) {
        let fraction = format!("{millionths:06}");
        return format!("0.{}", fraction.trim_end_matches('0'));
    }
    let cents = millionths.saturating_add(UNIT / 200) / (UNIT / 100);
    format!("{}.{:02}", grouped(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_amounts_keep_what_is_needed() {
        let exact = |millionths, currency| Money::from_millionths(millionths).exact(currency);
        assert_eq!(exact(1_500_000, "CNY"), "1.50 CNY");
        assert_eq!(exact(1_000, "CNY"), "0.001 CNY");
        assert_eq!(exact(-12_345_678_900, "EUR"), "-12,345.6789 EUR");
        assert_eq!(exact(i64::MIN, ""), "-9,223,372,036,854.775808");
    }

    #[test]
    fn amounts_for_programs_are_plain_decimals() {
        let decimal = |millionths| Money::from_millionths(millionths).decimal();
        assert_eq!(decimal(199_500_000), "199.50");
        assert_eq!(decimal(1_000), "0.001");
        assert_eq!(decimal(0), "0.00");
        assert_eq!(decimal(-12_345_678_900), "-12345.6789");
    }

    #[test]
    fn rounded_amounts_have_cents_where_the_currency_has() {
        let rounded = |millionths, currency| Money::from_millionths(millionths).rounded(currency);
        assert_eq!(rounded(12_300_500_000, "CNY"), "CNY 12,300.50");
        assert_eq!(rounded(1_000, "CNY"), "CNY 0.001");
        assert_eq!(rounded(10_000, "CNY"), "CNY 0.01");
        assert_eq!(rounded(-45_204_999, "EUR"), "EUR −45.20");
        assert_eq!(rounded(1_500_000, "JPY"), "JPY 2");
        assert_eq!(rounded(0, "CNY"), "CNY 0.00");
        assert_eq!(rounded(i64::MIN, "CNY"), "CNY −9,223,372,036,854.78");
    }
}
