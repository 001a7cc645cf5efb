//! Metrics of this process, and their text for Prometheus.
//!
//! Other crates record values through the functions and handles below; `chorus` serves the output
//! of [`render`].
//!
//! Invariants:
//! - Every metric is declared here, once for the process, with its name, help text and labels.
//! - Label values come from closed sets: enums of this crate, and the ids of channels, which
//!   `chorus.toml` bounds. No value comes from a contact, a message or a server's answer.
//! - A counter never decreases. A value that is unknown at a scrape is left out and not shown as 0.
//!
//! ```
//! use std::time::Duration;
//!
//! use telemetry::{ChannelMetrics, OutcomeLabel, ScrapeValues};
//!
//! let channel = ChannelMetrics::of("email");
//! channel.record_outcome(OutcomeLabel::Sent);
//! channel.record_duration(Duration::from_millis(20));
//! let text = telemetry::render(&ScrapeValues::default());
//! assert!(text.contains("chorus_deliveries_total{channel=\"email\",outcome=\"sent\"} 1"));
//! assert!(!text.contains("chorus_queued_deliveries{"), "the database was not asked");
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
