//! Pace by receiver: who may be written to now, who later, and why.
//!
//! Every message is for a receiver: a domain, or the well-known house that many domains belong to. A receiver has
//! a rate and a day's cap where the files say so, a window of messages under way that its answers make, and a
//! breaker that opens when it puts us off. What cannot go within a second is put off in the database to a time of
//! its own, so that no receiver, however slow, holds up another.
//!
//! Nothing here waits, reads a clock or asks the database: time is an argument, and what the shared accounts
//! grant is fetched by the lane.

mod breaker;
mod connection_permits;
mod day;
mod group;
mod local_allowance;
mod refill;
mod reservations;
mod servers;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod wait;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use campaign::{Channel, Receivers};
use channel::SendOutcome;
use jiff::civil::Date;
use store::{Held, MachineTime};

use connection_permits::Share;
pub(crate) use connection_permits::{ConnectionPermit, ConnectionPermits};
pub(crate) use day::Day;
use group::{Asked, Cause, Decision, Group};
use local_allowance::LocalAllowance;
use servers::Server;
pub(crate) use servers::Servers;
use wait::IN_MEMORY_WAIT;

/// The shortest time between two requests to the shared allowances.
const REFILL_INTERVAL: i64 = 40_000;
/// Messages that fall due within this time are sent together.
const BATCH_WINDOW: i64 = 10_000;
/// The time after which connections are shared out again.
const SHARE_INTERVAL: i64 = 250_000;
/// Two receivers compete where both were sent to within this time.
const CROWDED_WINDOW: i64 = 60_000_000;
/// The number of receivers above which idle ones are removed.
const REMEMBERED: usize = 10_000;

/// Whether a message may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admit {
    /// Now: it counts as under way until [`Groups::on_outcome`] or [`Groups::returned`] has its ticket.
    Now(Ticket),
    /// Soon: keep it in memory and ask again.
    Wait,
    /// Not before a time, for a reason.
    Later {
        /// By the machine's clock.
        until: MachineTime,
        /// In words: `gmail gets at most 20/s`.
        why: String,
    },
}

/// Whose message it is that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u32);

/// The receivers of one channel.
pub(crate) struct Groups {
    /// The channel: what a message without an address is for.
    name: String,
    receivers: Receivers,
    servers: Servers,
    adapts: bool,
    connections: usize,
    /// What all receivers sent lately, and until when that is lately.
    share: Share,
    fade_at: MachineTime,
    /// The most that should wait in memory.
    most_waiting: u32,
    /// The allowance of the channel as a whole.
    whole: Option<LocalAllowance>,
    /// Domains to places in `groups`.
    places: HashMap<Box<str>, u32>,
    groups: Vec<Group>,
    /// Places that are nobody's.
    free: Vec<u32>,
    remembered: usize,
    round: u32,
    now: MachineTime,
    day: Day,
    /// The receiver that was asked for last, and when it was another.
    last: u32,
    mixed_at: MachineTime,
    waiting: u32,
    /// Those of them whose receiver, not the channel, lets them wait.
    aside: u32,
    /// Receivers with an allowance that waited in this round.
    starved: Vec<u32>,
    wake: MachineTime,
    asked_at: MachineTime,
    news: Vec<u32>,
}

impl Groups {
    /// For a channel whose lane has at most `window` messages under way.
    pub(crate) fn new(channel: &Channel, window: usize, adapts: bool, servers: Servers) -> Self {
        Self {
            name: channel.id.to_string(),
            receivers: channel.receivers.clone(),
            servers,
            adapts,
            connections: channel.connections,
            share: Share::default(),
            fade_at: MachineTime::EPOCH,
            most_waiting: u32::try_from(window.saturating_mul(8)).unwrap_or(u32::MAX),
            whole: LocalAllowance::new(channel.rate, &channel.daily),
            places: HashMap::new(),
            groups: Vec::new(),
            free: Vec::new(),
            remembered: REMEMBERED,
            round: 0,
            now: MachineTime::EPOCH,
            day: Day { date: Date::ZERO, number: i64::MIN, ends: MachineTime::MAX },
            last: u32::MAX,
            mixed_at: MachineTime::MIN,
            waiting: 0,
            aside: 0,
            starved: Vec::new(),
            wake: MachineTime::MAX,
            asked_at: MachineTime::EPOCH,
            news: Vec::new(),
        }
    }

