//! The rate limiter of a channel: admits each message now, lets it wait in memory, or puts it off.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use campaign::{Channel, Receivers};
use channel::SendOutcome;
use jiff::civil::Date;
use store::{MachineTime, ReceiverHold};

use super::connection_permits::{ConnectionPermits, RecentTraffic};
use super::day::Day;
use super::local_allowance::LocalAllowance;
use super::mx_lookup::{MxLookup, MxState};
use super::receiver_limiter::{AdmissionRequest, Cause, Decision, ReceiverLimiter};
use super::wait::IN_MEMORY_WAIT;

/// The time within which messages that become due are sent together, in microseconds.
const BATCH_WINDOW: i64 = 10_000;
/// The interval at which connections are shared out again, in microseconds.
const DECAY_INTERVAL: i64 = 250_000;
/// The time within which messages to two receivers make these compete for connections, in
/// microseconds.
const CONTENTION_WINDOW: i64 = 60_000_000;
/// The least number of domains and receivers above which idle ones are removed.
const CLEANUP_THRESHOLD: usize = 10_000;

/// The decision on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may go now. It counts as under way until [`ChannelRateLimiter::on_outcome`] or
    /// [`ChannelRateLimiter::release`] gets its ticket.
    Now(Ticket),
    /// It may go soon: the lane keeps it in memory and asks again.
    Wait,
    /// It must not go before a time.
    Later {
        /// The time, by the machine's clock.
        until: MachineTime,
        /// The reason, as a text: `gmail gets at most 20/s`.
        why: String,
    },
}

/// The receiver of a message that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(pub(super) u32);

/// The rate limiter of one channel, with a limiter for each receiver.
pub(crate) struct ChannelRateLimiter {
    /// The name of the channel, which is the receiver of messages without an address.
    channel_name: String,
    receivers: Receivers,
    mx_lookup: MxLookup,
    /// True if the windows of receivers adapt to their answers.
    is_adaptive: bool,
    connections: usize,
    /// The recent traffic to all receivers.
    traffic: RecentTraffic,
    /// The time at which recent traffic is halved again.
    next_decay: MachineTime,
    /// The number of messages above which fewer should wait in memory.
    max_waiting: u32,
    /// The allowance of the channel as a whole.
    pub(super) channel_allowance: Option<LocalAllowance>,
    /// The indices in `limiters` by domain, and by `@` and the name of the receiver.
    pub(super) indices: HashMap<Box<str>, u32>,
    pub(super) limiters: Vec<ReceiverLimiter>,
    /// The indices in `limiters` that no receiver uses.
    free: Vec<u32>,
    /// The length of `indices` above which idle receivers are removed.
    cleanup_threshold: usize,
    /// The number of the current round.
    pub(super) round: u32,
    /// The time of the current round.
    pub(super) now: MachineTime,
    pub(super) day: Day,
    /// The index of the receiver of the last message.
    last_receiver: u32,
    /// The last time at which a message was for another receiver than the one before.
    contended_at: MachineTime,
    /// The number of messages that wait in memory in this round.
    pub(super) waiting: u32,
    /// The number of those that wait because of their receiver, not because of the channel.
    waiting_for_receivers: u32,
    /// The indices of receivers with an allowance whose messages waited in this round.
    pub(super) starved: Vec<u32>,
    /// The time at which the next waiting message may go.
    pub(super) next_wake: MachineTime,
    /// The time of the last request to the shared allowances.
    pub(super) requested_at: MachineTime,
    /// The indices of receivers whose breaker opened or closed.
    changed: Vec<u32>,
}

