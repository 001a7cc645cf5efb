//! The same pipeline on PostgreSQL, installed as it comes, beside SQLite.

use ::tests::{Database, Sink, Tools};
use anyhow::Result;

use super::Options;
use super::round::{alike, send};
use super::subject::{Subject, Way, reader};
use super::table::{Figure, median, spread};

pub(super) fn measure(tools: &Tools, options: &Options, server: &str) -> Result<Vec<Figure>> {
    let way = Way::Smtp { connections: options.connections, rate: None };
    let messages = options.messages;
    let size = options.sizes.first().copied().unwrap_or(4096);
    let sink = Sink::start(&tools.smtp_sink, &[])?;
    let mut subjects = Vec::new();
    for database in [Database::Sqlite, Database::Postgres(server)] {
        let subject = Subject::new(tools, database, way, messages, reader)?;
        alike(tools, &subject, size)?;
        subjects.push((subject, Vec::new()));
    }
    for round in 0..=options.rounds {
        for (subject, rates) in &mut subjects {
            let sent = send(subject, sink.port)?;
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
    let (sqlite, postgres) = (&subjects[0].1, &subjects[1].1);
    let ratio = median(postgres) / median(sqlite);
    Ok(vec![
        Figure::new(format!("{messages} messages on SQLite"), spread(sqlite, 0, "messages/s"), ""),
        Figure::new("the same on PostgreSQL", spread(postgres, 0, "messages/s"), ""),
        Figure::new("PostgreSQL ÷ SQLite", format!("{ratio:.2}"), "≥ 0.6"),
    ])
}
