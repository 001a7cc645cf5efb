//! The executable that users get.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::place::Place;

/// Builds it.
pub(crate) fn release(place: &Place) -> Result<PathBuf> {
    built(place, &["--release", "--package", "chorus"])
}

/// Builds it as tests do: sooner there, slower at work.
pub(crate) fn debug(place: &Place) -> Result<PathBuf> {
    built(place, &["--package", "chorus"])
}

/// Builds an example of a package, as fast as the executable that users get.
pub(crate) fn example(place: &Place, package: &str, name: &str) -> Result<PathBuf> {
    built(place, &["--release", "--package", package, "--example", name])
}

fn built(place: &Place, what: &[&str]) -> Result<PathBuf> {
    let output = place
        .cargo()
        .args("build --locked --message-format=json-render-diagnostics".split(' '))
        .args(what)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "the build failed");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut paths = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    paths.next_back().context("the build made no program")
}
