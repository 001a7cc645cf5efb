//! Architecture tests: they read the code and check the rules that ARCHITECTURE.md states.

mod dependencies;
mod module_cycles;
mod plain_words;
mod repository;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the root folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Reads a text file of the repository; panics if it is missing.
fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Reads a TOML file of the repository; panics if it is missing or invalid.
fn toml(file: &str) -> toml::Table {
    text(file).parse().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Fails with a list of all offences, if there are any.
#[track_caller]
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// Returns the sorted names of the subfolders, or of the files if `files` is true, in a folder of
/// the repository.
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
