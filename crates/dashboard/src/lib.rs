//! The dashboard: pages rendered on the server without scripts, and an API for programs.
//!
//! Each page is a module below `pages`, with its queries and its view. [`words`] holds the texts of
//! all pages, `format` the notation of numbers and times, `components` the elements that several
//! pages share.
//!
//! Invariants:
//! - A page sends nothing: it changes the database (`pause` a run), and the workers act on the
//!   change.
//! - Every page needs the access key. A dashboard without a key answers only requests that address
//!   this machine.
//! - A request that changes something comes from these pages, or from a program that sends the key.
//! - No page has a script or loads anything from another origin. The view of a message fetches no
//!   remote picture, so that it never counts as an open.
//!
//! ```
//! use dashboard::{counts_of, grouped, words};
//! use money::Money;
//! use store::{Metric, Millis, RollupRow, RunState};
//!
//! let row = |step: &str, metric, count| RollupRow {
//!     campaign: "spring".to_owned(),
//!     step: step.to_owned(),
//!     channel: "email".to_owned(),
//!     metric,
//!     hour: Millis::EPOCH,
//!     currency: String::new(),
//!     count,
//!     amount: Money::ZERO,
//! };
//! let rows = [row("invite", Metric::Sent, 950), row("remind", Metric::Sent, 400)];
//! assert_eq!(counts_of(&rows).sent, 1_350);
//! assert_eq!(grouped(&rows, |row| row.step.as_str())["remind"].sent, 400);
//! assert_eq!(words::run_state(RunState::Paused), "Paused");
//! ```

mod access;
mod asset;
mod chart;
mod components;
mod digits;
mod error;
mod format;
mod headers;
mod inline_code;
mod layout;
mod occurrences;
mod pages;
mod period;
mod rollup;
mod router;
mod run_forecast;
#[cfg(test)]
mod sample;
mod state;
#[cfg(test)]
mod tests;
mod times;
mod upcoming;
pub mod words;

pub use rollup::{counts_of, grouped};
pub use run_forecast::{RunForecast, run_forecast};
pub use state::Dashboard;
pub use upcoming::{contact_local_time, occurrence_local_time};
