//! Showing it: pages and API, drawn on the server, without scripts.
//!
//! A page is a file below `pages`: what it asks of the database, then how it looks. [`words`] holds what pages
//! say, `notation` how numbers and times are written, `parts` what several pages share. Pages write nothing but
//! intent (`pause` a run); the workers see it in the database.

mod access;
mod asset;
mod chart;
mod digits;
mod error;
mod headers;
mod inline_code;
mod notation;
mod occurrences;
mod outlook;
mod pages;
mod parts;
mod period;
mod rollup;
mod router;
#[cfg(test)]
mod sample;
mod shell;
mod state;
#[cfg(test)]
mod tests;
mod times;
mod upcoming;
pub mod words;

pub use outlook::{Outlook, outlook};
pub use rollup::{counts_of, grouped};
pub use state::Dashboard;
pub use upcoming::{own_clock, own_clock_of};
