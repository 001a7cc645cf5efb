//! The dashboard: pages rendered on the server without scripts, and an API for programs.
//!
//! Each page is a module below `pages`, with its queries and its view. [`words`] holds the texts of
//! all pages, `format` the notation of numbers and times, `components` the elements that several
//! pages share. Pages only write requests to the database (`pause` a run), which the workers carry
//! out.

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
