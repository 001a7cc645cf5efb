//! `cargo xtask test`: all checks before a commit, in the order in which they fail fastest.

mod build;
mod run;

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::repository::Repository;
use crate::servers::{Durability, Servers};
use run::Tally;

/// The choice of checks and tests.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The parts to run; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Runs only tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Prints the name of every test.
    #[arg(long, short)]
    verbose: bool,
    /// Fetches every server again, as on a machine that has none.
    #[arg(long)]
    fresh: bool,
}

/// One part of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The format of every file.
    Fmt,
    /// Lints, warnings being errors.
    Clippy,
    /// The documentation of the code.
    Doc,
    /// The tests inside the crates, with PostgreSQL beside SQLite.
    Unit,
    /// The end-to-end tests against real servers, and the architecture tests.
    E2e,
}

impl Part {
    const ALL: [Self; 5] = [Self::Fmt, Self::Clippy, Self::Doc, Self::Unit, Self::E2e];
}

/// Runs the selected parts and prints the line `N passed, N failed` at the end.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let start = Instant::now();
    let is_selected = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let parts: Vec<Part> = Part::ALL.into_iter().filter(is_selected).collect();
    for part in &parts {
        check(repository, *part)?;
    }
    if !parts.contains(&Part::Unit) && !parts.contains(&Part::E2e) {
        return Ok(());
    }
    let tally = tests(repository, options, &parts)?;
    println!("\ntotal time {}", minutes(start));
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 || !tally.all_exited_ok {
        std::process::exit(1);
    }
    Ok(())
}

/// Runs a part that is one cargo command; does nothing for parts that are tests.
fn check(repository: &Repository, part: Part) -> Result<()> {
    let mut cargo = repository.cargo();
    match part {
        Part::Fmt => cargo.args(["fmt", "--all", "--check"]),
        Part::Clippy => cargo.args("clippy --workspace --all-targets --locked -- -D warnings".split(' ')),
        Part::Doc => {
            cargo.args("doc --workspace --no-deps --locked".split(' ')).env("RUSTDOCFLAGS", "-D warnings")
        }
        Part::Unit | Part::E2e => return Ok(()),
    };
    timed(&format!("{part:?}").to_lowercase(), || run_ok(&mut cargo))
}

fn tests(repository: &Repository, options: &Options, parts: &[Part]) -> Result<Tally> {
    let servers = timed("servers", || Servers::find(repository, options.fresh))?;
    let built = timed("build", || build::everything(repository))?;
    let postgres = servers.start_postgres(Durability::Off)?;
    let runner = run::Runner {
        tools: servers.tools(built.chorus.clone())?,
        postgres: postgres.url.clone(),
        filter: options.filter.clone(),
        verbose: options.verbose,
    };
    let mut tally = Tally::default();
    if parts.contains(&Part::Unit) {
        tally += timed("unit", || runner.unit_tests(&built))?;
        tally += timed("doc tests", || runner.documentation(repository))?;
    }
    if parts.contains(&Part::E2e) && tally.failed == 0 {
        tally += timed("e2e", || runner.e2e_tests(&built))?;
    }
    Ok(tally)
}

fn timed<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n== {name}");
    let start = Instant::now();
    let result = work();
    println!("== {name}: {} in {}", if result.is_ok() { "done" } else { "FAILED" }, minutes(start));
    result
}

fn run_ok(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

fn minutes(start: Instant) -> String {
    let seconds = start.elapsed().as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}
