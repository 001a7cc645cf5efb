//! One process under trial, from its start to its end.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::kill::{Moment, PlannedKill};
use super::stage::Stage;
use crate::child::Guard;
use crate::relay::{Door, Phase, Place};

/// How long a process may take to end when it is asked to.
const DRAIN: Duration = Duration::from_secs(10);

/// A process with a door of its own.
#[derive(Debug)]
pub(super) struct Life {
    guard: Guard,
    pub(super) door: Door,
    pub(super) started: Instant,
    planned: PlannedKill,
    /// When it was asked to end.
    asked: Option<Instant>,
    /// When the relay struck it.
    struck: Arc<Mutex<Option<Instant>>>,
}

/// How a life ended.
#[derive(Debug)]
pub(super) enum End {
    /// It goes on.
    NotYet,
    /// It was killed.
    Killed {
        /// What it was doing.
        moment: Moment,
        /// When.
        struck: Instant,
        /// Which messages were waiting for a final answer.
        awaiting: Vec<Place>,
    },
    /// It ended by itself, so long after it was asked to, if it was.
    Itself(Duration),
}

impl Life {
    /// Starts `chorus` with these arguments, to be killed as planned.
    pub(super) fn start(stage: &Stage, args: &[&str], planned: PlannedKill) -> Result<Self> {
        let door = stage.relay.open()?;
        let guard = Guard::spawn("chorus", &mut stage.sending(args, &door))?;
        let life =
            Self { guard, door, started: Instant::now(), planned, asked: None, struck: Arc::default() };
        if let PlannedKill::At(phase, nth) = planned {
            life.arm(stage, phase, nth, Signal::KILL)?;
        }
        Ok(life)
    }

    /// Has the relay send it a signal at a phase.
    pub(super) fn arm(&self, stage: &Stage, phase: Phase, nth: u64, signal: Signal) -> Result<()> {
        // By then another process may have its id.
        let process = pidfd_open(self.pid()?, PidfdFlags::empty()).context("cannot name the process")?;
        let struck = Arc::clone(&self.struck);
        stage.relay.arm(self.door.port, phase, nth, move || {
            *struck.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            let _ = pidfd_send_signal(&process, signal);
        });
        Ok(())
    }

    /// When the relay struck it, if it has.
    pub(super) fn struck(&self) -> Option<Instant> {
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).context("cannot send a signal")
    }

    fn pid(&self) -> Result<Pid> {
        i32::try_from(self.guard.id()).ok().and_then(Pid::from_raw).context("a process has an id")
    }

    /// Kills the process if the planned time has come.
    pub(super) fn tend(&mut self, stage: &Stage) -> Result<End> {
        let age = self.started.elapsed();
        match self.planned {
            PlannedKill::At(phase, _) if self.struck().is_some() => {
                return self.kill(stage, Moment::Relay(phase));
            }
            PlannedKill::After(moment, time) if age >= time => return self.kill(stage, moment),
            PlannedKill::Draining(time, _) if age >= time && self.asked.is_none() => {
                self.signal(Signal::TERM)?;
                self.asked = Some(Instant::now());
            }
            PlannedKill::Draining(_, grace) if self.asked.is_some_and(|asked| asked.elapsed() >= grace) => {
                return self.kill(stage, Moment::Draining);
            }
            _ => {}
        }
        let Some(status) = self.guard.ended()? else { return Ok(End::NotYet) };
        if self.struck().is_some() {
            return self.kill(stage, Moment::Anything);
        }
        ensure!(ended_well(status), "chorus ended by itself with {status}");
        self.door.quiet()?;
        Ok(End::Itself(self.asked.map_or(Duration::ZERO, |asked| asked.elapsed())))
    }

    fn kill(&mut self, stage: &Stage, moment: Moment) -> Result<End> {
        stage.relay.disarm(self.door.port);
        let struck = self.struck().unwrap_or_else(Instant::now);
        if self.guard.ended()?.is_some_and(ended_well) {
            // It was quicker.
            self.door.quiet()?;
            return Ok(End::Itself(self.asked.map_or(Duration::ZERO, |asked| asked.elapsed())));
        }
        self.guard.kill()?;
        self.door.quiet()?;
        Ok(End::Killed { moment, struck, awaiting: stage.relay.awaiting(self.door.port, struck) })
    }

    /// Asks it to end and says how long that took.
    pub(super) fn stop(self, stage: &Stage) -> Result<Duration> {
        stage.relay.disarm(self.door.port);
        let asked = Instant::now();
        let status = self.guard.stop(DRAIN)?;
        let took = asked.elapsed();
        ensure!(ended_well(status), "chorus ended with {status} when it was asked to end");
        self.door.quiet()?;
        Ok(took)
    }
}

/// Whether it ended as it should when it is asked to: in its first milliseconds, when it has nothing to finish,
/// the system ends it.
fn ended_well(status: ExitStatus) -> bool {
    status.success() || status.signal() == Some(Signal::TERM.as_raw())
}
