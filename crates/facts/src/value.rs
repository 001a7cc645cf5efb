//! Values found in texts. Different notations of the same value are equal.

use std::fmt;

/// A comparable statement of a text: an amount, a percentage, a date, a time or a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// An amount of money.
    Money {
        /// The amount in millionths of the currency's unit.
        micros: i64,
        /// The currency, as far as the text states it.
        currency: StatedCurrency,
    },
    /// A percentage: 20 % is 20,000,000 millionths. 八折 is 20 % off.
    Percent {
        /// The percentage in millionths of a hundredth.
        micros: i64,
        /// True for a discount.
        off: bool,
    },
    /// A calendar day, as the text states it. It may not exist, such as 31 April.
    Date {
        /// The year, if stated.
        year: Option<i16>,
        /// The month, 1 to 12.
        month: u8,
        /// The day of the month, 1 to 31.
        day: u8,
    },
    /// A time of day.
    Time {
        /// The hour, 0 to 24; 1 to 12 if the half of the day is unknown.
        hour: u8,
        /// The minute, 0 to 59.
        minute: u8,
        /// True if the half of the day is known.
        exact: bool,
    },
    /// A quantity with a unit, including durations and counts.
    Quantity {
        /// The quantity in millionths of the unit.
        micros: i64,
        /// The base unit that the quantity was converted to.
        unit: QuantityUnit,
    },
}

/// The currency of an amount, as far as the text states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedCurrency {
    /// An ISO 4217 code.
    Code([u8; 3]),
    /// `¥`, which can be yuan or yen.
    YuanOrYen,
    /// `元`, which can be the yuan, or the dollar of Hong Kong or Taiwan.
    Yuan,
    /// `$`, the dollar of an unnamed country.
    Dollar,
}

/// The base unit of a quantity. Quantities of one kind are converted to one unit: 1 kg is 1000 g.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantityUnit {
    /// Pieces of anything: a bare number, or one with a Chinese measure word.
    Piece,
    /// Gram, the unit of all weights.
    Gram,
    /// Millilitre, the unit of all volumes.
    Millilitre,
    /// Millimetre, the unit of all lengths.
    Millimetre,
    /// Degree of temperature, in any scale.
    Degree,
    /// Second, the unit of durations given in seconds, minutes or hours.
    Second,
    /// Day, the unit of durations given in days or weeks.
    Day,
    /// Month, the unit of durations given in months or years.
    Month,
}

impl StatedCurrency {
    /// Returns true if both can be the same currency.
    #[must_use]
    pub fn agrees(self, other: Self) -> bool {
        self == other || self.may_be(other) || other.may_be(self)
    }

    fn may_be(self, other: Self) -> bool {
        match (self, other) {
            (Self::YuanOrYen, Self::Code(code)) => matches!(&code, b"CNY" | b"JPY"),
            (Self::YuanOrYen, Self::Yuan) => true,
            (Self::Yuan, Self::Code(code)) => matches!(&code, b"CNY" | b"TWD" | b"HKD"),
            (Self::Dollar, Self::Code(code)) => {
                matches!(&code, b"USD" | b"HKD" | b"SGD" | b"AUD" | b"CAD" | b"NZD" | b"TWD")
            }
            _ => false,
        }
    }

    /// Resolves `¥` for a brand whose currency is `own`, as an ISO 4217 code: the yuan for CNY, the
    /// yen for JPY.
    #[must_use]
    pub fn of_brand(self, own: Option<&str>) -> Self {
        match (self, own) {
            (Self::YuanOrYen, Some("JPY")) => Self::Code(*b"JPY"),
            (Self::YuanOrYen, Some("CNY")) => Self::Code(*b"CNY"),
            _ => self,
        }
    }
}

impl Value {
    /// Returns true if both can be the same value. A less precise date or time agrees with a more
    /// precise one.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Money { micros: a, currency }, Self::Money { micros: b, currency: other }) => {
                a == b && currency.agrees(other)
            }
            (Self::Percent { micros: a, off }, Self::Percent { micros: b, off: other }) => {
                a == b && off == other
            }
            (
                Self::Date { year, month, day },
                Self::Date { year: other_year, month: other_month, day: other_day },
            ) => {
                let years = year.zip(other_year).is_none_or(|(a, b)| a == b);
                years && (month, day) == (other_month, other_day)
            }
            (
                Self::Time { hour, minute, exact },
                Self::Time { hour: other_hour, minute: other_minute, exact: other_exact },
            ) => {
                let hours =
                    if exact && other_exact { hour == other_hour } else { hour % 12 == other_hour % 12 };
                hours && minute == other_minute
            }
            (Self::Quantity { micros: a, unit }, Self::Quantity { micros: b, unit: other }) => {
                a == b && unit == other
            }
            _ => false,
        }
    }

    /// Returns true if both are values of the same kind, so that different ones contradict each
    /// other.
    #[must_use]
    pub fn is_comparable(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Money { .. }, Self::Money { .. }) | (Self::Time { .. }, Self::Time { .. }) => true,
            (Self::Percent { off: a, .. }, Self::Percent { off: b, .. }) => a == b,
            // A date years away states something else, such as the year in which the company was
            // founded.
            (Self::Date { year: a, .. }, Self::Date { year: b, .. }) => {
                a.zip(b).is_none_or(|(a, b)| a.abs_diff(b) <= 2)
            }
            (Self::Quantity { unit: a, .. }, Self::Quantity { unit: b, .. }) => a == b,
            _ => false,
        }
    }

    /// Returns true for values that are promises to customers: prices, percentages and dates.
    #[must_use]
    pub fn is_claim(&self) -> bool {
        matches!(self, Self::Money { .. } | Self::Percent { .. } | Self::Date { .. })
    }

    /// Returns the kind of value as a noun for findings: price, percentage, date, time or number.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Money { .. } => "price",
            Self::Percent { .. } => "percentage",
            Self::Date { .. } => "date",
            Self::Time { .. } => "time",
            Self::Quantity { .. } => "number",
        }
    }
}

impl fmt::Display for QuantityUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Piece => "pieces",
            Self::Gram => "g",
            Self::Millilitre => "ml",
            Self::Millimetre => "mm",
            Self::Degree => "degrees",
            Self::Second => "seconds",
            Self::Day => "days",
            Self::Month => "months",
        })
    }
}
