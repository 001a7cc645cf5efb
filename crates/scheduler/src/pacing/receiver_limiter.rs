//! The limiter of one receiver: decides whether a message to it may go now, and adapts to its
//! answers.

use std::sync::Arc;

use campaign::ReceiverLimits;
use channel::{RejectReason, SendOutcome};
use store::MachineTime;

use super::breaker::Breaker;
use super::concurrency_window::ConcurrencyWindow;
use super::connection_permits::{ConnectionPermits, RecentTraffic};
use super::day::Day;
use super::local_allowance::LocalAllowance;
use super::reservations::Reservations;
use super::wait::IN_MEMORY_WAIT;

/// The time within which a prompt receiver answers a probe, in microseconds.
const PROBE_TIMEOUT: i64 = 2_000_000;
/// The longest wait in memory while too many messages wait there already, in microseconds.
const FULL_MEMORY_WAIT: i64 = 100_000;

/// The limits and the state of one receiver.
#[derive(Debug, Clone)]
pub(super) struct ReceiverLimiter {
    pub(super) name: Arc<str>,
    pub(super) breaker: Breaker,
    pub(super) allowance: Option<LocalAllowance>,
    pub(super) reservations: Reservations,
    pub(super) permits: Arc<ConnectionPermits>,
    pub(super) traffic: RecentTraffic,
    pub(super) in_flight: u32,
    /// The number of messages that wait in memory, counted in `round`.
    pub(super) waiting: u32,
    round: u32,
    connections: u32,
    window: ConcurrencyWindow,
    /// The time of the last answer, or of the first message after all were answered.
    last_progress: MachineTime,
}

/// The state of the lane when a message asks to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdmissionRequest<'a> {
    /// True if other receivers want to send, too.
    pub(super) contended: bool,
    /// True if more messages wait in memory than should.
    pub(super) is_memory_full: bool,
    /// True if the window adapts to the answers.
    pub(super) is_adaptive: bool,
    pub(super) round: u32,
    pub(super) day: &'a Day,
    pub(super) now: MachineTime,
}

/// The decision on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It may go now.
    Go,
    /// It waits in memory.
    Wait(Cause),
    /// It waits in the database until a time, for a reason.
    Later(MachineTime, String),
}

/// The cause for which a message waits in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The channel as a whole, or a receiver that is only new: other messages would wait as well,
    /// or this one not for long.
    Channel,
    /// The receiver has to answer first, or its allowance has no grant.
    Receiver,
    /// The time of the message by the receiver's rate.
    Time(MachineTime),
}

use Decision::{Go, Later, Wait};

impl ReceiverLimiter {
    pub(super) fn new(name: &str, limits: Option<&ReceiverLimits>) -> Self {
        let connections = limits.and_then(|limits| limits.connections);
        Self {
            name: name.into(),
            breaker: Breaker::default(),
            allowance: limits.and_then(|limits| LocalAllowance::new(limits.rate, &limits.daily)),
            reservations: Reservations::default(),
            permits: Arc::default(),
            traffic: RecentTraffic::default(),
            in_flight: 0,
            waiting: 0,
            round: 0,
            connections: connections.map_or(u32::MAX, |count| u32::try_from(count).unwrap_or(u32::MAX)),
            window: ConcurrencyWindow::new(),
            last_progress: MachineTime::EPOCH,
        }
    }

    /// Decides on a message; one that may go counts as under way. `allowed` is true if the channel
    /// as a whole has room for it; it is checked last.
    pub(super) fn admit(&mut self, request: &AdmissionRequest<'_>, allowed: bool) -> Decision {
        if self.round != request.round {
            (self.round, self.waiting) = (request.round, 0);
        }
        let refusal = self.backed_off(request);
        let refusal = refusal.or_else(|| self.window_full(request)).or_else(|| self.over_allowance(request));
        let decision = match refusal {
            Some(decision) => decision,
            None if !allowed => Wait(Cause::Channel),
            None => {
                self.begin(request.now);
                return Go;
            }
        };
        if matches!(decision, Wait(_)) {
            self.waiting += 1;
        }
        decision
    }

    /// Counts a message as under way.
    fn begin(&mut self, now: MachineTime) {
        if let Some(allowance) = &mut self.allowance {
            allowance.spend(now);
        }
        if self.in_flight == 0 {
            self.last_progress = now;
        }
        self.in_flight += 1;
        self.traffic.add();
    }

    /// Puts a message off while the breaker is open.
    fn backed_off(&mut self, request: &AdmissionRequest<'_>) -> Option<Decision> {
        self.retry_after(request.now).map(|(time, why)| Later(time, why))
    }

    /// Reserves a time for a message while the breaker is open, and returns it with the reason.
    pub(super) fn retry_after(&mut self, now: MachineTime) -> Option<(MachineTime, String)> {
        let (until, why) = self.breaker.open_until(now)?;
        let why = why.to_owned();
        let spacing = self.window.service_time(0, 0).max(5_000);
        // The first message probes the receiver; the others come when it has been answered.
        Some((self.reservations.reserve_estimated(until, PROBE_TIMEOUT, spacing, true), why))
    }

