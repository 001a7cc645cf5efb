//! The rules of the house, and the stories that show its promises kept.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod agree;
mod control;
mod copies;
mod crash;
mod delivery;
mod demo;
mod doctor;
mod faults;
mod first_day;
mod hook;
mod house;
mod killed;
mod letters;
mod measured;
mod networks;
mod node;
mod nonsense;
mod operations;
mod pace;
mod pier;
mod preview;
mod readers;
mod scanners;
mod settle;
mod signed;
mod stage;
mod unsubscribe;
