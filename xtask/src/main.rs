//! The developer's tool of this repository: set-up, tests, crash trial, reference servers,
//! benchmarks.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this tool speaks by printing")]

mod bench;
mod build;
mod crash;
mod databases;
mod oracles;
mod repository;
mod servers;
mod testing;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::repository::Repository;

/// Set-up, tests, crash trial and benchmarks of Chorus.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs all checks before a commit: format, lints, documentation, unit tests, end-to-end tests.
    Test(testing::Options),
    /// Measures speed and size of the release build, beside a reference program in the same run.
    Bench(bench::Options),
    /// Kills the release build repeatedly while it sends, and checks at the relay that no message
    /// is lost.
    Crash(crash::Options),
    /// Posts to third-party servers, a Bluesky PDS and a Matrix home server, and checks what
    /// arrived.
    Oracles(oracles::Options),
    /// Finds the servers that tests need, fetches those that are missing, and prints their paths.
    Servers(servers::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let repository = Repository::find()?;
    match cli.command {
        Task::Test(options) => testing::run(&repository, &options),
        Task::Bench(options) => bench::run(&repository, &options),
        Task::Crash(options) => crash::run(&repository, &options),
        Task::Oracles(options) => oracles::run(&repository, &options),
        Task::Servers(options) => servers::run(&repository, &options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
