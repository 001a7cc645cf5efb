//! One run of a crash trial: workers are started, killed and started again until every recipient
//! has a message.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::check::RunCheck;
use super::kill::{KillSequence, PlannedKill};
use super::process::{ProcessState, WorkerProcess};
use super::setup::{Run, TrialSetup};
use super::{CrashTrial, Kill, KillPoint, KillTiming, Progress, TrialReport};
use crate::relay::MessageIndex;

/// The command that creates a run and waits for its end.
const SEND: &[&str] = &["send", "--yes", "letter", "--format", "json"];
/// The command of a worker that continues all runs.
pub(super) const SERVE: &[&str] = &["serve", "--role", "worker"];

/// The interval at which the run's state is read while messages are missing.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The interval once every recipient should have a message.
const FINAL_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A run without progress for this long counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(120);
/// The longest pause between a kill and the next start, where there are several workers.
const MAX_RESTART_PAUSE: Duration = Duration::from_secs(1);

/// The state of a run under way.
struct Round<'a, 'b> {
    trial: &'a CrashTrial<'a>,
    setup: &'a TrialSetup,
    sequence: &'a mut KillSequence,
    report: &'a mut TrialReport,
    on_progress: &'b mut dyn FnMut(Progress),
    slots: Vec<Slot>,
    awaiting: BTreeMap<MessageIndex, usize>,
    /// The id of the latest run before this one.
    before: i64,
    run: Option<Run>,
    /// The time of the last observed progress, and the number of accepted messages at that time.
    progress: (Instant, usize),
    polled_at: Instant,
}

/// A place for one worker, running or waiting for its next start.
enum Slot {
    Running(WorkerProcess),
    /// Not running until this time.
    Stopped(Instant),
}

/// Creates a run, kills workers until the trial has its number of kills, waits for the end of the
/// run, and checks it.
pub(super) fn run(
    trial: &CrashTrial<'_>,
    setup: &TrialSetup,
    sequence: &mut KillSequence,
    report: &mut TrialReport,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    // Runs alternate between short and long messages.
    setup.write_template(report.runs % 2 == 1)?;
    report.runs += 1;
    let before = setup.latest_run()?.map_or(0, |run| run.id);
    let now = Instant::now();
    let slots = (0..trial.workers).map(|_| Slot::Stopped(now)).collect();
    let awaiting = BTreeMap::new();
    let (run, progress) = (None, (now, 0));
    let round = Round {
        trial,
        setup,
        sequence,
        report,
        on_progress,
        slots,
        awaiting,
        before,
        run,
        progress,
        polled_at: now,
    };
    round.run_to_end()
}

impl Round<'_, '_> {
    fn run_to_end(mut self) -> Result<()> {
        while !self.run.as_ref().is_some_and(|run| run.has_ended) {
            for slot in 0..self.slots.len() {
                self.poll(slot)?;
            }
            self.check_progress()?;
            sleep(Duration::from_millis(2));
        }
        let run = self.run.take().context("the run has ended")?;
        for slot in std::mem::take(&mut self.slots) {
            if let Slot::Running(process) = slot {
                let took = process.stop(self.setup)?;
                self.record_stop(took);
            }
        }
        let (connections, shown) = (self.setup.relay.connections(), self.setup.show(run.id)?);
        let recipients = self.trial.recipients;
        let check =
            RunCheck { connections: &connections, awaiting: &self.awaiting, shown: &shown, recipients };
        check.run(self.report)?;
        self.setup.relay.reset();
        Ok(())
    }

    fn poll(&mut self, slot: usize) -> Result<()> {
        match &mut self.slots[slot] {
            Slot::Stopped(until) if *until > Instant::now() => {}
            Slot::Stopped(_) => {
                let (args, planned) = self.next(slot);
                self.slots[slot] = Slot::Running(WorkerProcess::start(self.setup, args, planned)?);
            }
            Slot::Running(process) => match process.poll(self.setup)? {
                ProcessState::Running => {}
                state => self.on_exit(slot, state)?,
            },
        }
        Ok(())
    }

