//! How many connections it takes when some of the recipients are refused.

use ::tests::{Act, Database, Phase, Relay, Script, Tools, Whom};
use anyhow::{Result, ensure};

use super::Options;
use super::round::{rate, send};
use super::subject::{Subject, Way, reader};
use super::table::{Figure, spread};

/// The share of recipients who are unknown.
const UNKNOWN: f64 = 0.05;
/// How many messages at most.
const MESSAGES: usize = 20_000;

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let messages = options.messages.min(MESSAGES);
    let way = Way::Smtp { connections: options.connections, rate: None };
    let subject = Subject::new(tools, Database::Sqlite, way, messages, reader)?;
    let mut opened = Vec::new();
    for round in 1..=options.rounds {
        let unknown = Act::Answer("550 5.1.1 No such user".to_owned());
        let relay = Relay::new(Script::default().with(Phase::Rcpt, Whom::Share(UNKNOWN), unknown));
        let door = relay.open()?;
        let sent = send(&subject, door.port)?;
        let lines = relay.lines();
        let begun: usize = lines.iter().map(|line| line.messages.len()).sum();
        ensure!(
            begun == messages && sent.run["total"] == messages,
            "{begun} messages were begun: {:#}",
            sent.run
        );
        let refused = messages - relay.accepted();
        ensure!(refused > 0, "nobody was refused");
        let each = rate(lines.len() * 100, rate(messages, 1.0));
        println!(
            "rejects {round}: {refused} of {messages} refused, {} connections, {:.0}/s",
            lines.len(),
            sent.rate(messages)
        );
        opened.push(each);
    }
    let what = format!("connections per 100 messages, 5 % of {messages} refused at RCPT");
    Ok(vec![Figure::new(what, spread(&opened, 2, ""), "≤ 1")])
}