    /// Begins a round: those that wait in memory are asked for again, in their order.
    pub(crate) fn begin(&mut self, now: MachineTime, day: Day) {
        if now < self.now - IN_MEMORY_WAIT {
            let back = self.now - now;
            self.groups.iter_mut().for_each(|group| group.shift(back));
            self.whole.iter_mut().for_each(|allowance| allowance.shift(back));
            (self.asked_at, self.mixed_at) = (self.asked_at.min(now), self.mixed_at.min(now));
            self.fade_at = now;
        }
        (self.now, self.day) = (now, day);
        self.round = self.round.wrapping_add(1);
        (self.waiting, self.aside, self.wake) = (0, 0, MachineTime::MAX);
        self.starved.clear();
        if let Some(allowance) = &mut self.whole {
            allowance.turn_to(day.number);
        }
        if now >= self.fade_at && self.adapts {
            self.fade_at = now + SHARE_INTERVAL;
            self.fade();
        }
        if self.places.len() > self.remembered && self.news.is_empty() {
            self.forget();
        }
    }

    /// Whether a message to `address` (empty for a feed) may go.
    pub(crate) fn admit(&mut self, address: &str) -> Admit {
        let place = self.place(address);
        if place != self.last {
            (self.last, self.mixed_at) =
                (place, if self.last == u32::MAX { self.mixed_at } else { self.now });
        }
        let asked = Asked {
            crowded: self.is_crowded(),
            tight: self.aside >= self.most_waiting,
            adapts: self.adapts,
            round: self.round,
            day: &self.day,
            now: self.now,
        };
        let allowed = self.whole.as_ref().is_none_or(|allowance| {
            allowance.has_some() && allowance.turn(0).is_some_and(|turn| turn <= asked.now)
        });
        let Some(group) = self.groups.get_mut(place as usize) else { return Admit::Wait };
        match group.admit(&asked, allowed) {
            Decision::Go => {
                self.share.add();
                self.whole.iter_mut().for_each(|allowance| {
                    allowance.spend(self.now);
                });
                Admit::Now(Ticket(place))
            }
            Decision::Wait(cause) => {
                self.aside += u32::from(cause != Cause::Channel);
                if group.allowance.is_some() && group.waiting == 1 {
                    self.starved.push(place);
                }
                self.waiting += 1;
                if let Cause::Turn(turn) = cause {
                    self.wake = self.wake.min(turn);
                }
                Admit::Wait
            }
            Decision::Later(until, why) => Admit::Later { until, why },
        }
    }

    /// Where the connections see how many of them may serve that receiver.
    pub(crate) fn permits(&self, ticket: Ticket) -> Arc<ConnectionPermits> {
        self.groups.get(ticket.0 as usize).map_or_else(Arc::default, |group| Arc::clone(&group.permits))
    }

    /// Gives every receiver the connections that its share of the last seconds is worth.
    fn fade(&mut self) {
        let (all, crowded) = (self.share, self.is_crowded());
        for group in &mut self.groups {
            let permits = if crowded { group.share.permits(all, self.connections) } else { u32::MAX };
            group.permits.set(permits);
            group.share.fade();
        }
        self.share.fade();
    }

    /// What a message came to that took `took` from its first byte to its answer.
    pub(crate) fn on_outcome(
        &mut self,
        ticket: Ticket,
        outcome: &SendOutcome,
        took: Duration,
        now: MachineTime,
    ) {
        let crowded = self.is_crowded();
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let Some(group) = self.groups.get_mut(ticket.0 as usize) else { return };
        if group.on_outcome(outcome, took, crowded, now) {
            self.news.push(ticket.0);
        }
    }

    /// A message that may have gone was not begun.
    pub(crate) fn returned(&mut self, ticket: Ticket) {
        let now = self.now;
        if let Some(group) = self.groups.get_mut(ticket.0 as usize) {
            group.returned(now);
        }
        if let Some(allowance) = &mut self.whole {
            allowance.refund();
        }
    }

    /// How many messages are worth claiming at once: as many as go in a quarter of a second, so that a slow channel
    /// serves every run, and those whose time comes are there.
    pub(crate) fn share(&self) -> usize {
        let rate = self.whole.as_ref().and_then(LocalAllowance::rate);
        rate.map_or(usize::MAX, |rate| {
            usize::try_from(rate.within(IN_MEMORY_WAIT / 4)).unwrap_or(usize::MAX).max(1)
        })
    }

    /// How many wait in memory whose receiver lets them wait: others may be claimed beside them.
    pub(crate) const fn aside(&self) -> usize {
        self.aside as usize
    }

