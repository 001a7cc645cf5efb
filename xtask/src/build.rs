//! Builds of the `chorus` executable and of examples.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::repository::Repository;

/// Builds the release executable and returns its path.
pub(crate) fn release(repository: &Repository) -> Result<PathBuf> {
    built(repository, &["--release", "--package", "chorus"])
}

/// Builds the debug executable, as tests use it, and returns its path.
pub(crate) fn debug(repository: &Repository) -> Result<PathBuf> {
    built(repository, &["--package", "chorus"])
}

/// Builds an example of a package in release mode and returns its path.
pub(crate) fn example(repository: &Repository, package: &str, name: &str) -> Result<PathBuf> {
    built(repository, &["--release", "--package", package, "--example", name])
}

fn built(repository: &Repository, what: &[&str]) -> Result<PathBuf> {
    let output = repository
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
