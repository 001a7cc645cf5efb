//! Integration tests of the engine, with a real SQLite database and real files, and a clock that
//! the tests move.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by unwrapping it")]

mod copies;
mod edits;
mod faults;
mod fixture;
mod instants;
mod length_check;
mod once;
mod relay_case;
mod schedule;
mod sending;
mod stop_rules;
