//! The folders of this repository and its build, and cargo commands in it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The folders that all commands of this tool work in.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    /// The root folder of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, which may be outside the repository.
    pub(crate) target: PathBuf,
}

impl Repository {
    /// Finds the folders with `cargo metadata`.
    pub(crate) fn find() -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .output()
            .context("cannot run cargo")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
        let folder = |key: &str| {
            let path = metadata[key].as_str().with_context(|| format!("cargo metadata has no {key}"))?;
            anyhow::Ok(PathBuf::from(path))
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")? })
    }

    /// Returns a cargo command that runs in the repository.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }
}

fn cargo() -> Command {
    Command::new(env!("CARGO"))
}
