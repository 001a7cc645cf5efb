//! The rules of the house: what ARCHITECTURE.md promises about the code, held by reading the code.

mod circles;
mod dependencies;
mod repository;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the repository, which must be there.
fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A TOML file of the repository.
fn toml(file: &str) -> toml::Table {
    text(file).parse().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Fails with all of them, if there are any.
#[track_caller]
fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// Names of the folders (or files, where `files`) in a folder of the repository, in order.
fn entries(folder: &str, files: bool) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file() == files)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
