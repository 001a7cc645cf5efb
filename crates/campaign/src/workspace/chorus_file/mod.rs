//! The format of `chorus.toml`, and the readers of its tables.

pub(crate) mod attributes;
pub(crate) mod channel;
pub(crate) mod channel_secret;
pub(crate) mod dkim;
pub(crate) mod format;
pub(crate) mod load;
pub(crate) mod network;
pub(crate) mod pace;
pub(crate) mod private_key;
pub(crate) mod purposes;
mod read;
#[cfg(test)]
mod sample_key;
pub(crate) mod server;
pub(crate) mod settings;
