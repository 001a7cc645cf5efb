//! What the crate does, from outside: workspaces on disk, real sockets, and other people's parsers.

mod attack;
mod findings;
mod house;
mod message;
mod same;
mod words;
