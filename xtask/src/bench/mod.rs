//! Speed and size of the release build.

use anyhow::Result;

use crate::place::Place;

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {}

/// `cargo xtask bench`.
pub(crate) fn run(_place: &Place, _options: &Options) -> Result<()> {
    Ok(())
}