impl ChannelRateLimiter {
    /// Makes the limiter of a channel whose lane has at most `window` messages under way.
    pub(crate) fn new(channel: &Channel, window: usize, is_adaptive: bool, mx_lookup: MxLookup) -> Self {
        Self {
            channel_name: channel.id.to_string(),
            receivers: channel.receivers.clone(),
            mx_lookup,
            is_adaptive,
            connections: channel.connections,
            traffic: RecentTraffic::default(),
            next_decay: MachineTime::EPOCH,
            max_waiting: u32::try_from(window.saturating_mul(8)).unwrap_or(u32::MAX),
            channel_allowance: LocalAllowance::new(channel.rate, &channel.daily),
            indices: HashMap::new(),
            limiters: Vec::new(),
            free: Vec::new(),
            cleanup_threshold: CLEANUP_THRESHOLD,
            round: 0,
            now: MachineTime::EPOCH,
            day: Day { date: Date::ZERO, number: i64::MIN, ends: MachineTime::MAX },
            last_receiver: u32::MAX,
            contended_at: MachineTime::MIN,
            waiting: 0,
            waiting_for_receivers: 0,
            starved: Vec::new(),
            next_wake: MachineTime::MAX,
            requested_at: MachineTime::EPOCH,
            changed: Vec::new(),
        }
    }

    /// Begins a round, in which the lane asks again for each message that waits in memory, in
    /// order.
    pub(crate) fn begin_round(&mut self, now: MachineTime, day: Day) {
        if now < self.now - IN_MEMORY_WAIT {
            let back = self.now - now;
            self.limiters.iter_mut().for_each(|limiter| limiter.shift(back));
            self.channel_allowance.iter_mut().for_each(|allowance| allowance.shift(back));
            (self.requested_at, self.contended_at) = (self.requested_at.min(now), self.contended_at.min(now));
            self.next_decay = now;
        }
        (self.now, self.day) = (now, day);
        self.round = self.round.wrapping_add(1);
        (self.waiting, self.waiting_for_receivers, self.next_wake) = (0, 0, MachineTime::MAX);
        self.starved.clear();
        if let Some(allowance) = &mut self.channel_allowance {
            allowance.begin_day(day.number);
        }
        if now >= self.next_decay && self.is_adaptive {
            self.next_decay = now + DECAY_INTERVAL;
            self.decay();
        }
        if self.indices.len() > self.cleanup_threshold && self.changed.is_empty() {
            self.remove_idle();
        }
    }

    /// Decides on a message to `address`, which is empty for a feed.
    pub(crate) fn admit(&mut self, address: &str) -> Admission {
        let index = self.index_of_address(address);
        if index != self.last_receiver {
            (self.last_receiver, self.contended_at) =
                (index, if self.last_receiver == u32::MAX { self.contended_at } else { self.now });
        }
        let request = AdmissionRequest {
            contended: self.is_contended(),
            is_memory_full: self.waiting_for_receivers >= self.max_waiting,
            is_adaptive: self.is_adaptive,
            round: self.round,
            day: &self.day,
            now: self.now,
        };
        let allowed = self.channel_allowance.as_ref().is_none_or(|allowance| {
            allowance.is_available() && allowance.time_of(0).is_some_and(|time| time <= request.now)
        });
        let Some(limiter) = self.limiters.get_mut(index as usize) else { return Admission::Wait };
        match limiter.admit(&request, allowed) {
            Decision::Go => {
                self.traffic.add();
                self.channel_allowance.iter_mut().for_each(|allowance| {
                    allowance.spend(self.now);
                });
                Admission::Now(Ticket(index))
            }
            Decision::Wait(cause) => {
                self.waiting_for_receivers += u32::from(cause != Cause::Channel);
                if limiter.allowance.is_some() && limiter.waiting == 1 {
                    self.starved.push(index);
                }
                self.waiting += 1;
                if let Cause::Time(time) = cause {
                    self.next_wake = self.next_wake.min(time);
                }
                Admission::Wait
            }
            Decision::Later(until, why) => Admission::Later { until, why },
        }
    }

