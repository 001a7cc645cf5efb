//! How fast whole messages go out, beside a client that only repeats one; close by and far away.

use std::time::Duration;

use ::tests::{Database, Proxy, Sink, Tools};
use anyhow::Result;

use super::Options;
use super::round::{Alike, Round, alike, rate, send, source};
use super::subject::{Subject, Way, reader};
use super::table::{Figure, median, spread};

/// How far away the relay is that is far away, there and back.
const FAR: Duration = Duration::from_millis(20);
/// How many connections go there, and how many messages at most.
const FAR_CONNECTIONS: usize = 32;
const FAR_MESSAGES: usize = 20_000;

/// The same messages by both, round by round.
struct Rounds {
    ours: Vec<Round>,
    /// Messages in a second.
    theirs: Vec<f64>,
}

impl Rounds {
    fn ours(&self, figure: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.ours.iter().map(figure).collect()
    }
}

/// The whole pipeline beside smtp-source, both to smtp-sink, at each size.
pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let way = Way::Smtp { connections: options.connections, rate: None };
    let subject = Subject::new(tools, Database::Sqlite, way, options.messages, reader)?;
    let sink = Sink::start(&tools.smtp_sink, &[])?;
    let mut figures = Vec::new();
    for size in &options.sizes {
        subject.restore()?;
        let alike = alike(tools, &subject, *size)?;
        let rounds = rounds(tools, &subject, sink.port, options.connections, options.rounds, alike)?;
        figures.extend(told(&rounds, options, alike));
    }
    Ok(figures)
}

/// Rounds by both in turn, after one of each that does not count. Who begins changes.
fn rounds(
    tools: &Tools,
    subject: &Subject,
    port: u16,
    connections: usize,
    count: usize,
    alike: Alike,
) -> Result<Rounds> {
    let messages = subject.people;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=count {
        let peer = || anyhow::Ok(rate(messages, source(tools, port, connections, messages, alike.length)?));
        let first = if round % 2 == 0 { Some(peer()?) } else { None };
        let own = send(subject, port)?;
        own.ensure_complete(messages)?;
        let peer = first.map_or_else(peer, Ok)?;
        let (speed, each) = (own.rate(messages), own.cpu_each(messages));
        println!(
            "{messages} messages of {} bytes, round {round}: chorus {speed:.0}/s, smtp-source {peer:.0}/s, {each:.0} µs \
             of CPU each",
            alike.ours
        );
        if round > 0 {
            ours.push(own);
            theirs.push(peer);
        }
    }
    Ok(Rounds { ours, theirs })
}

fn told(rounds: &Rounds, options: &Options, alike: Alike) -> Vec<Figure> {
    let messages = options.messages;
    let what =
        format!("{messages} messages of {} bytes over {} connections", alike.ours, options.connections);
    let rates = rounds.ours(|round| round.rate(messages));
    let ratio = median(&rates) / median(&rounds.theirs);
    let (speed, cpu) = promises(alike.ours);
    let theirs = format!("smtp-source, {} bytes", alike.theirs);
    vec![
        Figure::new(format!("chorus, {what}, from start to exit"), spread(&rates, 0, "messages/s"), ""),
        Figure::new(theirs, spread(&rounds.theirs, 0, "messages/s"), ""),
        Figure::new("chorus ÷ smtp-source", format!("{ratio:.2}"), speed),
        Figure::new("CPU per message", spread(&rounds.ours(|round| round.cpu_each(messages)), 0, "µs"), cpu),
        Figure::new("most memory", spread(&rounds.ours(|round| round.peak), 1, "MB"), "≤ 60 MB"),
    ]
}

/// What is promised of speed and processor time at a size.
const fn promises(size: usize) -> (&'static str, &'static str) {
    match size {
        0..=10_000 => ("≥ 0.8", "≤ 120 µs"),
        _ => ("≥ 0.9", ""),
    }
}

/// The same to a relay that is far away.
pub(super) fn far(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let way = Way::Smtp { connections: FAR_CONNECTIONS, rate: None };
    let messages = options.messages.min(FAR_MESSAGES);
    let subject = Subject::new(tools, Database::Sqlite, way, messages, reader)?;
    let sink = Sink::start(&tools.smtp_sink, &[])?;
    let proxy = Proxy::start(sink.port, FAR)?;
    let alike = alike(tools, &subject, options.sizes.first().copied().unwrap_or(4096))?;
    let rounds = rounds(tools, &subject, proxy.port, FAR_CONNECTIONS, options.rounds, alike)?;
    let what = format!("{messages} messages over {FAR_CONNECTIONS} connections, {FAR:?} there and back");
    let rates = rounds.ours(|round| round.rate(messages));
    Ok(vec![
        Figure::new(format!("chorus, {what}"), spread(&rates, 0, "messages/s"), "≥ 700 messages/s"),
        Figure::new("smtp-source, the same", spread(&rounds.theirs, 0, "messages/s"), ""),
    ])
}
