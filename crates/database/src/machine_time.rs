//! Times by the machine's clock, to the microsecond: rates of thousands a second need them.

use std::ops::{Add, AddAssign, Sub, SubAssign};

/// A time by the machine's clock, in microseconds since 1970. Spans between two of them are microseconds, as `i64`.
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
pub struct MachineTime(i64);

impl MachineTime {
    /// The start of 1970.
    pub const EPOCH: Self = Self(0);
    /// The earliest time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time.
    pub const MAX: Self = Self(i64::MAX);

    /// The time that is so many microseconds after 1970 began.
    #[must_use]
    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time that is `micros` later, or the latest.
    #[must_use]
    pub const fn saturating_add(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The time that is `micros` earlier, or the earliest.
    #[must_use]
    pub const fn saturating_sub(self, micros: i64) -> Self {
        Self(self.0.saturating_sub(micros))
    }

    /// The microseconds from `earlier` to this time, negative where it comes first.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<i64> for MachineTime {
    type Output = Self;

    fn add(self, micros: i64) -> Self {
        Self(self.0 + micros)
    }
}

impl Sub<i64> for MachineTime {
    type Output = Self;

    fn sub(self, micros: i64) -> Self {
        Self(self.0 - micros)
    }
}

impl Sub for MachineTime {
    type Output = i64;

    fn sub(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl AddAssign<i64> for MachineTime {
    fn add_assign(&mut self, micros: i64) {
        self.0 += micros;
    }
}

impl SubAssign<i64> for MachineTime {
    fn sub_assign(&mut self, micros: i64) {
        self.0 -= micros;
    }
}
