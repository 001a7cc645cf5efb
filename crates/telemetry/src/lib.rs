//! Metrics of this process, and their text for Prometheus.
//!
//! Every metric is declared here, once for the process, with its name, help text and labels. Other
//! crates record values through the functions and handles below; `chorus` serves the output of
//! [`render`]. Label values come from closed sets: enums of this crate, and the ids of channels,
//! which `chorus.toml` bounds. No value comes from a contact, a message or a server's answer.
//!
//! ```
//! use std::time::Duration;
//!
//! let channel = telemetry::ChannelMetrics::of("email");
//! channel.record_outcome(telemetry::OutcomeLabel::Sent);
//! channel.record_duration(Duration::from_millis(20));
//! let text = telemetry::render(&telemetry::ScrapeValues::default());
//! assert!(text.contains("chorus_deliveries_total{channel=\"email\",outcome=\"sent\"} 1"));
//! ```

mod channel;
mod exposition;
mod process;
mod registry;
mod response_class;

pub use channel::{ChannelMetrics, OutcomeLabel, since_progress};
pub use exposition::{CONTENT_TYPE, ScrapeValues, render};
pub use process::{record_start, record_writer_wait};
pub use response_class::{record_http_response, record_smtp_reply};
