//! The registry of the process, and how a metric is made in it.

use std::sync::LazyLock;

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, Result,
};

/// The registry that [`text`](crate::text) writes.
pub(crate) static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

/// Registers a metric. Names, help texts, labels and buckets are constants: the crate's tests make every metric, so
/// that one that Prometheus refuses fails them.
#[expect(clippy::expect_used, reason = "made of constants; the tests make every one")]
fn registered<M: Collector + Clone + 'static>(made: Result<M>) -> M {
    let metric = made.expect("a metric is valid");
    REGISTRY.register(Box::new(metric.clone())).expect("a metric is declared once");
    metric
}

/// A counter. `name` ends in `_total`.
pub(crate) fn counter(name: &str, help: &str) -> IntCounter {
    registered(IntCounter::new(name, help))
}

/// Counters by the values of `labels`. `name` ends in `_total`.
pub(crate) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(IntCounterVec::new(Opts::new(name, help), labels))
}

/// Gauges by the values of `labels`.
pub(crate) fn gauges(name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    registered(GaugeVec::new(Opts::new(name, help), labels))
}

/// A histogram of seconds. `name` ends in `_seconds`.
pub(crate) fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    registered(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
}

/// Histograms of seconds by the values of `labels`. `name` ends in `_seconds`.
pub(crate) fn histograms(name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    registered(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
}
