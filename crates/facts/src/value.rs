//! What texts say, as values: two ways of writing the same are the same.

use std::fmt;

/// Something said that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// An amount of money: millionths of a unit.
    Money {
        /// Millionths.
        micros: i64,
        /// Of what.
        coin: Coin,
    },
    /// A share: 20 % is 20 millions of micros. 八折 is 20 % off.
    Percent {
        /// Millionths of a hundredth.
        micros: i64,
        /// Whether it is taken off a price.
        off: bool,
    },
    /// A calendar day. The day may not exist (31 April): it was said all the same.
    Date {
        /// The year, if said.
        year: Option<i16>,
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// A time of day.
    Time {
        /// 0 to 24; 1 to 12 where it is not said which half of the day is meant.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// Whether it is known which half of the day is meant.
        exact: bool,
    },
    /// So much or so many of something; durations too.
    Quantity {
        /// Millionths of the unit.
        micros: i64,
        /// The unit.
        unit: Unit,
    },
}

/// What money is counted in, as far as the text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coin {
    /// An ISO 4217 code.
    Code([u8; 3]),
    /// `¥`: yuan or yen.
    YuanOrYen,
    /// `元`: a yuan, or a dollar of Hong Kong or Taiwan.
    Yuan,
    /// `$`: some dollar.
    Dollar,
}

/// What is counted. Units of one kind are brought to one: 1 kg is 1000 g.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Pieces of anything: a bare number, or one with a Chinese measure word.
    Piece,
    /// Weight.
    Gram,
    /// Volume.
    Millilitre,
    /// Length.
    Millimetre,
    /// Temperature in degrees, of whichever scale.
    Degree,
    /// Seconds, minutes and hours.
    Second,
    /// Days and weeks.
    Day,
    /// Months and years.
    Month,
}

impl Coin {
    /// Whether both can be the same money.
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

    /// The same, where the brand counts in `own`: its `¥` is not ambiguous.
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
    /// Whether both say the same. A date or time that says less agrees with one that says more.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Money { micros: a, coin }, Self::Money { micros: b, coin: other }) => {
                a == b && coin.agrees(other)
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

    /// Whether both are answers to one question, so that different ones contradict each other.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Money { .. }, Self::Money { .. }) | (Self::Time { .. }, Self::Time { .. }) => true,
            (Self::Percent { off: a, .. }, Self::Percent { off: b, .. }) => a == b,
            // A day years away answers another question: when the house was founded.
            (Self::Date { year: a, .. }, Self::Date { year: b, .. }) => {
                a.zip(b).is_none_or(|(a, b)| a.abs_diff(b) <= 2)
            }
            (Self::Quantity { unit: a, .. }, Self::Quantity { unit: b, .. }) => a == b,
            _ => false,
        }
    }

    /// Whether it is said to a customer as a promise: a price, a share or a day.
    #[must_use]
    pub fn is_claim(&self) -> bool {
        matches!(self, Self::Money { .. } | Self::Percent { .. } | Self::Date { .. })
    }

    /// What it is, in a marketer's words.
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

impl fmt::Display for Unit {
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
