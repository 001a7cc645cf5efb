//! Benchmark `rejects`: the number of connections when some of the recipients are refused.

use ::tests::{Phase, RecipientFilter, Relay, RelayAction, Script, TestDatabase, Tools};
use anyhow::{Result, ensure};

use super::Options;
use super::round::{rate, send};
use super::table::{Figure, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// The share of recipients that the relay refuses as unknown.
const UNKNOWN_SHARE: f64 = 0.05;
/// The largest number of messages in a round.
const MAX_MESSAGES: usize = 20_000;

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let messages = options.messages.min(MAX_MESSAGES);
    let channel = ChannelSetup::Smtp { connections: options.connections, rate: None };
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, messages, reader)?;
    let mut opened = Vec::new();
    for round in 1..=options.rounds {
        let unknown = RelayAction::Answer("550 5.1.1 No such user".to_owned());
        let relay =
            Relay::new(Script::default().with(Phase::Rcpt, RecipientFilter::Share(UNKNOWN_SHARE), unknown));
        let listener = relay.listen()?;
        let sent = send(&workspace, listener.port)?;
        let connections = relay.connections();
        let begun: usize = connections.iter().map(|connection| connection.messages.len()).sum();
        ensure!(
            begun == messages && sent.run["total"] == messages,
            "{begun} messages were begun: {:#}",
            sent.run
        );
        let refused = messages - relay.accepted_count();
        ensure!(refused > 0, "no recipient was refused");
        let each = rate(connections.len() * 100, rate(messages, 1.0));
        println!(
            "rejects {round}: {refused} of {messages} refused, {} connections, {:.0}/s",
            connections.len(),
            sent.rate(messages)
        );
        opened.push(each);
    }
    let what = format!("connections per 100 messages, 5 % of {messages} refused at RCPT");
    Ok(vec![Figure::new(what, spread(&opened, 2, ""), "≤ 1")])
}
