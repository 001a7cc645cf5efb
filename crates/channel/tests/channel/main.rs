//! What the crate does, from outside: workspaces on disk, real sockets, and other people's parsers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod ahead;
mod attack;
mod doctor;
mod findings;
mod house;
mod keyword;
mod message;
mod proxy;
mod redirects;
mod same;
mod server;
mod smtp;
mod tls;
mod webhook;
mod words;
