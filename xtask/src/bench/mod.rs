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
mod suite;
mod table;
mod tarpit;
mod usage;
mod waits;

use std::path::PathBuf;

use crate::databases::Databases;
pub(crate) use suite::run;

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
