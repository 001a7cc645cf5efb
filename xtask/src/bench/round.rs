//! One round of a measurement: a whole `chorus send`, and the same number of messages by smtp-source.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::tests::{Guard, Relay, Script, Tools, bound};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::subject::{RELAY, Subject, reader, relay};
use super::usage;

/// How long a round may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// What a `chorus send` took.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// Seconds from the start of the process to its end, as whoever waits for it has it.
    pub(super) seconds: f64,
    /// Seconds of processor time.
    pub(super) cpu: f64,
    /// Megabytes at most.
    pub(super) peak: f64,
    /// What it printed.
    pub(super) run: Value,
}

impl Round {
    /// Messages in a second, of so many.
    pub(super) fn rate(&self, messages: usize) -> f64 {
        rate(messages, self.seconds)
    }

    /// Microseconds of processor time for each of so many messages.
    pub(super) fn cpu_each(&self, messages: usize) -> f64 {
        1.0e6 * self.cpu / rate(messages, 1.0)
    }

    /// Whether everybody got a message.
    pub(super) fn ensure_complete(&self, messages: usize) -> Result<()> {
        let run = &self.run;
        ensure!(run["state"] == "finished" && run["total"] == messages, "not all were sent: {run:#}");
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 messages")]
pub(super) fn rate(messages: usize, seconds: f64) -> f64 {
    messages as f64 / seconds
}

/// `chorus send` to everybody, on the database as it was after the import, to a relay on this port.
pub(super) fn send(subject: &Subject, port: u16) -> Result<Round> {
    subject.restore()?;
    run(subject, |command| {
        command.env(RELAY, relay(port));
    })
}

/// The same on the database as it is, with an environment that says where to.
pub(super) fn run(subject: &Subject, prepare: impl FnOnce(&mut std::process::Command)) -> Result<Round> {
    let output = subject.sandbox.path().join("run.json");
    let mut command = subject.sandbox.command(&["send", "--yes", "letter", "--format", "json"]);
    prepare(&mut command);
    command.stdout(fs::File::create(&output)?);
    let start = Instant::now();
    let guard = Guard::spawn("chorus send", &mut command)?;
    let (mut cpu, mut peak) = (0.0, 0.0_f64);
    // An ended process tells its processor time to the last tick until it is waited for; its memory it tells
    // until it ends, so that what it takes in its last milliseconds is missed.
    while start.elapsed() < LIMIT {
        cpu = usage::cpu_seconds(guard.id())?;
        let Some(now) = usage::megabytes(guard.id(), "VmHWM") else { break };
        peak = peak.max(now);
        sleep(Duration::from_millis(5));
    }
    let seconds = start.elapsed().as_secs_f64();
    let status = guard.stop(Duration::from_secs(5))?;
    ensure!(status.success(), "chorus send ended with {status}");
    let run = serde_json::from_str(&fs::read_to_string(output)?).context("chorus send printed no run")?;
    Ok(Round { seconds, cpu, peak, run })
}

/// Seconds that smtp-source takes for so many messages, keeping its connections.
pub(super) fn source(
    tools: &Tools,
    port: u16,
    connections: usize,
    messages: usize,
    length: usize,
) -> Result<f64> {
    let mut command = bound(&tools.smtp_source);
    command
        .args(["-d", "-s", &connections.to_string(), "-m", &messages.to_string()])
        .args(["-l", &length.to_string(), "-f", "news@measure.example", "-t", "reader@example.com"])
        .arg(format!("inet:127.0.0.1:{port}"))
        .stdin(Stdio::null());
    let start = Instant::now();
    let status = command.status().context("cannot start smtp-source")?;
    ensure!(status.success(), "smtp-source ended with {status}");
    Ok(start.elapsed().as_secs_f64())
}

/// Messages of the same size on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alike {
    /// Bytes of a message by `chorus`, all headers and the final dot included.
    pub(super) ours: usize,
    /// The same by smtp-source.
    pub(super) theirs: usize,
    /// What smtp-source must be told for that.
    pub(super) length: usize,
}

/// Fills the template until a message has about `wanted` bytes on the wire, and finds what makes smtp-source's
/// as long.
pub(super) fn alike(tools: &Tools, subject: &Subject, wanted: usize) -> Result<Alike> {
    let bare = our_size(subject)?;
    subject.pad(20_000)?;
    let filled = our_size(subject)?;
    ensure!(filled > bare, "filling the template did not make the message longer");
    subject.pad(wanted.saturating_sub(bare) * 20_000 / (filled - bare))?;
    let ours = our_size(subject)?;
    let some = 2_000;
    let headers = their_size(tools, some)?.saturating_sub(some);
    let length = ours.saturating_sub(headers);
    Ok(Alike { ours, theirs: their_size(tools, length)?, length })
}

/// The bytes that arrive when one message to somebody in the middle is sent.
fn our_size(subject: &Subject) -> Result<usize> {
    let relay = Relay::new(Script::default());
    let door = relay.open()?;
    let output = subject
        .command(&["send", "--yes", "letter", "--to", &reader(subject.people / 2)], door.port)
        .output()?;
    ensure!(output.status.success(), "no copy was sent: {}", String::from_utf8_lossy(&output.stderr));
    size(&relay)
}

fn their_size(tools: &Tools, length: usize) -> Result<usize> {
    let relay = Relay::new(Script::default());
    let door = relay.open()?;
    source(tools, door.port, 1, 1, length)?;
    size(&relay)
}

fn size(relay: &Relay) -> Result<usize> {
    let lines = relay.lines();
    let first = lines.iter().flat_map(|line| &line.messages).find(|message| message.accepted);
    Ok(first.context("no message arrived")?.size)
}
