//! Benchmark `channels`: the rate of signed webhooks, beside wrk posting the same bytes to the same
//! endpoint.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use ::tests::{Guard, TestDatabase, Tools};
use anyhow::{Context, Result, ensure};

use super::Options;
use super::round::{Round, run};
use super::table::{Figure, median, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, RELAY, reader};
use crate::build;
use crate::repository::Repository;

/// The duration of wrk in each round, in seconds.
const WRK_SECONDS: u32 = 5;

/// Measures the whole pipeline and wrk, both with an endpoint that verifies the signature of every
/// request.
pub(super) fn measure(
    repository: &Repository,
    tools: &Tools,
    wrk: &Path,
    options: &Options,
) -> Result<Vec<Figure>> {
    let program = build::example(repository, "platform", "endpoint")?;
    let channel = ChannelSetup::Webhook { connections: options.connections };
    let messages = options.messages;
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, messages, reader)?;
    let script = workspace.sandbox.path().join("post.lua");
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut endpoint = Guard::spawn("endpoint", &mut command)?;
    let mut input = endpoint.child().stdin.take().context("the endpoint has no input")?;
    writeln!(input, "{}", script.display())?;
    let mut line = String::new();
    BufReader::new(endpoint.child().stdout.take().context("the endpoint has no output")?)
        .read_line(&mut line)?;
    let url = line.trim().to_owned();
    let (mut ours, mut theirs): (Vec<Round>, Vec<f64>) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        workspace.restore()?;
        let sent = run(&workspace, |command| {
            command.env(RELAY, &url);
        })?;
        sent.ensure_complete(messages)?;
        let peer = wrk_rate(wrk, &script, &url, options.connections)?;
        let (speed, each) = (sent.rate(messages), sent.cpu_each(messages));
        println!(
            "{messages} webhooks, round {round}: chorus {speed:.0}/s, wrk {peer:.0}/s, {each:.0} µs of CPU each"
        );
        if round > 0 {
            ours.push(sent);
            theirs.push(peer);
        }
    }
    endpoint.exit_status()?;
    let rates: Vec<_> = ours.iter().map(|round| round.rate(messages)).collect();
    let each: Vec<_> = ours.iter().map(|round| round.cpu_each(messages)).collect();
    let ratio = median(&rates) / median(&theirs);
    let what = format!("{messages} signed webhooks over {} connections", options.connections);
    Ok(vec![
        Figure::new(format!("chorus, {what}, from start to exit"), spread(&rates, 0, "requests/s"), ""),
        Figure::new("wrk, the same bytes", spread(&theirs, 0, "requests/s"), ""),
        Figure::new("chorus ÷ wrk", format!("{ratio:.2}"), "≥ 0.25"),
        Figure::new("CPU per webhook", spread(&each, 0, "µs"), ""),
    ])
}

/// Returns the requests per second that wrk achieves.
fn wrk_rate(wrk: &Path, script: &Path, url: &str, connections: usize) -> Result<f64> {
    let mut command = Command::new(wrk);
    command.args(["-t", "1", "-c", &connections.to_string(), "-d", &WRK_SECONDS.to_string()]);
    let output =
        command.arg("-s").arg(script).arg(url).stdin(Stdio::null()).output().context("cannot run wrk")?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(!stdout.contains("Non-2xx"), "the endpoint refused what wrk posted:\n{stdout}");
    let line = stdout.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    line.with_context(|| format!("wrk printed no rate:\n{stdout}"))?
        .trim()
        .parse()
        .context("wrk printed no rate")
}
