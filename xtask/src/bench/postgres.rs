//! Benchmark `postgres`: the sending rate on PostgreSQL with default settings, beside SQLite.

use ::tests::{SmtpSink, TestDatabase, Tools};
use anyhow::Result;

use super::Options;
use super::round::{match_sizes, send};
use super::table::{Figure, median, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

pub(super) fn measure(tools: &Tools, options: &Options, server: &str) -> Result<Vec<Figure>> {
    let channel = ChannelSetup::Smtp { connections: options.connections, rate: None };
    let messages = options.messages;
    let size = options.sizes.first().copied().unwrap_or(4096);
    let sink = SmtpSink::start(&tools.smtp_sink, &[])?;
    let mut workspaces = Vec::new();
    for database in [TestDatabase::Sqlite, TestDatabase::Postgres(server)] {
        let workspace = BenchWorkspace::new(tools, database, channel, messages, reader)?;
        match_sizes(tools, &workspace, size)?;
        workspaces.push((workspace, Vec::new()));
    }
    for round in 0..=options.rounds {
        for (workspace, rates) in &mut workspaces {
            let sent = send(workspace, sink.port)?;
            sent.ensure_complete(messages)?;
            println!(
                "postgres {round}: {:.0}/s, {:.0} µs of CPU each",
                sent.rate(messages),
                sent.cpu_each(messages)
            );
            if round > 0 {
                rates.push(sent.rate(messages));
            }
        }
    }
    let (sqlite, postgres) = (&workspaces[0].1, &workspaces[1].1);
    let ratio = median(postgres) / median(sqlite);
    Ok(vec![
        Figure::new(format!("{messages} messages on SQLite"), spread(sqlite, 0, "messages/s"), ""),
        Figure::new("the same on PostgreSQL", spread(postgres, 0, "messages/s"), ""),
        Figure::new("PostgreSQL ÷ SQLite", format!("{ratio:.2}"), "≥ 0.6"),
    ])
}
