//! Metrics of channels: outcomes and durations of sends, and the time since a channel last made
//! progress.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use crate::registry::{counters, histograms};

/// The outcome of one attempt to send a delivery: the value of the metric label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeLabel {
    /// The relay or platform accepted it.
    Sent,
    /// The attempt is to be repeated later, because of the other side's answer or a limit.
    Deferred,
    /// The other side refused it permanently, or it could not be rendered.
    Failed,
    /// It was sent without an answer, and may have arrived.
    Unknown,
    /// Nothing was sent and it does not count as an attempt: there was no connection, or the
    /// delivery was recalled.
    Returned,
}

impl OutcomeLabel {
    /// Every outcome, in the order of the discriminants.
    pub const ALL: [Self; 5] = [Self::Sent, Self::Deferred, Self::Failed, Self::Unknown, Self::Returned];

    /// Returns the value of the metric's label `outcome`.
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

/// Upper bounds of the histogram's buckets, in seconds: from an answer on this machine to a slow
/// server (RFC 5321 allows ten minutes).
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

/// The time at which a channel last made progress: milliseconds since [`PROGRESS_EPOCH`], plus one;
/// 0 if it never did.
type Progress = Arc<AtomicU64>;

/// The progress of each channel, by channel id.
static PROGRESS: Mutex<BTreeMap<String, Progress>> = Mutex::new(BTreeMap::new());

/// The instant at which the clock of [`Progress`] starts.
static PROGRESS_EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the milliseconds since [`PROGRESS_EPOCH`].
fn elapsed() -> u64 {
    u64::try_from(PROGRESS_EPOCH.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn progress(id: &str) -> Progress {
    let mut all = PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(id.to_owned()).or_default())
}

/// Handles to the metrics of one channel. Cheap to clone; recording through it needs no look-up.
#[derive(Debug, Clone)]
pub struct ChannelMetrics {
    outcomes: [IntCounter; 5],
    seconds: Histogram,
    progress: Progress,
}

impl ChannelMetrics {
    /// Returns the metrics of the channel with this id in `chorus.toml`, and registers them with
    /// the value 0 if they are new.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let outcomes = OutcomeLabel::ALL.map(|outcome| DELIVERIES.with_label_values(&[id, outcome.as_str()]));
        Self { outcomes, seconds: SEND_SECONDS.with_label_values(&[id]), progress: progress(id) }
    }

    /// Counts an attempt whose outcome has been written to the database.
    pub fn record_outcome(&self, outcome: OutcomeLabel) {
        self.outcomes[outcome as usize].inc();
        if outcome != OutcomeLabel::Returned {
            self.progress.store(elapsed() + 1, Ordering::Relaxed);
        }
    }

    /// Records the duration of a send, from the first byte of the message to the answer.
    pub fn record_duration(&self, duration: Duration) {
        self.seconds.observe(duration.as_secs_f64());
    }
}

/// Returns the time since this process last recorded an outcome other than
/// [`OutcomeLabel::Returned`] for a channel; `None` if it never did.
#[must_use]
pub fn since_progress(id: &str) -> Option<Duration> {
    let last = progress(id).load(Ordering::Relaxed).checked_sub(1)?;
    Some(Duration::from_millis(elapsed().saturating_sub(last)))
}
