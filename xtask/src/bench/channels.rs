//! How fast signed webhooks go out, beside wrk posting the same bytes to the same endpoint.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use ::tests::{Database, Guard, Tools};
use anyhow::{Context, Result, ensure};

use super::Options;
use super::round::{Round, run};
use super::subject::{RELAY, Subject, Way, reader};
use super::table::{Figure, median, spread};
use crate::build;
use crate::place::Place;

/// How long wrk posts in each round, in seconds.
const SECONDS: u32 = 5;

/// The whole pipeline beside wrk, both to an endpoint that checks the signature of every request.
pub(super) fn measure(place: &Place, tools: &Tools, wrk: &Path, options: &Options) -> Result<Vec<Figure>> {
    let program = build::example(place, "platform", "endpoint")?;
    let way = Way::Webhook { connections: options.connections };
    let messages = options.messages;
    let subject = Subject::new(tools, Database::Sqlite, way, messages, reader)?;
    let script = subject.sandbox.path().join("post.lua");
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut endpoint = Guard::spawn("endpoint", &mut command)?;
    let mut input = endpoint.child().stdin.take().context("the endpoint does not listen")?;
    writeln!(input, "{}", script.display())?;
    let mut line = String::new();
    BufReader::new(endpoint.child().stdout.take().context("the endpoint says nothing")?)
        .read_line(&mut line)?;
    let url = line.trim().to_owned();
    let (mut ours, mut theirs): (Vec<Round>, Vec<f64>) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        subject.restore()?;
        let sent = run(&subject, |command| {
            command.env(RELAY, &url);
        })?;
        sent.ensure_complete(messages)?;
        let peer = posted(wrk, &script, &url, options.connections)?;
        let (speed, each) = (sent.rate(messages), sent.cpu_each(messages));
        println!(
            "{messages} webhooks, round {round}: chorus {speed:.0}/s, wrk {peer:.0}/s, {each:.0} µs of CPU each"
        );
        if round > 0 {
            ours.push(sent);
            theirs.push(peer);
        }
    }
    endpoint.ended()?;
    let rates: Vec<_> = ours.iter().map(|round| round.rate(messages)).collect();
    let each: Vec<_> = ours.iter().map(|round| round.cpu_each(messages)).collect();
    let ratio = median(&rates) / median(&theirs);
    let what = format!("{messages} signed webhooks over {} connections", options.connections);
    Ok(vec![
        Figure::new(format!("chorus, {what}, from start to exit"), spread(&rates, 0, "requests/s"), ""),
        Figure::new("wrk, the same bytes", spread(&theirs, 0, "requests/s"), ""),
        Figure::new("chorus ÷ wrk", format!("{ratio:.2}"), "≥ 0.7"),
        Figure::new("CPU per webhook", spread(&each, 0, "µs"), ""),
    ])
}

/// Requests in a second that wrk gets through.
fn posted(wrk: &Path, script: &Path, url: &str, connections: usize) -> Result<f64> {
    let mut command = Command::new(wrk);
    command.args(["-t", "1", "-c", &connections.to_string(), "-d", &SECONDS.to_string()]);
    let output =
        command.arg("-s").arg(script).arg(url).stdin(Stdio::null()).output().context("cannot run wrk")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(!said.contains("Non-2xx"), "the endpoint refused what wrk posted:\n{said}");
    let line = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    line.with_context(|| format!("wrk told no rate:\n{said}"))?.trim().parse().context("wrk told no rate")
}
