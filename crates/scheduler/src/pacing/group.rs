//! One receiver: whether a message to it may go now, and what its answers teach.

use std::sync::Arc;

use campaign::Limits;
use channel::{RejectReason, SendOutcome};
use store::MachineTime;

use super::breaker::Breaker;
use super::connection_permits::{ConnectionPermits, Share};
use super::day::Day;
use super::local_allowance::LocalAllowance;
use super::reservations::Reservations;
use super::wait::IN_MEMORY_WAIT;
use super::window::Window;

/// The longest time to the answer of a prompt probe.
const PROBE_TIMEOUT: i64 = 2_000_000;
/// The longest wait in memory while too many messages wait there already.
const FULL_MEMORY_WAIT: i64 = 100_000;

/// What is known of one receiver.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) breaker: Breaker,
    pub(super) allowance: Option<LocalAllowance>,
    pub(super) reservations: Reservations,
    pub(super) permits: Arc<ConnectionPermits>,
    pub(super) share: Share,
    pub(super) in_flight: u32,
    /// How many wait in memory, as counted in `round`.
    pub(super) waiting: u32,
    round: u32,
    connections: u32,
    window: Window,
    /// The last answer, or the first message after all were answered.
    moved_at: MachineTime,
}

/// A message that wants to go, and what the lane is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Others want to send, too.
    pub(super) crowded: bool,
    /// More wait in memory than should.
    pub(super) tight: bool,
    /// Whether answers limit how many may be under way.
    pub(super) adapts: bool,
    pub(super) round: u32,
    pub(super) day: &'a Day,
    pub(super) now: MachineTime,
}

/// Whether it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Go,
    /// In memory.
    Wait(Cause),
    /// In the database.
    Later(MachineTime, String),
}

/// What a message in memory waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The channel as a whole, or a receiver that is only new: others would wait as well, or not for long.
    Channel,
    /// Its receiver's answers, or a grant.
    Receiver,
    /// Its time.
    Turn(MachineTime),
}

use Decision::{Go, Later, Wait};

impl Group {
    pub(super) fn new(name: &str, limits: Option<&Limits>) -> Self {
        let connections = limits.and_then(|limits| limits.connections);
        Self {
            name: name.into(),
            breaker: Breaker::default(),
            allowance: limits.and_then(|limits| LocalAllowance::new(limits.rate, &limits.daily)),
            reservations: Reservations::default(),
            permits: Arc::default(),
            share: Share::default(),
            in_flight: 0,
            waiting: 0,
            round: 0,
            connections: connections.map_or(u32::MAX, |count| u32::try_from(count).unwrap_or(u32::MAX)),
            window: Window::new(),
            moved_at: MachineTime::EPOCH,
        }
    }

    /// Whether the message may go now; it counts as under way then. `allowed` is asked last: whether the channel
    /// as a whole has room for it.
    pub(super) fn admit(&mut self, asked: &Asked<'_>, allowed: bool) -> Decision {
        if self.round != asked.round {
            (self.round, self.waiting) = (asked.round, 0);
        }
        let refused = self.held(asked).or_else(|| self.full(asked)).or_else(|| self.unpaid(asked));
        let decision = match refused {
            Some(decision) => decision,
            None if !allowed => Wait(Cause::Channel),
            None => {
                self.begin(asked.now);
                return Go;
            }
        };
        if matches!(decision, Wait(_)) {
            self.waiting += 1;
        }
        decision
    }

    fn begin(&mut self, now: MachineTime) {
        if let Some(allowance) = &mut self.allowance {
            allowance.spend(now);
        }
        if self.in_flight == 0 {
            self.moved_at = now;
        }
        self.in_flight += 1;
        self.share.add();
    }

    /// Whether the receiver is left alone for now.
    fn held(&mut self, asked: &Asked<'_>) -> Option<Decision> {
        self.retry_after(asked.now).map(|(time, why)| Later(time, why))
    }

    /// When a message may come again while the receiver is left alone, and why.
    pub(super) fn retry_after(&mut self, now: MachineTime) -> Option<(MachineTime, String)> {
        let (until, why) = self.breaker.holds(now)?;
        let why = why.to_owned();
        let spacing = self.window.service(0, 0).max(5_000);
        // The first to come again asks for all; the others come when it has been answered.
        Some((self.reservations.guess(until, PROBE_TIMEOUT, spacing, true), why))
    }

