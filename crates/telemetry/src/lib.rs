//! Metrics of this process, and their text for Prometheus.
//!
//! Every metric is declared here, once for the process, with its name, help text and labels. Other crates count
//! through the functions and handles below; `chorus` serves [`text`]. Label values come from closed sets: enums of
//! this crate, and the ids of channels, which `chorus.toml` bounds. No value comes from a contact, a message or a
//! server's answer.
//!
//! ```
//! use std::time::Duration;
//!
//! let channel = telemetry::Channel::of("email");
//! channel.counted(telemetry::Outcome::Sent);
//! channel.took(Duration::from_millis(20));
//! let text = telemetry::text(&telemetry::Readings::default());
//! assert!(text.contains("chorus_deliveries_total{channel=\"email\",outcome=\"sent\"} 1"));
//! ```

mod channel;
mod class;
mod process;
mod readings;
mod registry;

pub use channel::{Channel, Outcome, since_progress};
pub use class::{http_answered, smtp_replied};
pub use process::{started, writer_waited};
pub use readings::{CONTENT_TYPE, Readings, text};
