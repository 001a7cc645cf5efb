//! Integration tests of the crate, with workspaces on disk, real sockets, and independent parsers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod doctor;
mod findings;
mod handlebars_parity;
mod hostile_input;
mod keyword;
mod message;
mod proxy;
mod redirects;
mod rendering;
mod sample_workspace;
mod smtp;
mod smtp_pipelining;
mod smtp_server;
mod tls;
mod webhook;
