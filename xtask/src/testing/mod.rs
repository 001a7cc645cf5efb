//! `cargo xtask test`: everything that must hold before a commit, in the order in which it fails fastest.

mod build;
mod run;

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::place::Place;
use crate::servers::{Servers, Settings};
use run::Tally;

/// What is tested.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Only these parts; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Say the name of every test.
    #[arg(long, short)]
    verbose: bool,
    /// Fetch every server anew, as on a machine that has none.
    #[arg(long)]
    fresh: bool,
}

/// One part of the whole.
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
    /// The stories against real servers, and the rules of the house.
    E2e,
}

impl Part {
    const ALL: [Self; 5] = [Self::Fmt, Self::Clippy, Self::Doc, Self::Unit, Self::E2e];
}

/// Runs the parts that were asked for and ends with the line `N passed, N failed`.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let start = Instant::now();
    let asked = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let parts: Vec<Part> = Part::ALL.into_iter().filter(asked).collect();
    for part in &parts {
        check(place, *part)?;
    }
    if !parts.contains(&Part::Unit) && !parts.contains(&Part::E2e) {
        return Ok(());
    }
    let tally = tests(place, options, &parts)?;
    println!("\nall of it took {}", minutes(start));
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 || !tally.whole {
        std::process::exit(1);
    }
    Ok(())
}

/// Runs a part that is one cargo command; nothing for those that are tests.
fn check(place: &Place, part: Part) -> Result<()> {
    let mut cargo = place.cargo();
    match part {
        Part::Fmt => cargo.args(["fmt", "--all", "--check"]),
        Part::Clippy => cargo.args("clippy --workspace --all-targets --locked -- -D warnings".split(' ')),
        Part::Doc => {
            cargo.args("doc --workspace --no-deps --locked".split(' ')).env("RUSTDOCFLAGS", "-D warnings")
        }
        Part::Unit | Part::E2e => return Ok(()),
    };
    timed(&format!("{part:?}").to_lowercase(), || must(&mut cargo))
}

fn tests(place: &Place, options: &Options, parts: &[Part]) -> Result<Tally> {
    let servers = timed("servers", || Servers::find(place, options.fresh))?;
    let built = timed("build", || build::everything(place))?;
    let postgres = servers.start_postgres(Settings::Hasty)?;
    let runner = run::Runner {
        tools: servers.tools(built.chorus.clone())?,
        postgres: postgres.url.clone(),
        filter: options.filter.clone(),
        verbose: options.verbose,
    };
    let mut tally = Tally::default();
    if parts.contains(&Part::Unit) {
        tally += timed("unit", || runner.quick(&built))?;
        tally += timed("doc tests", || runner.documentation(place))?;
    }
    if parts.contains(&Part::E2e) && tally.failed == 0 {
        tally += timed("e2e", || runner.stories(&built))?;
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

fn must(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

fn minutes(start: Instant) -> String {
    let seconds = start.elapsed().as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}