    /// Returns the arguments and the planned kill of the next worker. The first worker creates the
    /// run, if there is none yet.
    fn next(&mut self, slot: usize) -> (&'static [&'static str], PlannedKill) {
        let creates_run = slot == 0 && self.run.is_none();
        let is_planning = creates_run || self.run.as_ref().is_some_and(|run| run.is_planned);
        let planned = match (self.report.kills.len() < self.trial.kills, self.trial.when) {
            (true, KillTiming::Planning) if is_planning => self.sequence.while_planning(),
            (false, _) | (_, KillTiming::Planning) => PlannedKill::Never,
            (true, KillTiming::Sending) if creates_run => self.sequence.while_planning(),
            (true, KillTiming::Sending) => self.sequence.draw(),
        };
        (if creates_run { SEND } else { SERVE }, planned)
    }

    fn on_exit(&mut self, slot: usize, state: ProcessState) -> Result<()> {
        let pause = if self.trial.workers > 1 { MAX_RESTART_PAUSE } else { Duration::ZERO };
        let until = Instant::now() + self.sequence.rng.duration_between(Duration::ZERO, pause);
        let created_run = self.run.is_none() && slot == 0;
        if let Slot::Running(process) = std::mem::replace(&mut self.slots[slot], Slot::Stopped(until)) {
            self.record_start_time(&process, created_run);
        }
        self.refresh_run()?;
        match state {
            ProcessState::Running => {}
            ProcessState::Exited(took) => self.record_stop(took),
            ProcessState::Killed { point, killed_at, awaiting } => {
                let point = match &self.run {
                    None => KillPoint::Starting,
                    Some(run) if run.is_planned => KillPoint::Planning,
                    Some(_) => point,
                };
                self.awaiting.extend(awaiting.iter().map(|index| (*index, self.report.kills.len())));
                let awaiting = awaiting.len();
                self.report.kills.push(Kill { point, killed_at, awaiting, repeats: 0 });
            }
        }
        Ok(())
    }

    fn record_stop(&mut self, took: Duration) {
        let (count, longest) = self.report.stops;
        self.report.stops = (count + 1, longest.max(took));
    }

    /// Records the time from the start of a process to its first message.
    fn record_start_time(&mut self, process: &WorkerProcess, created_run: bool) {
        let connections = self.setup.relay.connections();
        let own = connections.iter().filter(|connection| connection.port == process.listener.port);
        let first =
            own.filter_map(|connection| connection.messages.first()).map(|message| message.begun).min();
        match first.map(|first| first.saturating_duration_since(process.started)) {
            Some(took) if created_run => self.sequence.record_planning_time(took),
            Some(took) => self.report.start = self.report.start.max(Some(took)),
            None => {}
        }
    }

    /// Reads the state of the run if its interval has passed, and fails if there is no progress.
    fn check_progress(&mut self) -> Result<()> {
        let accepted = self.setup.relay.accepted_count();
        let pause = if accepted >= self.trial.recipients { FINAL_POLL_INTERVAL } else { POLL_INTERVAL };
        if self.polled_at.elapsed() < pause {
            return Ok(());
        }
        (self.on_progress)(Progress { kills: self.report.kills.len(), runs: self.report.runs, accepted });
        if accepted > self.progress.1 {
            self.progress = (Instant::now(), accepted);
        } else if self.progress.0.elapsed() > STUCK_AFTER {
            bail!("no progress: {accepted} messages for {} people", self.trial.recipients);
        }
        self.refresh_run()?;
        self.polled_at = Instant::now();
        Ok(())
    }

    fn refresh_run(&mut self) -> Result<()> {
        self.run = self.setup.latest_run()?.filter(|run| run.id > self.before);
        Ok(())
    }
}