    /// Whether as many are under way as may be.
    fn full(&mut self, asked: &Asked<'_>) -> Option<Decision> {
        let idle = asked.now.since(self.moved_at);
        let probes = self.breaker.probes(asked.now);
        let window = self.window.limit(self.in_flight, idle, asked.crowded);
        let limit = match (probes, asked.adapts) {
            (true, _) => 1,
            (false, true) => window.min(self.connections),
            (false, false) => self.connections,
        };
        if self.in_flight < limit {
            return None;
        }
        let slow = probes || self.window.is_slow(self.in_flight, idle);
        let bounded = slow || self.connections <= window;
        // One that is only new will soon take many.
        let at_once = if bounded { limit } else { self.connections.min(32) };
        let each = self.window.service(self.in_flight, idle) / i64::from(at_once.max(1));
        let wait = each.saturating_mul(i64::from(self.waiting) + 1);
        if !bounded && wait <= IN_MEMORY_WAIT {
            return Some(Wait(Cause::Channel));
        }
        if wait <= soon(asked) {
            return Some(Wait(Cause::Receiver));
        }
        let why = if !slow && self.in_flight >= self.connections {
            format!("{} takes {limit} at a time", self.name)
        } else {
            format!("{} is slow to answer", self.name)
        };
        Some(Later(self.reservations.guess(asked.now + IN_MEMORY_WAIT, each, each, bounded), why))
    }

    /// Whether rate and cap let it wait.
    fn unpaid(&mut self, asked: &Asked<'_>) -> Option<Decision> {
        let allowance = self.allowance.as_mut()?;
        allowance.turn_to(asked.day.number);
        let soonest = asked.now + soon(asked);
        let turn = allowance.turn(self.waiting);
        // Whoever is here takes what is free now: those put off come only when all that was due before is gone.
        if allowance.is_spent() || turn.is_some_and(|turn| turn > soonest) {
            let why = allowance.why(&self.name, asked.day);
            let time = self.reservations.book(turn.unwrap_or(asked.now).max(asked.now), allowance, asked.day);
            // A little early, so that it is there when its time comes; but not on the day before.
            let early = (time - IN_MEMORY_WAIT / 2).max(asked.day.start_of(asked.day.number_at(time)));
            return Some(Later(early.max(asked.now + IN_MEMORY_WAIT / 4), why));
        }
        match turn {
            Some(turn) if turn <= asked.now && self.waiting == 0 && allowance.has_some() => None,
            // In the past, it is something else that it waits for.
            Some(turn) if turn > asked.now => Some(Wait(Cause::Turn(turn))),
            _ => Some(Wait(Cause::Receiver)),
        }
    }

    /// What became of a message that took `took`. True when the breaker opened or closed.
    pub(super) fn on_outcome(
        &mut self,
        outcome: &SendOutcome,
        took: i64,
        crowded: bool,
        now: MachineTime,
    ) -> bool {
        let in_flight = self.in_flight;
        self.end(now);
        match outcome {
            SendOutcome::Deferred { retry_after, scope: channel::Scope::Group, answer } => {
                self.window.halve();
                self.breaker.put_off(&self.name, *retry_after, answer, now)
            }
            SendOutcome::Rejected { reason: RejectReason::Policy, answer } => {
                self.window.answered(took, in_flight, crowded);
                self.breaker.refuse(&self.name, answer, now)
            }
            SendOutcome::Unknown { .. } => {
                self.window.fall();
                false
            }
            SendOutcome::Down { .. } | SendOutcome::Barred { .. } | SendOutcome::Withheld => false,
            SendOutcome::Accepted { .. }
            | SendOutcome::Deferred { .. }
            | SendOutcome::Rejected { .. }
            | SendOutcome::Doubtful { .. } => {
                self.window.answered(took, in_flight, crowded);
                self.breaker.answered(now)
            }
        }
    }

    /// Whether it has stopped answering.
    pub(super) fn is_stalled(&self, now: MachineTime) -> bool {
        self.in_flight > 1 && self.window.is_silent(now.since(self.moved_at))
    }

    /// A message was not begun after all.
    pub(super) fn returned(&mut self, now: MachineTime) {
        self.end(now);
        if let Some(allowance) = &mut self.allowance {
            allowance.refund();
        }
    }

    fn end(&mut self, now: MachineTime) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.moved_at = now;
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_idle(&self, round: u32, now: MachineTime) -> bool {
        let waits = self.round == round && self.waiting > 0;
        let owes =
            self.allowance.as_ref().is_some_and(|allowance| allowance.has_some() || allowance.is_spent());
        let rests = self.breaker.holds(now).is_some() || self.breaker.probes(now);
        self.in_flight == 0 && !waits && !owes && !rests && self.reservations.is_idle(now)
    }

    /// How many waited in memory in this round.
    pub(super) const fn demand(&self, round: u32) -> u32 {
        if self.round == round { self.waiting } else { 0 }
    }

    /// The clock went back.
    pub(super) fn shift(&mut self, back: i64) {
        self.moved_at -= back;
        self.reservations.clear();
        self.breaker.shift(back);
        if let Some(allowance) = &mut self.allowance {
            allowance.shift(back);
        }
    }
}

/// How long a message may wait in memory.
const fn soon(asked: &Asked<'_>) -> i64 {
    if asked.tight { FULL_MEMORY_WAIT } else { IN_MEMORY_WAIT }
}
