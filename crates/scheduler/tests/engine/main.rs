//! The engine over a real SQLite database and real files, with a clock that the tests move.

mod schedule;
mod sending;
mod world;
