//! One round of a measurement: a whole `chorus send`, and the same number of messages by
//! smtp-source.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::tests::{Guard, Relay, Script, Tools, child_command};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::usage;
use super::workspace::{BenchWorkspace, RELAY, reader, relay};

/// The longest time that a round may take.
const ROUND_TIMEOUT: Duration = Duration::from_secs(1800);

/// The time and resources of one `chorus send`.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// Seconds from the start of the process to its exit, as observed by its parent.
    pub(super) seconds: f64,
    /// Processor time in seconds.
    pub(super) cpu: f64,
    /// Peak resident memory in megabytes.
    pub(super) peak: f64,
    /// The run as JSON, as printed by the command.
    pub(super) run: Value,
}

impl Round {
    /// Returns messages per second, for a number of messages.
    pub(super) fn rate(&self, messages: usize) -> f64 {
        rate(messages, self.seconds)
    }

    /// Returns processor time in microseconds for each of a number of messages.
    pub(super) fn cpu_each(&self, messages: usize) -> f64 {
        1.0e6 * self.cpu / rate(messages, 1.0)
    }

    /// Fails unless the run finished with this number of messages.
    pub(super) fn ensure_complete(&self, messages: usize) -> Result<()> {
        let run = &self.run;
        ensure!(run["state"] == "finished" && run["total"] == messages, "not all were sent: {run:#}");
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 messages")]
pub(super) fn rate(messages: usize, seconds: f64) -> f64 {
    messages as f64 / seconds
}

/// Measures `chorus send` to all contacts, on the database as it was after the import, to a relay
/// on this port.
pub(super) fn send(workspace: &BenchWorkspace, port: u16) -> Result<Round> {
    workspace.restore()?;
    run(workspace, |command| {
        command.env(RELAY, relay(port));
    })
}

/// Measures `chorus send` on the current database; `prepare` sets the environment with the relay's
/// address.
pub(super) fn run(
    workspace: &BenchWorkspace,
    prepare: impl FnOnce(&mut std::process::Command),
) -> Result<Round> {
    let output = workspace.sandbox.path().join("run.json");
    let mut command = workspace.sandbox.command(&["send", "--yes", "letter", "--format", "json"]);
    prepare(&mut command);
    command.stdout(fs::File::create(&output)?);
    let start = Instant::now();
    let guard = Guard::spawn("chorus send", &mut command)?;
    let (mut cpu, mut peak) = (0.0, 0.0_f64);
    // An exited process reports its processor time to the last tick until it is waited for, but its
    // memory only until it exits, so that memory of the last milliseconds is missed.
    while start.elapsed() < ROUND_TIMEOUT {
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

/// Returns the seconds that smtp-source takes for a number of messages of `length` bytes, reusing
/// its connections.
pub(super) fn source(
    tools: &Tools,
    port: u16,
    connections: usize,
    messages: usize,
    length: usize,
) -> Result<f64> {
    let mut command = child_command(&tools.smtp_source);
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

/// The settings with which both programs send messages of the same size.
#[derive(Debug, Clone, Copy)]
pub(super) struct MatchedSizes {
    /// The size of a message by `chorus` in bytes, all headers and the final dot included.
    pub(super) ours: usize,
    /// The size of a message by smtp-source in bytes.
    pub(super) theirs: usize,
    /// The body length in bytes to pass to smtp-source.
    pub(super) length: usize,
}

/// Pads the template until a message has about `wanted` bytes on the wire, and finds the length
/// with which smtp-source sends the same size.
pub(super) fn match_sizes(tools: &Tools, workspace: &BenchWorkspace, wanted: usize) -> Result<MatchedSizes> {
    let bare = our_size(workspace)?;
    workspace.pad(20_000)?;
    let filled = our_size(workspace)?;
    ensure!(filled > bare, "filling the template did not make the message longer");
    workspace.pad(wanted.saturating_sub(bare) * 20_000 / (filled - bare))?;
    let ours = our_size(workspace)?;
    let some = 2_000;
    let headers = their_size(tools, some)?.saturating_sub(some);
    let length = ours.saturating_sub(headers);
    Ok(MatchedSizes { ours, theirs: their_size(tools, length)?, length })
}

/// Returns the size in bytes on arrival of a message to a contact in the middle of the list.
fn our_size(workspace: &BenchWorkspace) -> Result<usize> {
    let relay = Relay::new(Script::default());
    let listener = relay.listen()?;
    let output = workspace
        .command(&["send", "--yes", "letter", "--to", &reader(workspace.people / 2)], listener.port)
        .output()?;
    ensure!(output.status.success(), "no copy was sent: {}", String::from_utf8_lossy(&output.stderr));
    size(&relay)
}

fn their_size(tools: &Tools, length: usize) -> Result<usize> {
    let relay = Relay::new(Script::default());
    let listener = relay.listen()?;
    source(tools, listener.port, 1, 1, length)?;
    size(&relay)
}

fn size(relay: &Relay) -> Result<usize> {
    let connections = relay.connections();
    let first =
        connections.iter().flat_map(|connection| &connection.messages).find(|message| message.accepted);
    Ok(first.context("no message arrived")?.size)
}
