//! The moments at which processes are killed.

use std::time::Duration;

use crate::chance::Chance;
use crate::relay::Phase;

/// The state of a process when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Whatever it does after some time.
    Anything,
    /// The relay has seen this of it, and not answered yet.
    Relay(Phase),
    /// It has not made the run yet that it was told to make.
    Starting,
    /// The run is made, its deliveries are not.
    Planning,
    /// It was asked to end, and finishes what it has begun.
    Draining,
    /// It is not killed but put to sleep for longer than its lease.
    Asleep,
}

impl Moment {
    /// The moment in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
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
            Self::Asleep => "asleep for longer than its lease",
        }
    }
}

/// The kill that is planned for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlannedKill {
    /// Killed after so long.
    After(Moment, Duration),
    /// Killed by the relay when it sees a phase for the so-many-th time.
    At(Phase, u64),
    /// Asked to end after the first, killed after the second if it has not ended by then.
    Draining(Duration, Duration),
    /// Left alone.
    Never,
}

/// The least and the most time until a kill at [`Moment::Anything`].
const TIMES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(5));
/// The most time between SIGTERM and SIGKILL.
const DRAIN: Duration = Duration::from_millis(300);

const PHASES: [Phase; 7] =
    [Phase::Connect, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Body, Phase::Dot, Phase::Answered];

/// Kills in random order, each kind in a fixed share.
#[derive(Debug)]
pub(super) struct KillSequence {
    pub(super) chance: Chance,
    moments: Vec<Moment>,
    /// The least time that was seen from the start of `chorus send` to its first message.
    planning: Duration,
}

/// How long the making of a run may take before one was seen.
const PLANNING: Duration = Duration::from_millis(400);

impl KillSequence {
    pub(super) const fn new(chance: Chance) -> Self {
        Self { chance, moments: Vec::new(), planning: PLANNING }
    }

    /// The next kill for a process that continues a run.
    pub(super) fn draw(&mut self) -> PlannedKill {
        if self.moments.is_empty() {
            self.shuffle();
        }
        match self.moments.pop() {
            Some(Moment::Relay(Phase::Connect)) => PlannedKill::At(Phase::Connect, 1 + self.chance.below(8)),
            Some(Moment::Relay(phase)) => PlannedKill::At(phase, self.count()),
            Some(Moment::Draining) => {
                PlannedKill::Draining(self.time(), self.chance.between(Duration::ZERO, DRAIN))
            }
            _ => PlannedKill::After(Moment::Anything, self.time()),
        }
    }

    /// A kill for a process that makes a run, most likely before it sends anything.
    pub(super) fn while_planning(&mut self) -> PlannedKill {
        PlannedKill::After(Moment::Anything, self.chance.between(Duration::ZERO, self.planning))
    }

    /// So long after its start a process that makes a run sent something.
    pub(super) fn learn(&mut self, takes: Duration) {
        self.planning = self.planning.min(takes);
    }

    fn time(&mut self) -> Duration {
        self.chance.any_magnitude(TIMES.0, TIMES.1)
    }

    /// How many times a phase is let pass: from 1 to 400, any order of magnitude as likely.
    fn count(&mut self) -> u64 {
        let (least, most) = (Duration::from_millis(1), Duration::from_millis(400));
        u64::try_from(self.chance.any_magnitude(least, most).as_millis()).unwrap_or(1)
    }

    fn shuffle(&mut self) {
        self.moments = PHASES.map(Moment::Relay).to_vec();
        self.moments.extend([Moment::Anything; 6]);
        self.moments.push(Moment::Draining);
        for last in (1..self.moments.len()).rev() {
            let other = usize::try_from(self.chance.below(last as u64 + 1)).unwrap_or(0);
            self.moments.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deck_holds_every_moment_and_follows_from_its_seed() {
        let draw = |seed| {
            let mut sequence = KillSequence::new(Chance::seeded(seed));
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
