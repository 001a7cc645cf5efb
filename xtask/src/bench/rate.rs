//! How true a configured rate is.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::tests::{Database, Guard, Line, Relay, Script, Tools, until};
use anyhow::{Context, Result};

use super::Options;
use super::subject::{Subject, Way, reader};
use super::table::Figure;

/// The rates, a second.
const RATES: [u32; 2] = [50, 500];
/// How long each is watched.
const WATCHED: Duration = Duration::from_secs(60);

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    RATES.iter().map(|rate| one(tools, options, *rate)).collect()
}

fn one(tools: &Tools, options: &Options, rate: u32) -> Result<Figure> {
    let way = Way::Smtp { connections: options.connections, rate: Some(rate) };
    let people = usize::try_from(rate)? * 75;
    let subject = Subject::new(tools, Database::Sqlite, way, people, reader)?;
    let relay = Relay::new(Script::default());
    let door = relay.open()?;
    let mut command = subject.command(&["send", "--yes", "letter", "--format", "json"], door.port);
    let sending = Guard::spawn("chorus send", command.stdout(Stdio::null()))?;
    until("a first message", WATCHED, || Ok((relay.accepted() > 0).then_some(())))?;
    sleep(WATCHED + Duration::from_secs(2));
    sending.stop(Duration::from_secs(10))?;
    let lines = relay.lines();
    let first = first(&lines).context("nothing was sent")?;
    let ends = lines.iter().flat_map(|line| &line.messages).filter_map(|message| message.dot);
    let count = u32::try_from(ends.filter(|dot| *dot < first + WATCHED).count())?;
    let wanted = f64::from(rate) * WATCHED.as_secs_f64();
    let off = (f64::from(count) / wanted - 1.0) * 100.0;
    println!("rate {rate}/s: {count} in {WATCHED:?}");
    let what = format!("{rate}/s over {} s", WATCHED.as_secs());
    Ok(Figure::new(what, format!("{count} messages, {off:+.2} %"), "± 2 %"))
}

/// When the first message was begun.
fn first(lines: &[Line]) -> Option<Instant> {
    lines.iter().filter_map(|line| line.messages.first()).map(|message| message.begun).min()
}
