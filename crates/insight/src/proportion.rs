//! Proportions with their 95 % confidence interval.

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The 97.5 % quantile of the standard normal distribution, as for a two-sided interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A numerator and denominator. They have a value only if they form a proportion: `0 ≤ numerator ≤
/// denominator` and `denominator > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// The part, as a count.
    pub numerator: i64,
    /// The whole, as a count: the base of the rate.
    pub denominator: i64,
}

/// A confidence interval within 0 and 1 that holds the true proportion in 95 of 100 samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end, 0 to 1.
    pub low: f64,
    /// The upper end, 0 to 1.
    pub high: f64,
}

impl Proportion {
    /// Returns the proportion of `numerator` in `denominator`; any two numbers are allowed.
    #[must_use]
    pub const fn new(numerator: i64, denominator: i64) -> Self {
        Self { numerator, denominator }
    }

    /// Returns the share, 0 to 1; `None` if the numbers do not form a proportion.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        let (part, whole) = self.checked()?;
        Some(part / whole)
    }

    /// Returns the Wilson score interval at 95 %, without continuity correction; `None` if the
    /// numbers do not form a proportion. Unlike the textbook's `p ± 1.96·se` it stays within 0 and
    /// 1, and is accurate for small samples and rare events.
    ///
    /// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
    /// inference", JASA 22 (1927) 209–212; R. G. Newcombe, Statistics in Medicine 17 (1998)
    /// 857–872, method 3.
    #[must_use]
    pub fn interval(self) -> Option<Interval> {
        let (part, whole) = self.checked()?;
        let share = part / whole;
        let z2 = Z * Z;
        let centre = (share + z2 / (2.0 * whole)) / (1.0 + z2 / whole);
        let half =
            Z / (1.0 + z2 / whole) * (share * (1.0 - share) / whole + z2 / (4.0 * whole * whole)).sqrt();
        // At 0 % and 100 % the end is exact; elsewhere the estimate lies inside, up to rounding.
        let low = if self.numerator == 0 { 0.0 } else { (centre - half).clamp(0.0, share) };
        let high = if self.numerator == self.denominator { 1.0 } else { (centre + half).clamp(share, 1.0) };
        Some(Interval { low, high })
    }

    /// Returns numerator and denominator as floats if they form a proportion.
    #[allow(clippy::cast_precision_loss, reason = "no count of messages exceeds 2^53")]
    fn checked(self) -> Option<(f64, f64)> {
        let sound = self.denominator > 0 && (0..=self.denominator).contains(&self.numerator);
        sound.then_some((self.numerator as f64, self.denominator as f64))
    }
}

/// Includes the computed value and interval, so that readers of the JSON need no formula.
impl Serialize for Proportion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Proportion", 4)?;
        fields.serialize_field("numerator", &self.numerator)?;
        fields.serialize_field("denominator", &self.denominator)?;
        fields.serialize_field("value", &self.value())?;
        fields.serialize_field("interval", &self.interval())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// statsmodels 0.15.0, `proportion_confint(n, d, 0.05, "wilson")`; scipy 1.17.1, `binomtest(n,
    /// d).proportion_ci(0.95, "wilson")` agrees to the last digit. 81/263 and 15/148 are Newcombe's
    /// examples.
    const REFERENCE: [(i64, i64, f64, f64); 12] = [
        (0, 10, 0.0, 0.277_532_799_862_889),
        (10, 10, 0.722_467_200_137_111, 1.0),
        (1, 10, 0.017_876_213_095_073, 0.404_150_026_795_239),
        (5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436),
        (15, 148, 0.062_386_399_530_736, 0.160_487_241_723_308),
        (81, 263, 0.255_288_519_878_274, 0.366_209_576_982_800),
        (413, 12_041, 0.031_194_392_450_227, 0.037_701_612_670_122),
        (1, 1, 0.206_549_314_377_237, 1.0),
        (0, 1, 0.0, 0.793_450_685_622_763),
        (3, 1_000_000, 0.000_001_020_271_241, 0.000_008_821_149_774),
        (999_999, 1_000_000, 0.999_994_335_088_196, 0.999_999_823_475_423),
        (500_000, 1_000_000, 0.499_020_019_890_005, 0.500_979_980_109_995),
    ];

    #[test]
    fn the_interval_equals_that_of_statsmodels() {
        for (part, whole, low, high) in REFERENCE {
            let interval = Proportion::new(part, whole).interval().unwrap();
            assert!((interval.low - low).abs() < 1e-14, "{part}/{whole}: {interval:?}");
            assert!((interval.high - high).abs() < 1e-14, "{part}/{whole}: {interval:?}");
        }
    }

    #[test]
    fn an_invalid_proportion_has_no_value() {
        for (part, whole) in [(0, 0), (1, 0), (2, 1), (-1, 5), (1, -5), (i64::MAX, i64::MIN)] {
            assert_eq!(Proportion::new(part, whole).value(), None, "{part}/{whole}");
            assert_eq!(Proportion::new(part, whole).interval(), None, "{part}/{whole}");
        }
    }

    proptest! {
        #[test]
        fn the_interval_contains_the_estimate(whole in 1_i64..=i64::MAX, part in 0_i64..=i64::MAX) {
            let part = if whole == i64::MAX { part } else { part % (whole + 1) };
            let proportion = Proportion::new(part, whole);
            let (value, interval) = (proportion.value().unwrap(), proportion.interval().unwrap());
            prop_assert!(0.0 <= interval.low && interval.low <= value);
            prop_assert!(value <= interval.high && interval.high <= 1.0);
        }

        #[test]
        fn a_larger_sample_narrows_the_interval(whole in 1_i64..100_000, part in 0_i64..100_000) {
            let part = part % (whole + 1);
            let width = |times: i64| {
                let interval = Proportion::new(part * times, whole * times).interval().unwrap();
                interval.high - interval.low
            };
            prop_assert!(width(4) < width(1));
        }
    }
}
