//! Metrics of the process itself: its version, its start, and its waits for the database.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{GaugeVec, Histogram};

use crate::registry::{gauges, histogram};

pub(crate) static BUILD: LazyLock<GaugeVec> = LazyLock::new(|| {
    gauges("chorus_build_info", "1, with the version of this program as a label.", &["version"])
});

pub(crate) static START: LazyLock<GaugeVec> = LazyLock::new(|| {
    gauges("chorus_process_start_time_seconds", "Start of this process, in seconds since 1970 (UTC).", &[])
});

/// Upper bounds of the histogram's buckets, in seconds: from a free lock, over waits for other
/// writers of this process and the 250 ms that no writer may exceed, to a database that is stuck.
const WAIT_BUCKETS: [f64; 12] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

pub(crate) static WRITER_WAIT: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "chorus_database_writer_wait_seconds",
        "Time from asking for a writing transaction until it has begun.",
        &WAIT_BUCKETS,
    )
});

/// Records the version of this program and its start time, in seconds since the Unix epoch.
pub fn record_start(version: &str, at: f64) {
    BUILD.with_label_values(&[version]).set(1.0);
    START.with_label_values::<&str>(&[]).set(at);
}

/// Records the time that a writing transaction waited to begin.
pub fn record_writer_wait(wait: Duration) {
    WRITER_WAIT.observe(wait.as_secs_f64());
}
