//! The whole way from files to a workspace and its findings.

mod folder;
mod hash;
mod hostile;
mod malformed;
mod sample;
mod schemas;
