//! End-to-end tests of the promises in the README, and tests of the architecture rules.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod architecture;
mod consents;
mod consistency;
mod crash;
mod database_copies;
mod delivery;
mod demo;
mod dkim;
mod docs;
mod doctor;
mod erasure;
mod faults;
mod fixture;
mod getting_started;
mod imports;
mod invalid_input;
mod link_scanners;
mod markdown_rendering;
mod network_crashes;
mod networks;
mod node;
mod operations;
mod preview;
mod received_mail;
mod run_control;
mod settle;
mod slow_receivers;
mod terminal_colors;
mod test_tools;
mod text_measures;
mod unsubscribe;
mod webhook;
