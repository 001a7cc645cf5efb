//! A simulated lane with its connections and receivers, in simulated time; the shared allowances
//! are real ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use campaign::{Channel, ChannelId, ChannelKind, DailyLimit, Mailbox, Rate, ReceiverLimits, Receivers};
use channel::{DeferralScope, SendOutcome};
use jiff::tz::TimeZone;
use store::{MachineTime, Store};

use super::{Admission, ChannelRateLimiter, Day, MxLookup, Ticket};

pub(super) const START: MachineTime = MachineTime::new(1_800_000_000_000_000);
pub(super) const SECOND: i64 = 1_000_000;

pub(super) fn channel(rate: Option<&str>, receivers: Receivers) -> Channel {
    let from = Mailbox::parse("news@test.example").unwrap();
    Channel {
        language: None,
        id: ChannelId::parse("email").unwrap(),
        kind: ChannelKind::Outbox { from, reply_to: None },
        rate: rate.map(|rate| Rate::parse(rate).unwrap()),
        connections: 8,
        daily: DailyLimit::default(),
        receivers,
        cost: None,
    }
}

pub(super) fn limited(limits: &[(&str, &str)]) -> Receivers {
    let mut receivers = Receivers::default();
    for (name, rate) in limits {
        let domains = if *name == "default" { vec![] } else { vec![format!("{name}.example")] };
        let limits = ReceiverLimits { rate: Some(Rate::parse(rate).unwrap()), ..ReceiverLimits::default() };
        receivers.add(name, domains, limits);
    }
    receivers
}

pub(super) fn accepted() -> SendOutcome {
    SendOutcome::accepted("250 ok")
}

pub(super) fn throttled() -> SendOutcome {
    SendOutcome::Deferred {
        retry_after: None,
        scope: DeferralScope::Receiver,
        answer: "421 4.7.28 slow down".to_owned(),
    }
}

/// One message, with the number of times that it was put off.
#[derive(Debug, Clone, Copy)]
struct Message {
    domain: &'static str,
    postponed: u32,
}

/// One message under way.
struct InFlight {
    ends: MachineTime,
    began: MachineTime,
    message: Message,
    ticket: Ticket,
}

/// The behaviour of receivers: for a message to a domain that begins at a time, the time to the
/// answer in microseconds, and the answer.
pub(super) type Behaviour = Box<dyn Fn(&str, MachineTime) -> (i64, SendOutcome)>;

/// The lane of one worker. Its commits and claims take no time; messages take as long as the
/// receivers need.
pub(super) struct Simulation {
    pub(super) now: MachineTime,
    pub(super) limiter: ChannelRateLimiter,
    behaviour: Behaviour,
    connections: usize,
    step: i64,
    /// The rows of the database that are due now.
    due: VecDeque<Message>,
    postponed_messages: BTreeMap<(MachineTime, u64), Message>,
    ready: VecDeque<Message>,
    queue: VecDeque<(Message, Ticket)>,
    in_flight: Vec<InFlight>,
    serial: u64,
    /// The times at which messages were begun, by domain.
    pub(super) begun: BTreeMap<&'static str, Vec<MachineTime>>,
    pub(super) done: usize,
    /// The largest number of times that one message was put off.
    pub(super) max_postponed: u32,
    pub(super) postponements: u64,
    pub(super) reasons: BTreeSet<String>,
    pub(super) refills: u32,
}

const WINDOW: usize = 32;

impl Simulation {
    pub(super) fn new(channel: &Channel, step: i64, behaviour: Behaviour) -> Self {
        Self {
            now: START,
            limiter: ChannelRateLimiter::new(channel, WINDOW, true, MxLookup::disabled()),
            behaviour,
            connections: channel.connections,
            step,
            due: VecDeque::new(),
            postponed_messages: BTreeMap::new(),
            ready: VecDeque::new(),
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            serial: 0,
            begun: BTreeMap::new(),
            done: 0,
            max_postponed: 0,
            postponements: 0,
            reasons: BTreeSet::new(),
            refills: 0,
        }
    }