    /// Lets a message wait, or puts it off, where as many are under way as the window allows.
    fn window_full(&mut self, request: &AdmissionRequest<'_>) -> Option<Decision> {
        let idle = request.now.since(self.last_progress);
        let is_probing = self.breaker.is_half_open(request.now);
        let window = self.window.limit(self.in_flight, idle, request.contended);
        let limit = match (is_probing, request.is_adaptive) {
            (true, _) => 1,
            (false, true) => window.min(self.connections),
            (false, false) => self.connections,
        };
        if self.in_flight < limit {
            return None;
        }
        let slow = is_probing || self.window.is_slow(self.in_flight, idle);
        let bounded = slow || self.connections <= window;
        // A receiver that is only new will soon take many.
        let concurrency = if bounded { limit } else { self.connections.min(32) };
        let spacing = self.window.service_time(self.in_flight, idle) / i64::from(concurrency.max(1));
        let wait = spacing.saturating_mul(i64::from(self.waiting) + 1);
        if !bounded && wait <= IN_MEMORY_WAIT {
            return Some(Wait(Cause::Channel));
        }
        if wait <= max_memory_wait(request) {
            return Some(Wait(Cause::Receiver));
        }
        let why = if !slow && self.in_flight >= self.connections {
            format!("{} takes {limit} at a time", self.name)
        } else {
            format!("{} is slow to answer", self.name)
        };
        let from = request.now + IN_MEMORY_WAIT;
        Some(Later(self.reservations.reserve_estimated(from, spacing, spacing, bounded), why))
    }

    /// Lets a message wait, or puts it off, where rate and cap do not allow it now.
    fn over_allowance(&mut self, request: &AdmissionRequest<'_>) -> Option<Decision> {
        let allowance = self.allowance.as_mut()?;
        allowance.begin_day(request.day.number);
        let latest = request.now + max_memory_wait(request);
        let time = allowance.time_of(self.waiting);
        // A message in memory takes the next free time: those that were put off are claimed only
        // when all that was due before is gone.
        if allowance.is_spent() || time.is_some_and(|time| time > latest) {
            let why = allowance.reason(&self.name, request.day);
            let earliest = time.unwrap_or(request.now).max(request.now);
            let time = self.reservations.reserve(earliest, allowance, request.day);
            // A little early, so that it is claimed when its time comes; but not on the day before.
            let early = (time - IN_MEMORY_WAIT / 2).max(request.day.start_of(request.day.number_at(time)));
            return Some(Later(early.max(request.now + IN_MEMORY_WAIT / 4), why));
        }
        match time {
            Some(time) if time <= request.now && self.waiting == 0 && allowance.is_available() => None,
            // Where the time has passed, the message waits for something else.
            Some(time) if time > request.now => Some(Wait(Cause::Time(time))),
            _ => Some(Wait(Cause::Receiver)),
        }
    }

    /// Takes in the outcome of a message after `took` microseconds. Returns true if the breaker
    /// opened or closed.
    pub(super) fn on_outcome(
        &mut self,
        outcome: &SendOutcome,
        took: i64,
        contended: bool,
        now: MachineTime,
    ) -> bool {
        let in_flight = self.in_flight;
        self.end(now);
        match outcome {
            SendOutcome::Deferred { retry_after, scope: channel::DeferralScope::Receiver, answer } => {
                self.window.halve();
                self.breaker.on_deferral(&self.name, *retry_after, answer, now)
            }
            SendOutcome::Rejected { reason: RejectReason::Policy, answer } => {
                self.window.on_answer(took, in_flight, contended);
                self.breaker.on_refusal(&self.name, answer, now)
            }
            SendOutcome::Unknown { .. } => {
                self.window.reset();
                false
            }
            SendOutcome::Down { .. } | SendOutcome::ChannelBlocked { .. } | SendOutcome::Withheld => false,
            SendOutcome::Accepted { .. }
            | SendOutcome::Deferred { .. }
            | SendOutcome::Rejected { .. }
            | SendOutcome::Doubtful { .. } => {
                self.window.on_answer(took, in_flight, contended);
                self.breaker.on_answer(now)
            }
        }
    }

    /// Returns true if the receiver has stopped answering.
    pub(super) fn is_stalled(&self, now: MachineTime) -> bool {
        self.in_flight > 1 && self.window.is_silent(now.since(self.last_progress))
    }

    /// Takes back the admission of a message that was not begun.
    pub(super) fn release(&mut self, now: MachineTime) {
        self.end(now);
        if let Some(allowance) = &mut self.allowance {
            allowance.refund();
        }
    }

    /// Counts a message as not under way any more.
    fn end(&mut self, now: MachineTime) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last_progress = now;
    }

    /// Returns true if the receiver has no state that is worth keeping.
    pub(super) fn is_idle(&self, round: u32, now: MachineTime) -> bool {
        let is_waiting = self.round == round && self.waiting > 0;
        let has_allowance_state =
            self.allowance.as_ref().is_some_and(|allowance| allowance.is_available() || allowance.is_spent());
        let is_backed_off = self.breaker.open_until(now).is_some() || self.breaker.is_half_open(now);
        let is_busy = self.in_flight > 0 || is_waiting || has_allowance_state || is_backed_off;
        !is_busy && self.reservations.is_idle(now)
    }

    /// Returns the number of messages that waited in memory in a round.
    pub(super) const fn demand(&self, round: u32) -> u32 {
        if self.round == round { self.waiting } else { 0 }
    }

    /// Moves the times back after the clock was set back by so many microseconds.
    pub(super) fn shift(&mut self, back: i64) {
        self.last_progress -= back;
        self.reservations.clear();
        self.breaker.shift(back);
        if let Some(allowance) = &mut self.allowance {
            allowance.shift(back);
        }
    }
}

/// Returns the longest time that a message may wait in memory, in microseconds.
const fn max_memory_wait(request: &AdmissionRequest<'_>) -> i64 {
    if request.is_memory_full { FULL_MEMORY_WAIT } else { IN_MEMORY_WAIT }
}
