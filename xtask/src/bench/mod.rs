//! `cargo xtask bench`: speed and size of the release build, each beside an outside measure taken in the same
//! run on the same machine.

mod idle;
mod machine;
mod plan;
mod send;
mod table;
mod usage;
mod workspace;

use anyhow::{Result, ensure};

use crate::build;
use crate::place::Place;
use crate::servers::Servers;
use ::tests::Tools;
use table::Figure;

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Only these; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How many contacts a run is planned for.
    #[arg(long, default_value_t = 1_000_000)]
    contacts: usize,
    /// How many messages are sent in each round.
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
    /// How many bytes each of them has.
    #[arg(long, default_value_t = 4_096)]
    size: usize,
    /// How many connections carry them.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How often everything is repeated; figures are medians.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many seconds an idle server is watched.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Making the deliveries of a run, beside the same insert by hand in the sqlite3 shell.
    Plan,
    /// The whole pipeline into smtp-sink, beside smtp-source.
    Send,
    /// A server that has nothing to do.
    Idle,
}

/// Builds, measures, prints.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.messages > 0 && options.contacts > 0, "nothing to measure");
    let servers = Servers::find(place, false)?;
    let tools = servers.tools(build::release(place)?)?;
    let asked = |part: Part| options.parts.is_empty() || options.parts.contains(&part);
    let mut figures: Vec<Figure> = Vec::new();
    for part in [Part::Plan, Part::Send, Part::Idle].into_iter().filter(|part| asked(*part)) {
        figures.extend(measure(part, &tools, options)?);
    }
    println!("\n{}\n", machine::line()?);
    println!("{}", table::markdown(&figures));
    Ok(())
}

fn measure(part: Part, tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    match part {
        Part::Plan => plan::measure(tools, options.contacts, options.rounds),
        Part::Send => send::measure(tools, options),
        Part::Idle => idle::measure(tools, options.rounds, options.seconds),
    }
}
