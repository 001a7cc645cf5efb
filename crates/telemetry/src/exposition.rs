//! The text exposition of all metrics, and the values that are read for each scrape.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::{GaugeVec, IntCounter, TextEncoder};

use crate::registry::{REGISTRY, counter, gauges};
use crate::{channel, process, response_class};

/// The content type of [`render`]'s output: Prometheus' text format 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Values that are not recorded as they change but read for each scrape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScrapeValues {
    /// Queued deliveries of running runs, by channel; `None` where the database does not answer.
    pub queued: Option<BTreeMap<String, u64>>,
    /// Seconds by which the oldest due and unsent delivery or occurrence lies behind its time, by
    /// channel; `None` where the database does not answer.
    pub lag: Option<BTreeMap<String, f64>>,
    /// Opens and clicks that are answered and not yet written; `None` if this process receives
    /// none.
    pub waiting_events: Option<u64>,
    /// Opens and clicks that were answered but not recorded, because the queue was full, since the
    /// start of the process.
    pub shed_events: u64,
}

static DATABASE_UP: LazyLock<GaugeVec> = LazyLock::new(|| {
    gauges("chorus_database_up", "1 if the database answered the queries of this page, else 0.", &[])
});

static QUEUED: LazyLock<GaugeVec> = LazyLock::new(|| {
    gauges(
        "chorus_queued_deliveries",
        "Deliveries of running runs that are not sent yet, by channel.",
        &["channel"],
    )
});

static LAG: LazyLock<GaugeVec> = LazyLock::new(|| {
    gauges(
        "chorus_schedule_lag_seconds",
        "Age of the oldest delivery or occurrence that is due and not sent, by channel.",
        &["channel"],
    )
});

static WAITING: LazyLock<GaugeVec> = LazyLock::new(|| {
    gauges("chorus_event_queue_events", "Opens and clicks that are answered and not yet written.", &[])
});

static SHED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "chorus_events_shed_total",
        "Opens and clicks that were answered and not kept: the queue was full.",
    )
});

/// Serializes renderings, so that the values of two scrapes do not mix.
static RENDER_LOCK: Mutex<()> = Mutex::new(());

/// Renders every metric in Prometheus' text format 0.0.4, one sample a line.
#[must_use]
pub fn render(values: &ScrapeValues) -> String {
    let _guard = RENDER_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    register_all();
    let is_up = values.queued.is_some() && values.lag.is_some();
    DATABASE_UP.with_label_values::<&str>(&[]).set(f64::from(u8::from(is_up)));
    set(&QUEUED, values.queued.iter().flatten().map(|(channel, count)| (channel, *count as f64)));
    set(&LAG, values.lag.iter().flatten().map(|(channel, seconds)| (channel, *seconds)));
    WAITING.reset();
    if let Some(waiting) = values.waiting_events {
        WAITING.with_label_values::<&str>(&[]).set(waiting as f64);
    }
    SHED.inc_by(values.shed_events.saturating_sub(SHED.get()));
    let mut text = String::new();
    // Encoding a registered metric into a string cannot fail.
    let _ = TextEncoder::new().encode_utf8(&REGISTRY.gather(), &mut text);
    text
}

fn set<'a>(gauges: &GaugeVec, values: impl Iterator<Item = (&'a String, f64)>) {
    gauges.reset();
    values.for_each(|(channel, value)| gauges.with_label_values(&[channel]).set(value));
}

/// Registers the metrics that have not been used yet, so that the first scrape shows them with the
/// value 0.
fn register_all() {
    LazyLock::force(&channel::DELIVERIES);
    LazyLock::force(&channel::SEND_SECONDS);
    LazyLock::force(&response_class::SMTP_REPLIES);
    LazyLock::force(&response_class::HTTP_RESPONSES);
    LazyLock::force(&process::BUILD);
    LazyLock::force(&process::START);
    LazyLock::force(&process::WRITER_WAIT);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{ChannelMetrics, OutcomeLabel};

    /// A single test, because metrics are global to the process.
    #[test]
    fn every_metric_is_exposed_and_updated() {
        crate::record_start("1.2.3", 1.5e9);
        crate::record_smtp_reply(Some(250));
        crate::record_smtp_reply(Some(999));
        crate::record_smtp_reply(None);
        crate::record_http_response(Some(404));
        crate::record_writer_wait(Duration::from_millis(2));
        let channel = ChannelMetrics::of("email");
        channel.record_outcome(OutcomeLabel::Returned);
        assert_eq!(crate::since_progress("email"), None, "a returned delivery is no progress");
        channel.record_outcome(OutcomeLabel::Sent);
        assert!(crate::since_progress("email").is_some_and(|since| since < Duration::from_secs(10)));
        channel.record_duration(Duration::from_millis(30));
        let one = |value| Some(BTreeMap::from([("email".to_owned(), value)]));
        let values = ScrapeValues {
            queued: Some(BTreeMap::from([("email".to_owned(), 12)])),
            lag: one(3.5),
            waiting_events: Some(7),
            shed_events: 2,
        };
        let exposition = render(&values);
        for line in [
            "chorus_build_info{version=\"1.2.3\"} 1",
            "chorus_process_start_time_seconds 1500000000",
            "chorus_smtp_replies_total{class=\"2xx\"} 1",
            "chorus_smtp_replies_total{class=\"none\"} 2",
            "chorus_http_answers_total{class=\"4xx\"} 1",
            "chorus_http_answers_total{class=\"2xx\"} 0",
            "chorus_deliveries_total{channel=\"email\",outcome=\"sent\"} 1",
            "chorus_deliveries_total{channel=\"email\",outcome=\"unknown\"} 0",
            "chorus_send_seconds_bucket{channel=\"email\",le=\"0.05\"} 1",
            "chorus_send_seconds_bucket{channel=\"email\",le=\"0.025\"} 0",
            "chorus_database_writer_wait_seconds_count 1",
            "chorus_database_up 1",
            "chorus_queued_deliveries{channel=\"email\"} 12",
            "chorus_schedule_lag_seconds{channel=\"email\"} 3.5",
            "chorus_event_queue_events 7",
            "chorus_events_shed_total 2",
        ] {
            assert!(exposition.lines().any(|known| known == line), "no line {line:?} in\n{exposition}");
        }
        let down = render(&ScrapeValues::default());
        assert!(down.contains("\nchorus_database_up 0\n"), "{down}");
        assert!(!down.contains("chorus_queued_deliveries{"), "unknown values are left out: {down}");
        assert!(!down.contains("\nchorus_event_queue_events "), "{down}");
        assert!(down.contains("\nchorus_events_shed_total 2\n"), "a counter never decreases: {down}");
    }
}
