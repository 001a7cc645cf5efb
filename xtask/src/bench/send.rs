//! Benchmarks `send` and `rtt`: the rate of complete messages beside a client that repeats one
//! message, to a local and to a distant relay.

use std::time::Duration;

use ::tests::{LatencyProxy, SmtpSink, TestDatabase, Tools};
use anyhow::Result;

use super::Options;
use super::round::{MatchedSizes, Round, match_sizes, rate, send, source};
use super::table::{Figure, median, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// The round-trip time of the distant relay.
const FAR_ROUND_TRIP: Duration = Duration::from_millis(20);
/// The number of connections to the distant relay.
const FAR_CONNECTIONS: usize = 32;
const FAR_MESSAGES: usize = 20_000;

/// The measured rounds of both programs.
struct Rounds {
    ours: Vec<Round>,
    /// The rates of smtp-source, in messages per second.
    theirs: Vec<f64>,
}

impl Rounds {
    fn ours(&self, figure: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.ours.iter().map(figure).collect()
    }
}

/// Measures the whole pipeline and smtp-source, both with smtp-sink, at each message size.
pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let channel = ChannelSetup::Smtp { connections: options.connections, rate: None };
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, options.messages, reader)?;
    let sink = SmtpSink::start(&tools.smtp_sink, &[])?;
    let mut figures = Vec::new();
    for size in &options.sizes {
        workspace.restore()?;
        let sizes = match_sizes(tools, &workspace, *size)?;
        let rounds = rounds(tools, &workspace, sink.port, options.connections, options.rounds, sizes)?;
        figures.extend(self::figures(&rounds, options, sizes));
    }
    Ok(figures)
}

/// Measures both programs in turn, after a warm-up round. Which one is first alternates.
fn rounds(
    tools: &Tools,
    workspace: &BenchWorkspace,
    port: u16,
    connections: usize,
    count: usize,
    sizes: MatchedSizes,
) -> Result<Rounds> {
    let messages = workspace.people;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=count {
        let peer = || anyhow::Ok(rate(messages, source(tools, port, connections, messages, sizes.length)?));
        let first = if round % 2 == 0 { Some(peer()?) } else { None };
        let own = send(workspace, port)?;
        own.ensure_complete(messages)?;
        let peer = first.map_or_else(peer, Ok)?;
        let (speed, each) = (own.rate(messages), own.cpu_each(messages));
        println!(
            "{messages} messages of {} bytes, round {round}: chorus {speed:.0}/s, smtp-source {peer:.0}/s, {each:.0} µs \
             of CPU each",
            sizes.ours
        );
        if round > 0 {
            ours.push(own);
            theirs.push(peer);
        }
    }
    Ok(Rounds { ours, theirs })
}

fn figures(rounds: &Rounds, options: &Options, sizes: MatchedSizes) -> Vec<Figure> {
    let messages = options.messages;
    let what =
        format!("{messages} messages of {} bytes over {} connections", sizes.ours, options.connections);
    let rates = rounds.ours(|round| round.rate(messages));
    let ratio = median(&rates) / median(&rounds.theirs);
    let (speed, cpu) = promises(sizes.ours);
    let theirs = format!("smtp-source, {} bytes", sizes.theirs);
    vec![
        Figure::new(format!("chorus, {what}, from start to exit"), spread(&rates, 0, "messages/s"), ""),
        Figure::new(theirs, spread(&rounds.theirs, 0, "messages/s"), ""),
        Figure::new("chorus ÷ smtp-source", format!("{ratio:.2}"), speed),
        Figure::new("CPU per message", spread(&rounds.ours(|round| round.cpu_each(messages)), 0, "µs"), cpu),
        Figure::new("most memory", spread(&rounds.ours(|round| round.peak), 1, "MB"), "≤ 60 MB"),
    ]
}

/// Returns the promised speed relative to smtp-source and the promised processor time, for a
/// message size in bytes.
const fn promises(size: usize) -> (&'static str, &'static str) {
    match size {
        0..=10_000 => ("≥ 0.8", "≤ 120 µs"),
        _ => ("≥ 0.9", ""),
    }
}

/// Measures both programs with a distant relay.
pub(super) fn far(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let channel = ChannelSetup::Smtp { connections: FAR_CONNECTIONS, rate: None };
    let messages = options.messages.min(FAR_MESSAGES);
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, messages, reader)?;
    let sink = SmtpSink::start(&tools.smtp_sink, &[])?;
    let proxy = LatencyProxy::start(sink.port, FAR_ROUND_TRIP)?;
    let sizes = match_sizes(tools, &workspace, options.sizes.first().copied().unwrap_or(4096))?;
    let rounds = rounds(tools, &workspace, proxy.port, FAR_CONNECTIONS, options.rounds, sizes)?;
    let what =
        format!("{messages} messages over {FAR_CONNECTIONS} connections, {FAR_ROUND_TRIP:?} there and back");
    let rates = rounds.ours(|round| round.rate(messages));
    Ok(vec![
        Figure::new(format!("chorus, {what}"), spread(&rates, 0, "messages/s"), "≥ 700 messages/s"),
        Figure::new("smtp-source, the same", spread(&rounds.theirs, 0, "messages/s"), ""),
    ])
}
