//! The one place where wall-clock time is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::{MachineTime, Millis};

/// Where the current time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// A time that tests set, in UTC milliseconds.
    Fixed(Arc<AtomicI64>),
    /// A simulated time that runs `factor` times as fast as the machine's: the demo's.
    Scaled {
        /// When it started, in real time.
        since: Instant,
        /// What it showed then.
        origin: Timestamp,
        /// How many simulated seconds pass in a real one: 1 or more.
        factor: u32,
    },
}

impl Clock {
    /// A clock that stands at `now` until it is moved.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now.as_millisecond())))
    }

    /// A clock that shows `origin` now and runs `factor` times as fast as the machine's.
    #[must_use]
    pub fn scaled(origin: Timestamp, factor: u32) -> Self {
        Self::Scaled { since: Instant::now(), origin, factor: factor.max(1) }
    }

    /// The time, cut to milliseconds.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place")]
    pub fn now(&self) -> Timestamp {
        let millis = match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Fixed(at) => at.load(Ordering::Relaxed),
            Self::Scaled { since, origin, factor } => {
                let passed = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
                origin.as_millisecond().saturating_add(passed.saturating_mul(i64::from(*factor)))
            }
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The current time, as it is stored.
    #[must_use]
    pub fn millis(&self) -> Millis {
        self.now().into()
    }

    /// The machine's time, whatever the clock shows: rates are of real seconds, in tests and in the demo too.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place")]
    pub fn machine() -> MachineTime {
        MachineTime::new(Timestamp::now().as_microsecond())
    }

    /// How much of the machine's time passes until this clock shows `at`; none when it has. A clock that stands
    /// still counts as one that runs.
    #[must_use]
    pub fn real_until(&self, at: Millis) -> Duration {
        let factor = if let Self::Scaled { factor, .. } = self { *factor } else { 1 };
        let span = u64::try_from(at.since(self.millis())).unwrap_or(0);
        Duration::from_millis(span) / factor.max(1)
    }

    /// How much of the machine's time has passed since this clock showed `at`; none where it is still to come.
    #[must_use]
    pub fn real_since(&self, at: Millis) -> Duration {
        let factor = if let Self::Scaled { factor, .. } = self { *factor } else { 1 };
        let span = u64::try_from(self.millis().since(at)).unwrap_or(0);
        Duration::from_millis(span) / factor.max(1)
    }

    /// What this clock shows after `real` of the machine's time has passed.
    #[must_use]
    pub fn millis_after(&self, real: Duration) -> Millis {
        let factor = if let Self::Scaled { factor, .. } = self { i64::from(*factor) } else { 1 };
        let passed = i64::try_from(real.as_millis()).unwrap_or(i64::MAX);
        self.millis().saturating_add(passed.saturating_mul(factor))
    }
}
