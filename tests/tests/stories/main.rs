//! The rules of the house, and the stories that show its promises kept.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod house;