    /// Returns the connection permits of a ticket's receiver.
    pub(crate) fn permits(&self, ticket: Ticket) -> Arc<ConnectionPermits> {
        self.limiters.get(ticket.0 as usize).map_or_else(Arc::default, |limiter| Arc::clone(&limiter.permits))
    }

    /// Sets the connection permits of every receiver by its share of the recent traffic, and halves
    /// the weight of that traffic.
    fn decay(&mut self) {
        let (all, contended) = (self.traffic, self.is_contended());
        for limiter in &mut self.limiters {
            let permits = if contended { limiter.traffic.permits(all, self.connections) } else { u32::MAX };
            limiter.permits.set(permits);
            limiter.traffic.decay();
        }
        self.traffic.decay();
    }

    /// Takes in the outcome of a message, `took` after its first byte.
    pub(crate) fn on_outcome(
        &mut self,
        ticket: Ticket,
        outcome: &SendOutcome,
        took: Duration,
        now: MachineTime,
    ) {
        let contended = self.is_contended();
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let Some(limiter) = self.limiters.get_mut(ticket.0 as usize) else { return };
        if limiter.on_outcome(outcome, took, contended, now) {
            self.changed.push(ticket.0);
        }
    }

    /// Takes back the admission of a message that was not begun.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let now = self.now;
        if let Some(limiter) = self.limiters.get_mut(ticket.0 as usize) {
            limiter.release(now);
        }
        if let Some(allowance) = &mut self.channel_allowance {
            allowance.refund();
        }
    }

    /// Returns the number of messages to claim at once: those of a quarter of a second by the
    /// channel's rate, so that a slow channel serves every run, and messages whose time comes are
    /// claimed in time.
    pub(crate) fn claim_size(&self) -> usize {
        let rate = self.channel_allowance.as_ref().and_then(LocalAllowance::rate);
        rate.map_or(usize::MAX, |rate| {
            usize::try_from(rate.count_within(IN_MEMORY_WAIT / 4)).unwrap_or(usize::MAX).max(1)
        })
    }

    /// Returns the number of messages that wait in memory for their receiver: others can be claimed
    /// beside them.
    pub(crate) const fn waiting_for_receivers(&self) -> usize {
        self.waiting_for_receivers as usize
    }

    /// Returns the time at which the next message that waits in memory may go, unless an answer
    /// comes before. It is at least [`BATCH_WINDOW`] from now, so that several messages go
    /// together.
    pub(crate) fn next_wake(&self) -> MachineTime {
        let allowance = self.channel_allowance.as_ref().filter(|_| self.waiting > 0);
        let by_channel = allowance.and_then(|allowance| allowance.time_of(0)).filter(|time| *time > self.now);
        let wake = self.next_wake.min(by_channel.unwrap_or(MachineTime::MAX));
        if wake <= self.now { wake } else { wake.max(self.now + BATCH_WINDOW) }
    }

    /// Returns the time until which the channel's daily allowance is spent, with the reason; `None`
    /// where it is not.
    pub(crate) fn spent_until(&self) -> Option<(MachineTime, String)> {
        let allowance = self.channel_allowance.as_ref().filter(|allowance| allowance.is_spent())?;
        Some((self.day.ends, allowance.reason(&self.channel_name, &self.day)))
    }

    /// Returns the time at which a message may be tried again whose receiver has just put it off,
    /// with the reason.
    pub(crate) fn retry_after(&mut self, ticket: Ticket, now: MachineTime) -> Option<(MachineTime, String)> {
        self.limiters.get_mut(ticket.0 as usize)?.retry_after(now)
    }

    /// Returns true if a receiver has stopped answering while others want to send: jobs for it that
    /// are not begun should be taken back.
    pub(crate) fn is_stalled(&self, ticket: Ticket, now: MachineTime) -> bool {
        let limiter = self.limiters.get(ticket.0 as usize);
        self.is_contended() && limiter.is_some_and(|limiter| limiter.is_stalled(now))
    }

    /// Returns true if any receiver has stopped answering while others want to send.
    pub(crate) fn any_stalled(&self, now: MachineTime) -> bool {
        self.is_adaptive && self.is_contended() && self.limiters.iter().any(|limiter| limiter.is_stalled(now))
    }

    /// Takes the receivers whose breaker opened or closed since the last call: the name, and for an
    /// open one the end of its backoff and the reason.
    pub(crate) fn take_changes(&mut self) -> Vec<(String, Option<(MachineTime, String)>)> {
        let changed = std::mem::take(&mut self.changed);
        let change = |index: u32| {
            let limiter = self.limiters.get(index as usize)?;
            let open = limiter.breaker.open_until(self.now).map(|(until, why)| (until, why.to_owned()));
            Some((limiter.name.to_string(), open))
        };
        changed.into_iter().filter_map(change).collect()
    }

    /// Opens the breaker of a receiver as another worker stored it, or this one before a restart.
    /// `until` is the end by the machine's clock.
    pub(crate) fn restore(&mut self, held: &ReceiverHold, until: MachineTime) {
        let index = self.index_of_receiver(&held.receiver);
        if let Some(limiter) = self.limiters.get_mut(index as usize) {
            limiter.breaker.restore(until, held.why.clone());
        }
    }

    /// Returns true if several receivers want to send.
    fn is_contended(&self) -> bool {
        self.now.since(self.contended_at) < CONTENTION_WINDOW
    }

    /// Returns the index of the receiver of an address.
    fn index_of_address(&mut self, address: &str) -> u32 {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if let Some(index) = self.indices.get(domain) {
            return *index;
        }
        let (name, is_final) = self.receiver(domain);
        let index = self.index_of_receiver(&name);
        if is_final {
            self.indices.insert(domain.into(), index);
        }
        index
    }

    /// Returns the receiver of a domain, and true if a later answer of the DNS cannot change it.
    fn receiver(&self, domain: &str) -> (String, bool) {
        if domain.is_empty() {
            return (self.channel_name.clone(), true);
        }
        let name = self.receivers.name_of(domain, None);
        if name != domain {
            return (name.to_owned(), true);
        }
        match self.mx_lookup.of(domain) {
            MxState::Known(server) => (self.receivers.name_of(domain, server.as_deref()).to_owned(), true),
            MxState::Pending => (domain.to_owned(), false),
        }
    }

    /// Returns the index of a receiver, and adds a limiter where it has none.
    fn index_of_receiver(&mut self, name: &str) -> u32 {
        // Names of receivers stand among the domains with a prefix that no domain has.
        let key = format!("@{name}");
        if let Some(index) = self.indices.get(key.as_str()) {
            return *index;
        }
        let limiter = ReceiverLimiter::new(name, self.receivers.limits(name));
        let free = self.free.pop().and_then(|index| Some((index, self.limiters.get_mut(index as usize)?)));
        let index = if let Some((index, free)) = free {
            *free = limiter;
            index
        } else {
            self.limiters.push(limiter);
            u32::try_from(self.limiters.len() - 1).unwrap_or(u32::MAX)
        };
        self.indices.insert(key.into(), index);
        index
    }

    /// Removes receivers without state, and the receivers of domains, which are found again.
    fn remove_idle(&mut self) {
        let round = self.round.wrapping_sub(1);
        let idle: Vec<_> = self.limiters.iter().map(|limiter| limiter.is_idle(round, self.now)).collect();
        let is_kept = |index: u32| !idle.get(index as usize).copied().unwrap_or(true);
        self.indices.retain(|key, index| key.starts_with('@') && is_kept(*index));
        self.free = (0..).zip(&idle).filter(|(_, idle)| **idle).map(|(index, _)| index).collect();
        self.last_receiver = u32::MAX;
        self.cleanup_threshold = CLEANUP_THRESHOLD.max(self.indices.len() * 2);
    }
}
