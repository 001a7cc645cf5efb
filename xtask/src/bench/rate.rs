//! Benchmark `rate`: the accuracy of a configured rate.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::tests::{ConnectionRecord, Guard, Relay, Script, TestDatabase, Tools, until};
use anyhow::{Context, Result};

use super::Options;
use super::table::Figure;
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// The configured rates, in messages per second.
const RATES: [u32; 2] = [50, 500];
/// The time for which each rate is observed.
const OBSERVATION_TIME: Duration = Duration::from_secs(60);

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    RATES.iter().map(|rate| measure_rate(tools, options, *rate)).collect()
}

fn measure_rate(tools: &Tools, options: &Options, rate: u32) -> Result<Figure> {
    let channel = ChannelSetup::Smtp { connections: options.connections, rate: Some(rate) };
    let people = usize::try_from(rate)? * 75;
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, people, reader)?;
    let relay = Relay::new(Script::default());
    let listener = relay.listen()?;
    let mut command = workspace.command(&["send", "--yes", "letter", "--format", "json"], listener.port);
    let sending = Guard::spawn("chorus send", command.stdout(Stdio::null()))?;
    until("a first message", OBSERVATION_TIME, || Ok((relay.accepted_count() > 0).then_some(())))?;
    sleep(OBSERVATION_TIME + Duration::from_secs(2));
    sending.stop(Duration::from_secs(10))?;
    let connections = relay.connections();
    let first = first(&connections).context("nothing was sent")?;
    let ends =
        connections.iter().flat_map(|connection| &connection.messages).filter_map(|message| message.dot);
    let count = u32::try_from(ends.filter(|dot| *dot < first + OBSERVATION_TIME).count())?;
    let wanted = f64::from(rate) * OBSERVATION_TIME.as_secs_f64();
    let off = (f64::from(count) / wanted - 1.0) * 100.0;
    println!("rate {rate}/s: {count} in {OBSERVATION_TIME:?}");
    let what = format!("{rate}/s over {} s", OBSERVATION_TIME.as_secs());
    Ok(Figure::new(what, format!("{count} messages, {off:+.2} %"), "± 2 %"))
}

/// Returns the time at which the first message was started.
fn first(connections: &[ConnectionRecord]) -> Option<Instant> {
    connections.iter().filter_map(|connection| connection.messages.first()).map(|message| message.begun).min()
}
