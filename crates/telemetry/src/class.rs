//! Answers of other servers, counted by the first digit of their code.

use std::sync::LazyLock;

use prometheus::IntCounter;

use crate::registry::counters;

/// Values of the label `class`; the last one stands for no answer, or one that cannot be read.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// One counter for each class.
pub(crate) struct Classes([IntCounter; 6]);

pub(crate) static SMTP: LazyLock<Classes> = LazyLock::new(|| {
    Classes::new("chorus_smtp_replies_total", "Replies of SMTP servers to greeting and commands, by class.")
});

pub(crate) static HTTP: LazyLock<Classes> = LazyLock::new(|| {
    Classes::new("chorus_http_answers_total", "Answers to HTTP requests of networks and webhooks, by class.")
});

impl Classes {
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

/// Counts an SMTP reply by its code; `None` where none came.
pub fn smtp_replied(code: Option<u16>) {
    SMTP.count(code);
}

/// Counts the answer to an HTTP request by its status; `None` where none came.
pub fn http_answered(status: Option<u16>) {
    HTTP.count(status);
}