    /// Adds messages to the domains in turn.
    pub(super) fn add_messages(&mut self, count: usize, domains: &[&'static str]) {
        let message = |domain| Message { domain, postponed: 0 };
        self.due.extend(domains.iter().copied().cycle().take(count).map(message));
    }

    pub(super) fn left(&self) -> usize {
        self.due.len()
            + self.postponed_messages.len()
            + self.ready.len()
            + self.queue.len()
            + self.in_flight.len()
    }

    /// Returns the number of connections that a domain holds.
    pub(super) fn held_by(&self, domain: &str) -> usize {
        self.in_flight.iter().filter(|flight| flight.message.domain == domain).count()
    }

    /// Returns the number of messages to a domain that began in `span`, in microseconds after
    /// [`START`].
    pub(super) fn count(&self, domain: &str, span: std::ops::Range<i64>) -> usize {
        let times = self.begun.get(domain).into_iter().flatten();
        times.filter(|time| span.contains(&(**time - START))).count()
    }

    /// Sets the length of a time step, in microseconds.
    pub(super) fn set_step(&mut self, step: i64) {
        self.step = step;
    }

    pub(super) async fn run(&mut self, store: &Store, span: i64) {
        let end = self.now + span;
        while self.now < end && self.left() > 0 {
            self.step_lane(store).await;
            self.now += self.step;
        }
    }

    /// Runs one step of the lane.
    pub(super) async fn step_lane(&mut self, store: &Store) {
        self.answer();
        self.claim();
        let day =
            Day::at(jiff::Timestamp::from_microsecond(self.now.micros()).unwrap(), &TimeZone::UTC, |at| {
                MachineTime::new(at.as_millisecond() * 1_000)
            });
        self.admit(day);
        let wants = self.limiter.refill_requests();
        if !wants.is_empty() {
            self.refills += 1;
            let grants = store.allowance_take("email", &wants, self.now, day.number).await.unwrap();
            self.limiter.apply_grants(&grants);
            self.admit(day);
        }
        self.connect();
    }

    fn answer(&mut self) {
        let now = self.now;
        let (over, rest) =
            std::mem::take(&mut self.in_flight).into_iter().partition(|flight| flight.ends <= now);
        self.in_flight = rest;
        let over: Vec<InFlight> = over;
        for flight in over {
            let (took, outcome) = (self.behaviour)(flight.message.domain, flight.began);
            let took = Duration::from_micros(took.unsigned_abs());
            self.limiter.on_outcome(flight.ticket, &outcome, took, now);
            if matches!(outcome, SendOutcome::Accepted { .. }) {
                self.done += 1;
            } else {
                self.put_off(flight.message, now + 300 * SECOND);
            }
        }
    }

    fn claim(&mut self) {
        let share = self.limiter.claim_size().min(WINDOW * 8);
        if self.ready.len() >= share.min(WINDOW) + self.limiter.waiting_for_receivers() {
            return;
        }
        for _ in 0..share {
            // Messages are claimed in the order of their due times, as in the database.
            let message = self.due.pop_front().or_else(|| {
                let next = self.postponed_messages.first_key_value().filter(|(key, _)| key.0 <= self.now);
                next.map(|(key, _)| *key).and_then(|key| self.postponed_messages.remove(&key))
            });
            self.ready.extend(message);
        }
    }

    fn admit(&mut self, day: Day) {
        self.limiter.begin_round(self.now, day);
        let mut room = WINDOW.saturating_sub(self.queue.len() + self.in_flight.len());
        let mut kept = VecDeque::new();
        while let Some(message) = self.ready.pop_front() {
            if room == 0 {
                kept.push_back(message);
                continue;
            }
            match self.limiter.admit(&format!("a@{}", message.domain)) {
                Admission::Now(ticket) => {
                    room -= 1;
                    self.begun.entry(message.domain).or_default().push(self.now);
                    self.queue.push_back((message, ticket));
                }
                Admission::Wait => kept.push_back(message),
                Admission::Later { until, why } => {
                    assert!(until > self.now, "{why}");
                    self.reasons.insert(why);
                    self.postponements += 1;
                    self.max_postponed = self.max_postponed.max(message.postponed + 1);
                    self.put_off(Message { postponed: message.postponed + 1, ..message }, until);
                }
            }
        }
        self.ready = kept;
    }

    fn put_off(&mut self, message: Message, until: MachineTime) {
        self.serial += 1;
        self.postponed_messages.insert((until, self.serial), message);
    }

    fn connect(&mut self) {
        while self.in_flight.len() < self.connections {
            let Some((message, ticket)) = self.queue.pop_front() else { break };
            let (took, _) = (self.behaviour)(message.domain, self.now);
            self.in_flight.push(InFlight { ends: self.now + took, began: self.now, message, ticket });
        }
    }
}

pub(super) async fn store_in_memory() -> Store {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store
}
