//! How fast whole messages go out, beside a client that only repeats one.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ::tests::{Guard, Sandbox, Sink, Tools, bound, until};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Options;
use super::table::{Figure, median, spread};
use super::usage;
use super::workspace::{self, Way};

/// One round of `chorus send`.
struct Round {
    /// Messages in a second, from the run's making to its end.
    rate: f64,
    /// Microseconds of processor time for each message.
    cpu: f64,
    /// Megabytes at most.
    peak: f64,
}

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let sink = Sink::start(&tools.smtp_sink, &[])?;
    let way = Way::Smtp { port: sink.port, connections: options.connections };
    let sandbox = workspace::make(tools, way, 0)?;
    workspace::import(&sandbox, options.messages)?;
    let size = fit(&sandbox, options.size)?;
    let (mut chorus, mut source) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        source.push(smtp_source(tools, &sink, options, size)?);
        chorus.push(send(&sandbox, options.messages)?);
        let (theirs, ours) = (source[round - 1], &chorus[round - 1]);
        println!(
            "send {round}: chorus {:.0}/s, smtp-source {theirs:.0}/s, {:.0} µs of CPU each",
            ours.rate, ours.cpu
        );
    }
    let of = |figure: fn(&Round) -> f64| chorus.iter().map(figure).collect::<Vec<f64>>();
    let rates = of(|round| round.rate);
    let ratio = median(&rates) / median(&source);
    let what =
        format!("{} messages of {size} bytes over {} connections", options.messages, options.connections);
    Ok(vec![
        Figure::new(format!("chorus, {what}"), spread(&rates, 0, "messages/s"), ""),
        Figure::new("smtp-source, the same", spread(&source, 0, "messages/s"), ""),
        Figure::new("chorus to smtp-source", format!("{ratio:.2}"), "≥ 0.8 at 4 KB, ≥ 0.9 at 20 KB"),
        Figure::new("CPU per message", spread(&of(|round| round.cpu), 0, "µs"), ""),
        Figure::new("most memory", spread(&of(|round| round.peak), 1, "MB"), "≤ 60 MB"),
    ])
}

/// Fills the template until a message has about `wanted` bytes; says how many it has.
fn fit(sandbox: &Sandbox, wanted: usize) -> Result<usize> {
    let bare = size(sandbox)?;
    workspace::pad(sandbox, 10_000)?;
    let filled = size(sandbox)?;
    ensure!(filled > bare, "filling the template did not make the message longer");
    let padding = wanted.saturating_sub(bare) * 10_000 / (filled - bare);
    workspace::pad(sandbox, padding)?;
    size(sandbox)
}

fn size(sandbox: &Sandbox) -> Result<usize> {
    sandbox.done(&["preview", "letter", "--out", "shown"])?;
    let length = fs::metadata(sandbox.path().join("shown/mail.eml")).context("no preview")?.len();
    usize::try_from(length).context("an enormous preview")
}

/// Messages in a second by smtp-source, which keeps its connections like chorus does.
fn smtp_source(tools: &Tools, sink: &Sink, options: &Options, size: usize) -> Result<f64> {
    let mut command = bound(&tools.smtp_source);
    command
        .args(["-d", "-s", &options.connections.to_string(), "-m", &options.messages.to_string()])
        .args(["-l", &size.to_string(), "-f", "news@measure.example", "-t", "reader@example.com"])
        .arg(format!("inet:127.0.0.1:{}", sink.port))
        .stdin(Stdio::null());
    let start = Instant::now();
    let status = command.status().context("cannot start smtp-source")?;
    ensure!(status.success(), "smtp-source ended with {status}");
    Ok(rate(options.messages, start.elapsed().as_secs_f64()))
}

fn send(sandbox: &Sandbox, messages: usize) -> Result<Round> {
    let output = sandbox.path().join("run.json");
    let mut command = sandbox.command(&["send", "letter", "--format", "json"]);
    command.stdout(fs::File::create(&output)?);
    let guard = Guard::spawn("chorus send", &mut command)?;
    let mut peak = 0.0_f64;
    let mut cpu = 0.0_f64;
    // The last look before the end misses at most 20 ms of processor time; an ended process tells it to the
    // last tick until it is waited for.
    until("chorus send to end", Duration::from_secs(900), || {
        cpu = usage::cpu_seconds(guard.id())?;
        let now = usage::megabytes(guard.id(), "VmHWM");
        peak = peak.max(now.unwrap_or(0.0));
        Ok(now.is_none().then_some(()))
    })?;
    let status = guard.stop(Duration::from_secs(5))?;
    ensure!(status.success(), "chorus send ended with {status}");
    let run: Value =
        serde_json::from_str(&fs::read_to_string(output)?).context("chorus send printed no run")?;
    let at = |key: &str| run[key].as_i64().with_context(|| format!("the run has no {key}: {run}"));
    ensure!(run["state"] == "finished" && run["total"] == messages, "not all were sent: {run:#}");
    let milliseconds = i32::try_from(at("finished_at")? - at("created_at")?)?;
    let seconds = f64::from(milliseconds) / 1000.0;
    let each = 1.0e6 / rate(messages, 1.0);
    Ok(Round { rate: rate(messages, seconds), cpu: cpu * each, peak })
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 messages")]
fn rate(messages: usize, seconds: f64) -> f64 {
    messages as f64 / seconds
}
