//! Times as numbers: to the millisecond as rows keep them, to the microsecond for rates of thousands a second.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use jiff::Timestamp;

/// Makes a time of a unit: a number of such units since 1970-01-01T00:00:00Z. Spans between two times are units, too, as
/// `i64`.
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
            /// The start of 1970.
            pub const EPOCH: Self = Self(0);
            /// The earliest time.
            pub const MIN: Self = Self(i64::MIN);
            /// The latest time.
            pub const MAX: Self = Self(i64::MAX);

            /// The time that is so many units after 1970 began.
            #[must_use]
            pub const fn new(units: i64) -> Self {
                Self(units)
            }

            /// The time that is `span` later, or the latest.
            #[must_use]
            pub const fn saturating_add(self, span: i64) -> Self {
                Self(self.0.saturating_add(span))
            }

            /// The time that is `span` earlier, or the earliest.
            #[must_use]
            pub const fn saturating_sub(self, span: i64) -> Self {
                Self(self.0.saturating_sub(span))
            }

            /// The span from `earlier` to this time, negative where it comes first.
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
    /// A time as rows keep it, in milliseconds since 1970-01-01T00:00:00Z.
    Millis
);
time!(
    /// A time by the machine's clock, in microseconds since 1970-01-01T00:00:00Z.
    MachineTime
);

impl Millis {
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

impl MachineTime {
    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}
