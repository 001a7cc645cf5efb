//! Rules about files of the repository other than code: migrations, README and the CI script.

use super::{entries, text};

#[test]
fn both_databases_are_described_by_files_of_the_same_names() {
    let names = entries("migrations/sqlite", true);
    assert!(!names.is_empty());
    assert_eq!(names, entries("migrations/postgres", true));
    for (position, name) in names.iter().enumerate() {
        let number = name.split('_').next().unwrap();
        assert_eq!(number, format!("{:04}", position + 1), "{name}: numbers follow each other");
    }
}

#[test]
fn the_readme_says_how_to_start_and_how_to_test() {
    let readme = text("README.md");
    for command in ["cargo run --release -- demo", "cargo xtask test"] {
        let says = |line: &str| line.split('#').next().unwrap_or_default().trim() == command;
        assert!(readme.lines().any(says), "README.md has no line `{command}`");
    }
}

#[test]
fn the_ci_script_runs_the_same_command_as_developers() {
    let script = text(".ci/run");
    let commands: Vec<&str> = script.lines().filter(|line| line.contains("cargo")).collect();
    assert_eq!(commands, ["exec cargo xtask test"]);
}
