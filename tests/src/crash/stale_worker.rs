//! The trial of a stale worker: it is suspended for longer than its lease in the middle of a run,
//! and resumed after another has taken over.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::check::RunCheck;
use super::database::TestDatabase;
use super::kill::{KillSequence, PlannedKill};
use super::process::{ProcessState, WorkerProcess};
use super::round::SERVE;
use super::setup::TrialSetup;
use super::{CrashTrial, Kill, KillPoint, TrialReport};
use crate::child::until;
use crate::relay::{MessageIndex, Phase};
use crate::rng::Rng;

/// The longest time that a run may take.
const RUN_TIMEOUT: Duration = Duration::from_secs(600);
/// The phases in which the worker is suspended. Short messages leave in one write, so that none is
/// half sent at [`Phase::Body`]; at [`Phase::Dot`] the outcome of a message is uncertain.
const PHASES: [Phase; 5] = [Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Body, Phase::Dot];

/// Has two workers send a run, one of which is suspended for a while.
pub(super) fn run(trial: &CrashTrial<'_>, setup: &TrialSetup, suspend_time: Duration) -> Result<TrialReport> {
    let mut report = TrialReport { runs: 1, ..TrialReport::default() };
    let mut awaiting = BTreeMap::new();
    let mut sequence = KillSequence::new(Rng::seeded(trial.seed));
    create_run(setup, &mut report, &mut awaiting)?;

    let suspended = WorkerProcess::start(setup, SERVE, PlannedKill::Never)?;
    let phase = PHASES[usize::try_from(sequence.rng.below(PHASES.len() as u64))?];
    suspended.signal_at_phase(setup, phase, 50 + sequence.rng.below(50), Signal::STOP)?;
    let mut suspended_at = until("the worker to be suspended", RUN_TIMEOUT, || Ok(suspended.signalled_at()))?;
    // A process that is suspended while it writes to SQLite holds the only write lock, so that no
    // worker could take over.
    while trial.database == TestDatabase::Sqlite && is_locked(trial, setup)? {
        suspended.signal(Signal::CONT)?;
        sleep(Duration::from_millis(7));
        suspended.signal(Signal::STOP)?;
        suspended_at = Instant::now();
    }
    let repeats_before = repeats(setup)?;
    let other = WorkerProcess::start(setup, SERVE, PlannedKill::Never)?;
    while suspended_at.elapsed() < suspend_time {
        sleep(Duration::from_millis(200));
        if report.takeover.is_none() && repeats(setup)? > repeats_before {
            report.takeover = Some(suspended_at.elapsed());
        }
    }
    // Only the messages that were unconfirmed when it was suspended may be repeated.
    let unconfirmed = setup.relay.unconfirmed(suspended.listener.port, suspended_at);
    if report.takeover.is_none() && !unconfirmed.is_empty() {
        report.add_violation(
            "was not taken over while the worker was suspended",
            &[format!("{} messages", unconfirmed.len())],
        );
    }
    awaiting.extend(unconfirmed.iter().map(|index| (*index, report.kills.len())));
    report.kills.push(Kill {
        point: KillPoint::Suspended,
        killed_at: suspended_at,
        awaiting: unconfirmed.len(),
        repeats: 0,
    });
    suspended.signal(Signal::CONT)?;

    let run = until("the run to end", RUN_TIMEOUT, || {
        sleep(Duration::from_millis(200));
        Ok(setup.latest_run()?.filter(|run| run.has_ended))
    })?;
    for process in [suspended, other] {
        let took = process.stop(setup)?;
        report.stops = (report.stops.0 + 1, report.stops.1.max(took));
    }
    let (connections, shown) = (setup.relay.connections(), setup.show(run.id)?);
    let recipients = trial.recipients;
    RunCheck { connections: &connections, awaiting: &awaiting, shown: &shown, recipients }
        .run(&mut report)?;
    Ok(report)
}

/// Returns true if another process holds the write lock of the SQLite database for longer than the
/// timeout of 1.5 s.
fn is_locked(trial: &CrashTrial<'_>, setup: &TrialSetup) -> Result<bool> {
    let file = setup.sandbox.path().join("data/chorus.db");
    let mut shell = Command::new(&trial.tools.sqlite3);
    let shell =
        shell.arg("-batch").arg("-cmd").arg(".timeout 1500").arg(file).arg("begin immediate; rollback;");
    let output = shell.output().context("cannot start sqlite3")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() || error.contains("locked"), "sqlite3 failed: {error}");
    Ok(!output.status.success())
}

/// Returns the number of repeats that `chorus` reports for the latest run.
fn repeats(setup: &TrialSetup) -> Result<usize> {
    Ok(setup.latest_run()?.map_or(0, |run| run.repeats))
}

/// Creates a run with `chorus send`, which is killed after its first message.
fn create_run(
    setup: &TrialSetup,
    report: &mut TrialReport,
    awaiting: &mut BTreeMap<MessageIndex, usize>,
) -> Result<()> {
    let args = ["send", "--yes", "letter", "--format", "json"];
    let mut creator = WorkerProcess::start(setup, &args, PlannedKill::At(Phase::Answered, 1))?;
    let state = until("a run to be created", RUN_TIMEOUT, || match creator.poll(setup)? {
        ProcessState::Running => Ok(None),
        state => Ok(Some(state)),
    })?;
    let ProcessState::Killed { point, killed_at, awaiting: unconfirmed } = state else {
        anyhow::bail!("chorus send ended before it was killed")
    };
    awaiting.extend(unconfirmed.iter().map(|index| (*index, report.kills.len())));
    report.kills.push(Kill { point, killed_at, awaiting: unconfirmed.len(), repeats: 0 });
    let run = setup.latest_run()?.context("chorus send made no run")?;
    ensure!(!run.has_ended, "the run was over before the trial");
    Ok(())
}
