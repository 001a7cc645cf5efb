//! The engine over a real SQLite database and real files, with a clock that the tests move.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by unwrapping it")]

mod case;
mod copies;
mod edits;
mod faults;
mod fit;
mod instants;
mod once;
mod schedule;
mod sending;
mod stops;
mod world;
