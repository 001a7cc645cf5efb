//! One build of everything: the `chorus` executable and every test, with the same features, so that
//! nothing is compiled twice.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::repository::Repository;

/// The programs that the build produced.
#[derive(Debug)]
pub(super) struct Built {
    /// The path of the `chorus` executable.
    pub(super) chorus: PathBuf,
    /// The test programs, in the order of their packages' names.
    pub(super) tests: Vec<TestProgram>,
}

/// A test executable of one package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TestProgram {
    /// The name of the package it tests.
    pub(super) package: String,
    /// The name of the target in the package.
    pub(super) target: String,
    /// The path of the executable.
    pub(super) path: PathBuf,
    /// The package's folder, which cargo sets as the working directory of tests.
    pub(super) folder: PathBuf,
}

/// Builds all targets of the workspace.
pub(super) fn everything(repository: &Repository) -> Result<Built> {
    let output = repository
        .cargo()
        .args(["build", "--workspace", "--all-targets", "--locked"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "the build failed");
    read(&String::from_utf8_lossy(&output.stdout))
}

fn read(messages: &str) -> Result<Built> {
    let mut tests = Vec::new();
    let mut chorus = None;
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).with_context(|| format!("cargo said {line:?}"))?;
        let Some(path) = message["executable"].as_str() else { continue };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let target = text(&message["target"]["name"]);
        if message["profile"]["test"] == true {
            let manifest = PathBuf::from(text(&message["manifest_path"]));
            let folder = manifest.parent().context("a manifest has a folder")?.to_owned();
            let package = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            tests.push(TestProgram { package, target, path: path.into(), folder });
        } else if target == "chorus" {
            chorus = Some(PathBuf::from(path));
        }
    }
    tests.sort();
    match chorus {
        Some(chorus) => Ok(Built { chorus, tests }),
        None => bail!("the build made no chorus"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_the_executable_are_distinguished() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/r/crates/chorus/Cargo.toml","target":{"name":"chorus"},"profile":{"test":true},"executable":"/t/chorus-1"}
{"reason":"compiler-artifact","manifest_path":"/r/crates/chorus/Cargo.toml","target":{"name":"chorus"},"profile":{"test":false},"executable":"/t/chorus"}
{"reason":"compiler-artifact","manifest_path":"/r/crates/store/Cargo.toml","target":{"name":"store"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}"#;
        let built = read(messages).unwrap();
        assert_eq!(built.chorus, PathBuf::from("/t/chorus"));
        let [test] = built.tests.as_slice() else { panic!("{:?}", built.tests) };
        assert_eq!((test.package.as_str(), test.path.to_str()), ("chorus", Some("/t/chorus-1")));
    }

    #[test]
    fn a_build_without_the_executable_is_an_error() {
        assert!(read(r#"{"reason":"build-finished","success":true}"#).is_err());
    }
}
