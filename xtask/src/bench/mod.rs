//! `cargo xtask bench`: speed and size of the release build, each beside an outside measure taken in the same
//! run on the same machine.

mod audience;
mod channels;
mod check;
mod idle;
mod machine;
mod memory;
mod plan;
mod postgres;
mod rate;
mod rejects;
mod round;
mod send;
mod shell;
mod sign;
mod subject;
mod table;
mod tarpit;
mod usage;
mod waits;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::build;
use crate::databases::Databases;
use crate::place::Place;
use crate::servers::{Servers, Settings};
use ::tests::Tools;
use table::Figure;

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Only these; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How many contacts a run is planned for, and how many the run has whose memory is looked at.
    #[arg(long, default_value_t = 1_000_000)]
    contacts: usize,
    /// The number of runs of the year that audiences are asked about; together they reached everybody twelve times.
    #[arg(long, default_value_t = 120)]
    runs: usize,
    /// On which database audiences are asked and waits are measured.
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// How many messages are sent in each round; at most 20,000 to far relays and to those that refuse.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// How many bytes each of them has on the wire.
    #[arg(long, value_delimiter = ',', default_values_t = [4_096, 20_480])]
    sizes: Vec<usize>,
    /// How many connections carry them.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How often everything is repeated, after one round that does not count; figures are medians.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many seconds an idle server is watched.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Measures this executable instead of building one.
    #[arg(long, value_name = "PATH")]
    chorus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Making the deliveries of a run, beside the same insert by hand in the sqlite3 shell.
    Plan,
    /// The whole pipeline into smtp-sink, beside smtp-source.
    Send,
    /// The same to a relay 20 ms away, over 32 connections.
    Rtt,
    /// Connections opened when 5 % of the recipients are refused.
    Rejects,
    /// Memory of a run to a million.
    Memory,
    /// The pipeline on PostgreSQL, beside SQLite.
    Postgres,
    /// Rates of 50/s and 500/s, each over a minute.
    Rate,
    /// What a receiver who answers after a minute takes from the others.
    Tarpit,
    /// A DKIM signature.
    Sign,
    /// Signed webhooks, beside wrk.
    Channels,
    /// Checking 200 campaigns on six channels each, and 10,000 small ones.
    Check,
    /// A server that has nothing to do, with few campaigns and with 10,000.
    Idle,
    /// Audiences by what people did, with a year of history, on both databases.
    Audience,
    /// The longest wait of others while many contacts are imported, planned for and cancelled.
    Waits,
}

impl Part {
    const ALL: [Self; 14] = [
        Self::Plan,
        Self::Send,
        Self::Rtt,
        Self::Rejects,
        Self::Memory,
        Self::Postgres,
        Self::Rate,
        Self::Tarpit,
        Self::Sign,
        Self::Channels,
        Self::Check,
        Self::Idle,
        Self::Audience,
        Self::Waits,
    ];
}

/// Builds, measures, prints.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.messages > 0 && options.contacts > 0, "nothing to measure");
    let servers = Servers::find(place, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::release(place), Ok)?;
    let tools = servers.tools(chorus)?;
    let asked = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let mut figures: Vec<Figure> = Vec::new();
    for part in Part::ALL.into_iter().filter(asked) {
        let measured = measure(part, place, &servers, &tools, options)?;
        println!("\n{}", table::markdown(&measured));
        figures.extend(measured);
    }
    println!("\n{}\n", machine::line()?);
    println!("{}", table::markdown(&figures));
    Ok(())
}

fn measure(
    part: Part,
    place: &Place,
    servers: &Servers,
    tools: &Tools,
    options: &Options,
) -> Result<Vec<Figure>> {
    match part {
        Part::Plan => plan::measure(tools, options.contacts, options.rounds),
        Part::Send => send::measure(tools, options),
        Part::Rtt => send::far(tools, options),
        Part::Rejects => rejects::measure(tools, options),
        Part::Memory => memory::measure(tools, options),
        Part::Postgres => {
            let server = servers.start_postgres(Settings::Installed)?;
            postgres::measure(tools, options, &server.url)
        }
        Part::Rate => rate::measure(tools, options),
        Part::Tarpit => tarpit::measure(tools, options),
        Part::Sign => sign::measure(options.rounds),
        Part::Channels => channels::measure(place, tools, &servers.path("wrk")?, options),
        Part::Check => check::measure(place, tools, options.rounds),
        Part::Audience => {
            let server = servers.start_postgres(Settings::Installed)?;
            audience::measure(tools, options, &server.url)
        }
        Part::Waits => {
            let server = servers.start_postgres(Settings::Installed)?;
            waits::measure(tools, options, &server.url)
        }
        Part::Idle => idle::measure(tools, options.rounds, options.seconds),
    }
}
