//! The random schedule of kills: the state in which each process is killed.

use std::time::Duration;

use crate::relay::Phase;
use crate::rng::Rng;

/// The state of a process when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KillPoint {
    /// Any state, after a random time.
    Anything,
    /// The relay has received this phase and has not answered it yet.
    Relay(Phase),
    /// The process has not created the run yet.
    Starting,
    /// The run exists, its deliveries are not complete.
    Planning,
    /// The process has received SIGTERM and finishes the messages under way.
    Draining,
    /// The process is not killed but suspended for longer than its lease.
    Suspended,
}

impl KillPoint {
    /// Returns a description for the printed table.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Anything => "any moment",
            Self::Relay(Phase::Connect) => "connected",
            Self::Relay(Phase::Hello) => "EHLO sent",
            Self::Relay(Phase::Mail) => "MAIL sent",
            Self::Relay(Phase::Rcpt) => "RCPT sent",
            Self::Relay(Phase::Data) => "DATA sent",
            Self::Relay(Phase::Body) => "354 answered, the message on its way",
            Self::Relay(Phase::Dot) => "final dot sent, not answered",
            Self::Relay(Phase::Answered) => "final dot answered",
            Self::Starting => "no run yet",
            Self::Planning => "run planned, deliveries being made",
            Self::Draining => "draining after SIGTERM",
            Self::Suspended => "suspended for longer than its lease",
        }
    }
}

/// The kill that is planned for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlannedKill {
    /// Kills the process after a time since its start.
    After(KillPoint, Duration),
    /// Has the relay kill the process when it sees a phase for the n-th time.
    At(Phase, u64),
    /// Sends SIGTERM after the first duration, and kills the process if it still runs after the
    /// second.
    Draining(Duration, Duration),
    /// Lets the process run to its end.
    Never,
}

/// The shortest and the longest time until a kill at [`KillPoint::Anything`].
const KILL_DELAY_RANGE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(5));
/// The longest time between SIGTERM and SIGKILL.
const MAX_DRAIN_TIME: Duration = Duration::from_millis(300);

const PHASES: [Phase; 7] =
    [Phase::Connect, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Body, Phase::Dot, Phase::Answered];

/// A generator of kills in random order, with a fixed share for each kind.
#[derive(Debug)]
pub(super) struct KillSequence {
    pub(super) rng: Rng,
    remaining: Vec<KillPoint>,
    /// The shortest time observed from the start of `chorus send` to its first message.
    planning_time: Duration,
}

/// The assumed time for creating a run, until one has been observed.
const INITIAL_PLANNING_TIME: Duration = Duration::from_millis(400);

impl KillSequence {
    pub(super) const fn new(rng: Rng) -> Self {
        Self { rng, remaining: Vec::new(), planning_time: INITIAL_PLANNING_TIME }
    }

    /// Draws the next kill for a process that continues a run.
    pub(super) fn draw(&mut self) -> PlannedKill {
        if self.remaining.is_empty() {
            self.shuffle();
        }
        match self.remaining.pop() {
            Some(KillPoint::Relay(Phase::Connect)) => PlannedKill::At(Phase::Connect, 1 + self.rng.below(8)),
            Some(KillPoint::Relay(phase)) => PlannedKill::At(phase, self.phase_count()),
            Some(KillPoint::Draining) => PlannedKill::Draining(
                self.kill_delay(),
                self.rng.duration_between(Duration::ZERO, MAX_DRAIN_TIME),
            ),
            _ => PlannedKill::After(KillPoint::Anything, self.kill_delay()),
        }
    }

    /// Draws a kill for a process that creates a run, most likely before it sends anything.
    pub(super) fn while_planning(&mut self) -> PlannedKill {
        PlannedKill::After(KillPoint::Anything, self.rng.duration_between(Duration::ZERO, self.planning_time))
    }

    /// Records the time from the start of a process that creates a run to its first message.
    pub(super) fn record_planning_time(&mut self, time: Duration) {
        self.planning_time = self.planning_time.min(time);
    }

    fn kill_delay(&mut self) -> Duration {
        self.rng.log_uniform_duration(KILL_DELAY_RANGE.0, KILL_DELAY_RANGE.1)
    }

    /// Draws how often a phase must occur before the kill: 1 to 400, every order of magnitude being
    /// equally likely.
    fn phase_count(&mut self) -> u64 {
        let (least, most) = (Duration::from_millis(1), Duration::from_millis(400));
        u64::try_from(self.rng.log_uniform_duration(least, most).as_millis()).unwrap_or(1)
    }

    fn shuffle(&mut self) {
        self.remaining = PHASES.map(KillPoint::Relay).to_vec();
        self.remaining.extend([KillPoint::Anything; 6]);
        self.remaining.push(KillPoint::Draining);
        for last in (1..self.remaining.len()).rev() {
            let other = usize::try_from(self.rng.below(last as u64 + 1)).unwrap_or(0);
            self.remaining.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_contains_every_phase_and_follows_from_its_seed() {
        let draw = |seed| {
            let mut sequence = KillSequence::new(Rng::seeded(seed));
            (0..14).map(|_| sequence.draw()).collect::<Vec<_>>()
        };
        let kills = draw(1);
        for phase in PHASES {
            assert!(
                kills.iter().any(|planned| matches!(planned, PlannedKill::At(at, 1..=400) if *at == phase)),
                "{kills:?}"
            );
        }
        assert!(kills.iter().any(|planned| matches!(planned, PlannedKill::Draining(..))), "{kills:?}");
        let timed = kills.iter().filter(|planned| matches!(planned, PlannedKill::After(..))).count();
        assert_eq!((timed, draw(1) == kills, draw(2) == kills), (6, true, false));
    }
}