    /// When the next that waits in memory may go, unless an answer comes before; a moment from now at the
    /// earliest, so that many go together.
    pub(crate) fn wake(&self) -> MachineTime {
        let whole = self.whole.as_ref().filter(|_| self.waiting > 0).and_then(|allowance| allowance.turn(0));
        let wake = self.wake.min(whole.filter(|turn| *turn > self.now).unwrap_or(MachineTime::MAX));
        if wake <= self.now { wake } else { wake.max(self.now + BATCH_WINDOW) }
    }

    /// Until when the whole channel has nothing left to send with, and why.
    pub(crate) fn rest(&self) -> Option<(MachineTime, String)> {
        let allowance = self.whole.as_ref().filter(|allowance| allowance.is_spent())?;
        Some((self.day.ends, allowance.why(&self.name, &self.day)))
    }

    /// When a message whose receiver has just put us off may come again, and why.
    pub(crate) fn retry_after(&mut self, ticket: Ticket, now: MachineTime) -> Option<(MachineTime, String)> {
        self.groups.get_mut(ticket.0 as usize)?.retry_after(now)
    }

    /// Whether a receiver has stopped answering while others want to send: what is not begun is better kept back.
    pub(crate) fn is_stalled(&self, ticket: Ticket, now: MachineTime) -> bool {
        let group = self.groups.get(ticket.0 as usize);
        self.is_crowded() && group.is_some_and(|group| group.is_stalled(now))
    }

    /// Whether any receiver has.
    pub(crate) fn any_stalled(&self, now: MachineTime) -> bool {
        self.adapts && self.is_crowded() && self.groups.iter().any(|group| group.is_stalled(now))
    }

    /// The receivers that are left alone since the last time this was asked, and those that are not any more:
    /// until when and why.
    pub(crate) fn news(&mut self) -> Vec<(String, Option<(MachineTime, String)>)> {
        let news = std::mem::take(&mut self.news);
        let told = |place: u32| {
            let group = self.groups.get(place as usize)?;
            let holds = group.breaker.holds(self.now).map(|(until, why)| (until, why.to_owned()));
            Some((group.name.to_string(), holds))
        };
        news.into_iter().filter_map(told).collect()
    }

    /// What another worker found, or this one before it was restarted: `held`, with the end by the machine's clock.
    pub(crate) fn recall(&mut self, held: &Held, until: MachineTime) {
        let place = self.place_of_receiver(&held.receiver);
        if let Some(group) = self.groups.get_mut(place as usize) {
            group.breaker.recall(until, held.why.clone());
        }
    }

    fn is_crowded(&self) -> bool {
        self.now.since(self.mixed_at) < CROWDED_WINDOW
    }

    /// Where the receiver of an address stands.
    fn place(&mut self, address: &str) -> u32 {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if let Some(place) = self.places.get(domain) {
            return *place;
        }
        let (name, settled) = self.receiver(domain);
        let place = self.place_of_receiver(&name);
        if settled {
            self.places.insert(domain.into(), place);
        }
        place
    }

    /// The receiver of a domain, and whether it will stay that.
    fn receiver(&self, domain: &str) -> (String, bool) {
        if domain.is_empty() {
            return (self.name.clone(), true);
        }
        let name = self.receivers.name_of(domain, None);
        if name != domain {
            return (name.to_owned(), true);
        }
        match self.servers.of(domain) {
            Server::Known(server) => (self.receivers.name_of(domain, server.as_deref()).to_owned(), true),
            Server::Asked => (domain.to_owned(), false),
        }
    }

    fn place_of_receiver(&mut self, name: &str) -> u32 {
        // A name that is no domain stands among them with a mark that no domain has.
        let key = format!("@{name}");
        if let Some(place) = self.places.get(key.as_str()) {
            return *place;
        }
        let group = Group::new(name, self.receivers.limits(name));
        let free = self.free.pop().and_then(|place| Some((place, self.groups.get_mut(place as usize)?)));
        let place = if let Some((place, free)) = free {
            *free = group;
            place
        } else {
            self.groups.push(group);
            u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
        };
        self.places.insert(key.into(), place);
        place
    }

    /// Forgets receivers of which nothing is to be remembered, and whose domains are whose: that is found again.
    fn forget(&mut self) {
        let round = self.round.wrapping_sub(1);
        let idle: Vec<_> = self.groups.iter().map(|group| group.is_idle(round, self.now)).collect();
        let is_kept = |place: u32| !idle.get(place as usize).copied().unwrap_or(true);
        self.places.retain(|key, place| key.starts_with('@') && is_kept(*place));
        self.free = (0..).zip(&idle).filter(|(_, idle)| **idle).map(|(place, _)| place).collect();
        self.last = u32::MAX;
        self.remembered = REMEMBERED.max(self.places.len() * 2);
    }
}
