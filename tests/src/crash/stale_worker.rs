//! A worker that sleeps for longer than its lease in the middle of a run, and wakes up when another has taken over.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::database::Database;
use super::judge::Evidence;
use super::kill::{KillSequence, PlannedKill};
use super::life::{End, Life};
use super::round::SERVE;
use super::stage::Stage;
use super::{Kill, Moment, Trial, Verdict};
use crate::chance::Chance;
use crate::child::until;
use crate::relay::{Phase, Place};

/// How long a run may take.
const LONG: Duration = Duration::from_secs(600);
/// The phases in which it falls asleep. Short letters leave in one piece, so that none is half out at
/// [`Phase::Body`]; at [`Phase::Dot`] nobody can know.
const PHASES: [Phase; 5] = [Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Body, Phase::Dot];

/// A run that two workers send, one of them with a sleep.
pub(super) fn run(trial: &Trial<'_>, stage: &Stage, asleep: Duration) -> Result<Verdict> {
    let mut verdict = Verdict { runs: 1, ..Verdict::default() };
    let mut awaiting = BTreeMap::new();
    let mut sequence = KillSequence::new(Chance::seeded(trial.seed));
    make(stage, &mut verdict, &mut awaiting)?;

    let sleeper = Life::start(stage, SERVE, PlannedKill::Never)?;
    let phase = PHASES[usize::try_from(sequence.chance.below(PHASES.len() as u64))?];
    sleeper.arm(stage, phase, 50 + sequence.chance.below(50), Signal::STOP)?;
    let mut struck = until("the worker to fall asleep", LONG, || Ok(sleeper.struck()))?;
    // A process that is stopped while it writes to SQLite keeps the only lock: nobody can take over from it.
    while trial.database == Database::Sqlite && is_locked(trial, stage)? {
        sleeper.signal(Signal::CONT)?;
        sleep(Duration::from_millis(7));
        sleeper.signal(Signal::STOP)?;
        struck = Instant::now();
    }
    let told = repeats(stage)?;
    let other = Life::start(stage, SERVE, PlannedKill::Never)?;
    while struck.elapsed() < asleep {
        sleep(Duration::from_millis(200));
        if verdict.takeover.is_none() && repeats(stage)? > told {
            verdict.takeover = Some(struck.elapsed());
        }
    }
    // What it had out when it fell asleep, nothing else, may be repeated.
    let places = stage.relay.awaiting(sleeper.door.port, struck);
    if verdict.takeover.is_none() && !places.is_empty() {
        verdict.accuse("was not taken over while it slept", &[format!("{} messages", places.len())]);
    }
    awaiting.extend(places.iter().map(|place| (*place, verdict.kills.len())));
    verdict.kills.push(Kill { moment: Moment::Asleep, struck, awaiting: places.len(), repeats: 0 });
    sleeper.signal(Signal::CONT)?;

    let run = until("the run to end", LONG, || {
        sleep(Duration::from_millis(200));
        Ok(stage.latest_run()?.filter(|run| run.has_ended))
    })?;
    for life in [sleeper, other] {
        let took = life.stop(stage)?;
        verdict.stops = (verdict.stops.0 + 1, verdict.stops.1.max(took));
    }
    let (lines, shown) = (stage.relay.lines(), stage.show(run.id)?);
    let recipients = trial.recipients;
    Evidence { lines: &lines, awaiting: &awaiting, shown: &shown, recipients }.judge(&mut verdict)?;
    Ok(verdict)
}

/// Returns true if somebody has the write lock of the SQLite database and does not give it back.
fn is_locked(trial: &Trial<'_>, stage: &Stage) -> Result<bool> {
    let file = stage.sandbox.path().join("data/chorus.db");
    let mut shell = Command::new(&trial.tools.sqlite3);
    let shell =
        shell.arg("-batch").arg("-cmd").arg(".timeout 1500").arg(file).arg("begin immediate; rollback;");
    let output = shell.output().context("cannot start sqlite3")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() || told.contains("locked"), "sqlite3 failed: {told}");
    Ok(!output.status.success())
}

/// How many repeats `chorus` tells of.
fn repeats(stage: &Stage) -> Result<usize> {
    Ok(stage.latest_run()?.map_or(0, |run| run.repeats))
}

/// Makes a run: `chorus send`, killed when it has begun to send.
fn make(stage: &Stage, verdict: &mut Verdict, awaiting: &mut BTreeMap<Place, usize>) -> Result<()> {
    let args = ["send", "--yes", "letter", "--format", "json"];
    let mut maker = Life::start(stage, &args, PlannedKill::At(Phase::Answered, 1))?;
    let end = until("a run to be made", LONG, || match maker.tend(stage)? {
        End::NotYet => Ok(None),
        end => Ok(Some(end)),
    })?;
    let End::Killed { moment, struck, awaiting: places } = end else {
        anyhow::bail!("chorus send ended before it was killed")
    };
    awaiting.extend(places.iter().map(|place| (*place, verdict.kills.len())));
    verdict.kills.push(Kill { moment, struck, awaiting: places.len(), repeats: 0 });
    let run = stage.latest_run()?.context("chorus send made no run")?;
    ensure!(!run.has_ended, "the run was over before it was tried");
    Ok(())
}
