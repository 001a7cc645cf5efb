//! Times as the database stores them, to the millisecond.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use jiff::Timestamp;

/// A time, in milliseconds since 1970-01-01T00:00:00Z. Spans between two of them are milliseconds, as `i64`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Millis(i64);

impl Millis {
    /// The start of 1970.
    pub const EPOCH: Self = Self(0);
    /// The earliest time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time.
    pub const MAX: Self = Self(i64::MAX);

    /// The time that is so many milliseconds after 1970 began.
    #[must_use]
    pub const fn new(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }

    /// The same time as a `Timestamp`.
    ///
    /// # Errors
    ///
    /// If it lies outside the years -9999 to 9999.
    pub fn timestamp(self) -> Result<Timestamp, jiff::Error> {
        Timestamp::from_millisecond(self.0)
    }

    /// The time that is `millis` later, or the latest.
    #[must_use]
    pub const fn saturating_add(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The time that is `millis` earlier, or the earliest.
    #[must_use]
    pub const fn saturating_sub(self, millis: i64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// The milliseconds from `earlier` to this time, negative where it comes first.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The last multiple of `span` milliseconds since 1970 that is not after this time, or the earliest time: with an
    /// hour's span, the start of its hour.
    #[must_use]
    pub const fn floor(self, span: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(span)))
    }
}

impl From<Timestamp> for Millis {
    /// The time, cut to milliseconds.
    fn from(time: Timestamp) -> Self {
        Self(time.as_millisecond())
    }
}

impl fmt::Display for Millis {
    /// Milliseconds since 1970, as SQL has a time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add<i64> for Millis {
    type Output = Self;

    fn add(self, millis: i64) -> Self {
        Self(self.0 + millis)
    }
}

impl Sub<i64> for Millis {
    type Output = Self;

    fn sub(self, millis: i64) -> Self {
        Self(self.0 - millis)
    }
}

impl Sub for Millis {
    type Output = i64;

    fn sub(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl AddAssign<i64> for Millis {
    fn add_assign(&mut self, millis: i64) {
        self.0 += millis;
    }
}

impl SubAssign<i64> for Millis {
    fn sub_assign(&mut self, millis: i64) {
        self.0 -= millis;
    }
}
