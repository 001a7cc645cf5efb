//! Newtypes for times: [`Millis`] as rows store them, [`MachineTime`] in microseconds for rates of
//! thousands per second.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use jiff::Timestamp;

/// Makes a newtype for a time: a number of units since 1970-01-01T00:00:00Z. The span between two
/// times is an `i64` of the same units.
macro_rules! time {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
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
        pub struct $name(i64);

        impl $name {
            /// 1970-01-01T00:00:00Z.
            pub const EPOCH: Self = Self(0);
            /// The earliest time that can be represented.
            pub const MIN: Self = Self(i64::MIN);
            /// The latest time that can be represented.
            pub const MAX: Self = Self(i64::MAX);

            /// Makes the time that is `units` after the epoch; before it, where they are negative.
            #[must_use]
            pub const fn new(units: i64) -> Self {
                Self(units)
            }

            /// Returns the time that is `span` units later, at most [`Self::MAX`].
            #[must_use]
            pub const fn saturating_add(self, span: i64) -> Self {
                Self(self.0.saturating_add(span))
            }

            /// Returns the time that is `span` units earlier, at least [`Self::MIN`].
            #[must_use]
            pub const fn saturating_sub(self, span: i64) -> Self {
                Self(self.0.saturating_sub(span))
            }

            /// Returns the span from `earlier` to this time, in units; negative where this time
            /// comes first.
            #[must_use]
            pub const fn since(self, earlier: Self) -> i64 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl Add<i64> for $name {
            type Output = Self;

            fn add(self, span: i64) -> Self {
                Self(self.0 + span)
            }
        }

        impl Sub<i64> for $name {
            type Output = Self;

            fn sub(self, span: i64) -> Self {
                Self(self.0 - span)
            }
        }

        impl Sub for $name {
            type Output = i64;

            fn sub(self, earlier: Self) -> i64 {
                self.0 - earlier.0
            }
        }

        impl AddAssign<i64> for $name {
            fn add_assign(&mut self, span: i64) {
                self.0 += span;
            }
        }

        impl SubAssign<i64> for $name {
            fn sub_assign(&mut self, span: i64) {
                self.0 -= span;
            }
        }
    };
}

time!(
    /// A time as rows store it, in milliseconds since 1970-01-01T00:00:00Z.
    Millis
);
time!(
    /// A time by the machine's clock, in microseconds since 1970-01-01T00:00:00Z.
    MachineTime
);

impl Millis {
    /// Returns the number of milliseconds since the epoch.
    #[must_use]
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }

    /// Converts the time to a [`Timestamp`].
    ///
    /// # Errors
    ///
    /// The time lies outside the years -9999 to 9999.
    pub fn timestamp(self) -> Result<Timestamp, jiff::Error> {
        Timestamp::from_millisecond(self.0)
    }

    /// Rounds down to a multiple of `span` milliseconds since the epoch, at least [`Self::MIN`]:
    /// with the span of an hour, to the start of the hour.
    #[must_use]
    pub const fn floor(self, span: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(span)))
    }
}

impl From<Timestamp> for Millis {
    /// Truncates to milliseconds.
    fn from(time: Timestamp) -> Self {
        Self(time.as_millisecond())
    }
}

impl fmt::Display for Millis {
    /// Writes the milliseconds since the epoch, the form that SQL statements use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MachineTime {
    /// Returns the number of microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}
