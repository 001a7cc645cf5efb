//! What is read when somebody asks for the metrics, and the text of them all.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::{GaugeVec, IntCounter, TextEncoder};

use crate::registry::{REGISTRY, counter, gauges};
use crate::{channel, class, process};

/// The content type of [`text`]: Prometheus' text format 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Figures that nobody counts as they change: they are read for each answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readings {
    /// Queued deliveries of running runs, by channel; `None` where the database does not answer.
    pub queued: Option<BTreeMap<String, u64>>,
    /// Seconds by which the oldest due and unsent delivery or occurrence lies behind its time, by channel; `None` where
    /// the database does not answer.
    pub lag: Option<BTreeMap<String, f64>>,
    /// Opens and clicks that are answered and not yet written; `None` where this process takes none.
    pub waiting_events: Option<u64>,
    /// Opens and clicks that were answered and not kept, since the start of the process.
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

/// Held while readings are set and written, so that two answers do not mix.
static WRITING: Mutex<()> = Mutex::new(());

/// Every metric in Prometheus' text format 0.0.4, one sample a line.
#[must_use]
pub fn text(readings: &Readings) -> String {
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    declare();
    let is_up = readings.queued.is_some() && readings.lag.is_some();
    DATABASE_UP.with_label_values::<&str>(&[]).set(f64::from(u8::from(is_up)));
    set(&QUEUED, readings.queued.iter().flatten().map(|(channel, count)| (channel, *count as f64)));
    set(&LAG, readings.lag.iter().flatten().map(|(channel, seconds)| (channel, *seconds)));
    WAITING.reset();
    if let Some(waiting) = readings.waiting_events {
        WAITING.with_label_values::<&str>(&[]).set(waiting as f64);
    }
    SHED.inc_by(readings.shed_events.saturating_sub(SHED.get()));
    let mut text = String::new();
    // Writing to a string fails for no metric that is registered.
    let _ = TextEncoder::new().encode_utf8(&REGISTRY.gather(), &mut text);
    text
}

fn set<'a>(gauges: &GaugeVec, values: impl Iterator<Item = (&'a String, f64)>) {
    gauges.reset();
    values.for_each(|(channel, value)| gauges.with_label_values(&[channel]).set(value));
}

/// Registers what nobody has used yet: a metric is there, at 0, from the first answer on.
fn declare() {
    LazyLock::force(&channel::DELIVERIES);
    LazyLock::force(&channel::SEND_SECONDS);
    LazyLock::force(&class::SMTP);
    LazyLock::force(&class::HTTP);
    LazyLock::force(&process::BUILD);
    LazyLock::force(&process::START);
    LazyLock::force(&process::WRITER_WAIT);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Channel, Outcome};

    /// One test: the metrics are the process's.
    #[test]
    fn every_metric_is_there_with_help_and_type_and_moves() {
        crate::started("1.2.3", 1.5e9);
        crate::smtp_replied(Some(250));
        crate::smtp_replied(Some(999));
        crate::smtp_replied(None);
        crate::http_answered(Some(404));
        crate::writer_waited(Duration::from_millis(2));
        let channel = Channel::of("email");
        channel.counted(Outcome::Returned);
        assert_eq!(crate::since_progress("email"), None, "what was not sent is no progress");
        channel.counted(Outcome::Sent);
        assert!(crate::since_progress("email").is_some_and(|since| since < Duration::from_secs(10)));
        channel.took(Duration::from_millis(30));
        let one = |value| Some(BTreeMap::from([("email".to_owned(), value)]));
        let readings = Readings {
            queued: Some(BTreeMap::from([("email".to_owned(), 12)])),
            lag: one(3.5),
            waiting_events: Some(7),
            shed_events: 2,
        };
        let said = text(&readings);
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
            assert!(said.lines().any(|known| known == line), "no line {line:?} in\n{said}");
        }
        let down = text(&Readings::default());
        assert!(down.contains("\nchorus_database_up 0\n"), "{down}");
        assert!(!down.contains("chorus_queued_deliveries{"), "what is not known is left out: {down}");
        assert!(!down.contains("\nchorus_event_queue_events "), "{down}");
        assert!(down.contains("\nchorus_events_shed_total 2\n"), "a counter never falls: {down}");
    }
}
