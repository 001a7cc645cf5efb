//! The process's Prometheus registry, and constructors that register a metric in it.

use std::sync::LazyLock;

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, Result,
};

/// The registry of all metrics, which [`render`](crate::render) writes out.
pub(crate) static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

/// Registers a metric. Panics for one that Prometheus rejects: names, help texts, labels and
/// buckets are constants, and the crate's tests create every metric, so an invalid one fails them.
#[expect(clippy::expect_used, reason = "made of constants; the tests create every metric")]
fn register<M: Collector + Clone + 'static>(made: Result<M>) -> M {
    let metric = made.expect("a metric is valid");
    REGISTRY.register(Box::new(metric.clone())).expect("a metric is declared once");
    metric
}

/// Registers a counter. `name` ends in `_total`.
pub(crate) fn counter(name: &str, help: &str) -> IntCounter {
    register(IntCounter::new(name, help))
}

/// Registers a family of counters, one for each combination of the values of `labels`. `name` ends
/// in `_total`.
pub(crate) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(IntCounterVec::new(Opts::new(name, help), labels))
}

/// Registers a family of gauges, one for each combination of the values of `labels`.
pub(crate) fn gauges(name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    register(GaugeVec::new(Opts::new(name, help), labels))
}

/// Registers a histogram of seconds. `name` ends in `_seconds`.
pub(crate) fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    register(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
}

/// Registers a family of histograms of seconds, one for each combination of the values of `labels`.
/// `name` ends in `_seconds`.
pub(crate) fn histograms(name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
}
