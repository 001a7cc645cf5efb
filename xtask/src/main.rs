//! What is done to Chorus rather than by it: set-up, tests, the crash trial, real servers, benchmarks.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this tool speaks by printing")]

mod bench;
mod build;
mod crash;
mod databases;
mod oracles;
mod place;
mod servers;
mod testing;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::place::Place;

/// Set-up, tests, crash trial and benchmarks of Chorus.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that must hold before a commit: format, lints, documentation, tests, stories.
    Test(testing::Options),
    /// Speed and size of the release build, beside an outside measure taken in the same run.
    Bench(bench::Options),
    /// Kills the release build over and over while it sends, and counts at the other end who got what.
    Crash(crash::Options),
    /// Posts to servers that are not ours, a Bluesky PDS and a Matrix home server, and reads back what arrived.
    Oracles(oracles::Options),
    /// Finds the servers that tests need, fetches those that are missing, and says where they are.
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
    let place = Place::find()?;
    match cli.command {
        Task::Test(options) => testing::run(&place, &options),
        Task::Bench(options) => bench::run(&place, &options),
        Task::Crash(options) => crash::run(&place, &options),
        Task::Oracles(options) => oracles::run(&place, &options),
        Task::Servers(options) => servers::run(&place, &options),
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
