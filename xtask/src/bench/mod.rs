//! `cargo xtask bench`: speed and size of the release build, each beside a reference program that
//! is measured in the same run on the same machine.

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
mod suite;
mod table;
mod tarpit;
mod usage;
mod waits;
mod workspace;

use std::path::PathBuf;

use crate::databases::Databases;
pub(crate) use suite::run;

/// The choice of benchmarks and their sizes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The benchmarks to run; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// The number of contacts of the runs whose planning and memory are measured.
    #[arg(long, default_value_t = 1_000_000)]
    contacts: usize,
    /// The number of runs in the year of history for audiences; together they reached every contact
    /// twelve times.
    #[arg(long, default_value_t = 120)]
    runs: usize,
    /// The databases for the benchmarks of audiences and waits.
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// The number of messages in each round; at most 20,000 to distant relays and to those that
    /// refuse.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// The sizes of messages on the wire, in bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [4_096, 20_480])]
    sizes: Vec<usize>,
    /// The number of connections that send messages.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// The number of measured rounds, after a warm-up round; figures are medians.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The time for which an idle server is observed, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Measures this executable instead of building one.
    #[arg(long, value_name = "PATH")]
    chorus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Planning the deliveries of a run, beside the same insert in the sqlite3 shell.
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
    /// The effect of a receiver that answers after a minute on all others.
    Tarpit,
    /// The time of a DKIM signature.
    Sign,
    /// Signed webhooks, beside wrk.
    Channels,
    /// Checking 200 campaigns on six channels each, and 10,000 small ones.
    Check,
    /// A server without work, with few campaigns and with 10,000.
    Idle,
    /// Audiences by what people did, with a year of history, on both databases.
    Audience,
    /// The longest wait for the database while many contacts are imported, planned for and
    /// cancelled.
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
