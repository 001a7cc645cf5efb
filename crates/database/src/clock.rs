//! The clock: the only place where wall-clock time is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::{MachineTime, Millis};

/// A source of the current time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// A time that tests set, in UTC milliseconds.
    Fixed(Arc<AtomicI64>),
    /// A simulated time that runs `factor` times as fast as the machine's; the demo uses it.
    Scaled {
        /// The real time at which it started.
        since: Instant,
        /// The simulated time at which it started.
        origin: Timestamp,
        /// The number of simulated seconds in a real one, at least 1.
        factor: u32,
    },
}

impl Clock {
    /// Makes a clock that stands still at `now` until a test moves it.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now.as_millisecond())))
    }

    /// Makes a clock that shows `origin` now and runs `factor` times as fast as the machine's.
    #[must_use]
    pub fn scaled(origin: Timestamp, factor: u32) -> Self {
        Self::Scaled { since: Instant::now(), origin, factor: factor.max(1) }
    }

    /// Returns the current time, truncated to milliseconds.
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

    /// Returns the current time in milliseconds since the epoch, as rows store it.
    #[must_use]
    pub fn millis(&self) -> Millis {
        self.now().into()
    }

    /// Returns the machine's time in microseconds since the epoch, whatever this clock shows. Rates
    /// are per real second, in tests and in the demo too.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place")]
    pub fn machine() -> MachineTime {
        MachineTime::new(Timestamp::now().as_microsecond())
    }

    /// Returns the real time until this clock shows `at`, or zero where that has passed. A fixed
    /// clock counts as one that runs at the machine's speed.
    #[must_use]
    pub fn real_until(&self, at: Millis) -> Duration {
        let factor = if let Self::Scaled { factor, .. } = self { *factor } else { 1 };
        let span = u64::try_from(at.since(self.millis())).unwrap_or(0);
        Duration::from_millis(span) / factor.max(1)
    }

    /// Returns the real time since this clock showed `at`, or zero where that is still to come.
    #[must_use]
    pub fn real_since(&self, at: Millis) -> Duration {
        let factor = if let Self::Scaled { factor, .. } = self { *factor } else { 1 };
        let span = u64::try_from(self.millis().since(at)).unwrap_or(0);
        Duration::from_millis(span) / factor.max(1)
    }

    /// Returns the time that this clock shows after `real` of the machine's time has passed.
    #[must_use]
    pub fn millis_after(&self, real: Duration) -> Millis {
        let factor = if let Self::Scaled { factor, .. } = self { i64::from(*factor) } else { 1 };
        let passed = i64::try_from(real.as_millis()).unwrap_or(i64::MAX);
        self.millis().saturating_add(passed.saturating_mul(factor))
    }
}
