//! Metrics of channels: what sends came to, and how long they took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use crate::registry::{counters, histograms};

/// The outcome of one try to send a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The relay or platform accepted it.
    Sent,
    /// To be tried again later, as the other side or the receiver's limits ask.
    Deferred,
    /// Refused for good, or not to be rendered.
    Failed,
    /// Sent without an answer: it may have arrived.
    Unknown,
    /// Nothing was sent, and it counts as no try: no connection, or it was called back.
    Returned,
}

impl Outcome {
    /// Every outcome, in the order of its discriminant.
    pub const ALL: [Self; 5] = [Self::Sent, Self::Deferred, Self::Failed, Self::Unknown, Self::Returned];

    /// The value of the label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Returned => "returned",
        }
    }
}

pub(crate) static DELIVERIES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "chorus_deliveries_total",
        "Tries to send a delivery whose outcome is recorded, by channel and outcome.",
        &["channel", "outcome"],
    )
});

/// Upper bounds in seconds: from an answer on this machine to a server that takes its time (RFC 5321 allows ten
/// minutes).
const SEND_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

pub(crate) static SEND_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    histograms(
        "chorus_send_seconds",
        "Time from the first byte of a message to the answer, by channel.",
        &["channel"],
        &SEND_BUCKETS,
    )
});

/// The time at which a channel last got on: milliseconds since [`BEGUN`], and one; 0 if it never did.
type Progress = Arc<AtomicU64>;

/// The progress of each channel, by its id.
static PROGRESS: Mutex<BTreeMap<String, Progress>> = Mutex::new(BTreeMap::new());

/// The time from which progress is counted.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since [`BEGUN`].
fn elapsed() -> u64 {
    u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn progress(id: &str) -> Progress {
    let mut all = PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(id.to_owned()).or_default())
}

/// Handles to the metrics of one channel. Cheap to clone; counting through it looks nothing up.
#[derive(Debug, Clone)]
pub struct Channel {
    outcomes: [IntCounter; 5],
    seconds: Histogram,
    progress: Progress,
}

impl Channel {
    /// The metrics of the channel with this id in `chorus.toml`. They are 0 from then on.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let outcomes = Outcome::ALL.map(|outcome| DELIVERIES.with_label_values(&[id, outcome.as_str()]));
        Self { outcomes, seconds: SEND_SECONDS.with_label_values(&[id]), progress: progress(id) }
    }

    /// Counts a try whose outcome is recorded.
    pub fn counted(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].inc();
        if outcome != Outcome::Returned {
            self.progress.store(elapsed() + 1, Ordering::Relaxed);
        }
    }

    /// Notes how long a send took.
    pub fn took(&self, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
    }
}

/// The time since this process last recorded that something of a channel was sent, deferred or refused; `None` if it
/// never did.
#[must_use]
pub fn since_progress(id: &str) -> Option<Duration> {
    let last = progress(id).load(Ordering::Relaxed).checked_sub(1)?;
    Some(Duration::from_millis(elapsed().saturating_sub(last)))
}
