//! One `chorus` process of a crash trial, from its start to its exit or kill.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::kill::{KillPoint, PlannedKill};
use super::setup::TrialSetup;
use crate::child::Guard;
use crate::relay::{MessageIndex, Phase, RelayListener};

/// The time that a process has to exit after SIGTERM.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A `chorus` process that sends through its own port of the relay.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    guard: Guard,
    pub(super) listener: RelayListener,
    pub(super) started: Instant,
    planned: PlannedKill,
    /// The time of SIGTERM, if it was sent.
    stop_requested_at: Option<Instant>,
    /// The time at which the relay sent its signal.
    signalled_at: Arc<Mutex<Option<Instant>>>,
}

/// The state of a process at a poll.
#[derive(Debug)]
pub(super) enum ProcessState {
    /// The process still runs.
    Running,
    /// The process was killed.
    Killed {
        /// The state in which it was killed.
        point: KillPoint,
        /// The time of the kill.
        killed_at: Instant,
        /// The messages that were waiting for a final answer.
        awaiting: Vec<MessageIndex>,
    },
    /// The process exited by itself; the time since SIGTERM, zero if none was sent.
    Exited(Duration),
}

impl WorkerProcess {
    /// Starts `chorus` with these arguments and the kill planned for it.
    pub(super) fn start(setup: &TrialSetup, args: &[&str], planned: PlannedKill) -> Result<Self> {
        let listener = setup.relay.listen()?;
        let guard = Guard::spawn("chorus", &mut setup.send_command(args, &listener))?;
        let process = Self {
            guard,
            listener,
            started: Instant::now(),
            planned,
            stop_requested_at: None,
            signalled_at: Arc::default(),
        };
        if let PlannedKill::At(phase, nth) = planned {
            process.signal_at_phase(setup, phase, nth, Signal::KILL)?;
        }
        Ok(process)
    }

    /// Has the relay send a signal to the process when it sees a phase for the n-th time.
    pub(super) fn signal_at_phase(
        &self,
        setup: &TrialSetup,
        phase: Phase,
        nth: u64,
        signal: Signal,
    ) -> Result<()> {
        // By then another process may have the same id; a file descriptor cannot be confused.
        let process = pidfd_open(self.pid()?, PidfdFlags::empty()).context("cannot open the process")?;
        let signalled_at = Arc::clone(&self.signalled_at);
        setup.relay.on_phase(self.listener.port, phase, nth, move || {
            *signalled_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            let _ = pidfd_send_signal(&process, signal);
        });
        Ok(())
    }

    /// Returns the time at which the relay sent its signal, if it has.
    pub(super) fn signalled_at(&self) -> Option<Instant> {
        *self.signalled_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a signal to the process.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).context("cannot send a signal")
    }

    fn pid(&self) -> Result<Pid> {
        i32::try_from(self.guard.id()).ok().and_then(Pid::from_raw).context("a process has an id")
    }

    /// Kills the process if the planned time has come, and returns its state.
    pub(super) fn poll(&mut self, setup: &TrialSetup) -> Result<ProcessState> {
        let age = self.started.elapsed();
        match self.planned {
            PlannedKill::At(phase, _) if self.signalled_at().is_some() => {
                return self.kill(setup, KillPoint::Relay(phase));
            }
            PlannedKill::After(point, time) if age >= time => return self.kill(setup, point),
            PlannedKill::Draining(time, _) if age >= time && self.stop_requested_at.is_none() => {
                self.signal(Signal::TERM)?;
                self.stop_requested_at = Some(Instant::now());
            }
            PlannedKill::Draining(_, grace)
                if self.stop_requested_at.is_some_and(|time| time.elapsed() >= grace) =>
            {
                return self.kill(setup, KillPoint::Draining);
            }
            _ => {}
        }
        let Some(status) = self.guard.exit_status()? else { return Ok(ProcessState::Running) };
        if self.signalled_at().is_some() {
            return self.kill(setup, KillPoint::Anything);
        }
        ensure!(exited_properly(status), "chorus exited without a signal with {status}");
        self.listener.wait_until_idle()?;
        Ok(ProcessState::Exited(self.drain_time()))
    }

    /// Returns the time since SIGTERM; zero if it was not sent.
    fn drain_time(&self) -> Duration {
        self.stop_requested_at.map_or(Duration::ZERO, |time| time.elapsed())
    }

    fn kill(&mut self, setup: &TrialSetup, point: KillPoint) -> Result<ProcessState> {
        setup.relay.clear_hooks(self.listener.port);
        let killed_at = self.signalled_at().unwrap_or_else(Instant::now);
        if self.guard.exit_status()?.is_some_and(exited_properly) {
            // It exited before the kill.
            self.listener.wait_until_idle()?;
            return Ok(ProcessState::Exited(self.drain_time()));
        }
        self.guard.kill()?;
        self.listener.wait_until_idle()?;
        Ok(ProcessState::Killed {
            point,
            killed_at,
            awaiting: setup.relay.unconfirmed(self.listener.port, killed_at),
        })
    }

    /// Sends SIGTERM, waits for the exit, and returns how long that took.
    pub(super) fn stop(self, setup: &TrialSetup) -> Result<Duration> {
        setup.relay.clear_hooks(self.listener.port);
        let stop_requested_at = Instant::now();
        let status = self.guard.stop(DRAIN_TIMEOUT)?;
        let took = stop_requested_at.elapsed();
        ensure!(exited_properly(status), "chorus ended with {status} after SIGTERM");
        self.listener.wait_until_idle()?;
        Ok(took)
    }
}

/// Returns true if the process ended properly on SIGTERM. In its first milliseconds, before it
/// handles signals and has anything to finish, the signal itself ends it.
fn exited_properly(status: ExitStatus) -> bool {
    status.success() || status.signal() == Some(Signal::TERM.as_raw())
}
