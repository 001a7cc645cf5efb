//! Metrics of other servers' responses: SMTP replies and HTTP responses by the first digit of their
//! code.

use std::sync::LazyLock;

use prometheus::IntCounter;

use crate::registry::counters;

/// Values of the label `class`; the last one stands for a missing or unreadable response.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// The counters of one metric, one for each value of [`CLASSES`].
pub(crate) struct ClassCounters([IntCounter; 6]);

pub(crate) static SMTP_REPLIES: LazyLock<ClassCounters> = LazyLock::new(|| {
    ClassCounters::new(
        "chorus_smtp_replies_total",
        "Replies of SMTP servers to greeting and commands, by class.",
    )
});

pub(crate) static HTTP_RESPONSES: LazyLock<ClassCounters> = LazyLock::new(|| {
    ClassCounters::new(
        "chorus_http_answers_total",
        "Answers to HTTP requests of networks and webhooks, by class.",
    )
});

impl ClassCounters {
    fn new(name: &str, help: &str) -> Self {
        let vec = counters(name, help, &["class"]);
        Self(CLASSES.map(|class| vec.with_label_values(&[class])))
    }

    fn count(&self, code: Option<u16>) {
        let index = match code.map(|code| code / 100) {
            Some(first @ 1..=5) => usize::from(first - 1),
            _ => CLASSES.len() - 1,
        };
        self.0[index].inc();
    }
}

/// Counts an SMTP reply by its three-digit code; `None` if no readable reply came.
pub fn record_smtp_reply(code: Option<u16>) {
    SMTP_REPLIES.count(code);
}

/// Counts the response to an HTTP request by its status code; `None` if none came.
pub fn record_http_response(status: Option<u16>) {
    HTTP_RESPONSES.count(status);
}
