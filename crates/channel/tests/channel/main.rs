//! What the crate does, from outside: workspaces on disk, real sockets, and other people's parsers.

mod house;
mod words;
