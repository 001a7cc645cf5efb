//! A lane, its connections and the receivers, in made-up time; the shared accounts are the real ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use campaign::{Channel, ChannelId, ChannelKind, Daily, Limits, Mailbox, Rate, Receivers};
use channel::{Scope, SendOutcome};
use jiff::tz::TimeZone;
use store::{MachineTime, Store};

use super::{Admit, Day, Groups, Servers, Ticket};

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
        daily: Daily::default(),
        receivers,
        cost: None,
    }
}

pub(super) fn limited(limits: &[(&str, &str)]) -> Receivers {
    let mut receivers = Receivers::default();
    for (name, rate) in limits {
        let domains = if *name == "default" { vec![] } else { vec![format!("{name}.example")] };
        let limits = Limits { rate: Some(Rate::parse(rate).unwrap()), ..Limits::default() };
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
        scope: Scope::Group,
        answer: "421 4.7.28 slow down".to_owned(),
    }
}

/// One message.
#[derive(Debug, Clone, Copy)]
struct Row {
    domain: &'static str,
    touched: u32,
}

/// One message under way.
struct Flight {
    ends: MachineTime,
    began: MachineTime,
    row: Row,
    ticket: Ticket,
}

/// What a receiver does with a message that begins at a time: how long until it says what.
pub(super) type Behaviour = Box<dyn Fn(&str, MachineTime) -> (i64, SendOutcome)>;

/// One worker's lane. Its commits and claims take no time; what it sends takes as long as the receivers say.
pub(super) struct Sim {
    pub(super) now: MachineTime,
    pub(super) groups: Groups,
    behaviour: Behaviour,
    connections: usize,
    step: i64,
    /// The rows of the database: those due now, and those put off.
    due: VecDeque<Row>,
    later: BTreeMap<(MachineTime, u64), Row>,
    ready: VecDeque<Row>,
    queue: VecDeque<(Row, Ticket)>,
    flights: Vec<Flight>,
    serial: u64,
    /// When each message was begun, by domain.
    pub(super) begun: BTreeMap<&'static str, Vec<MachineTime>>,
    pub(super) done: usize,
    /// How often a row was put off, at most.
    pub(super) most_touched: u32,
    pub(super) touches: u64,
    pub(super) reasons: BTreeSet<String>,
    pub(super) takes: u32,
}

const WINDOW: usize = 32;

impl Sim {
    pub(super) fn new(channel: &Channel, step: i64, behaviour: Behaviour) -> Self {
        Self {
            now: START,
            groups: Groups::new(channel, WINDOW, true, Servers::not_asked()),
            behaviour,
            connections: channel.connections,
            step,
            due: VecDeque::new(),
            later: BTreeMap::new(),
            ready: VecDeque::new(),
            queue: VecDeque::new(),
            flights: Vec::new(),
            serial: 0,
            begun: BTreeMap::new(),
            done: 0,
            most_touched: 0,
            touches: 0,
            reasons: BTreeSet::new(),
            takes: 0,
        }
    }

    /// Adds messages, the domains taking turns.
    pub(super) fn add(&mut self, count: usize, domains: &[&'static str]) {
        let row = |domain| Row { domain, touched: 0 };
        self.due.extend(domains.iter().copied().cycle().take(count).map(row));
    }

    pub(super) fn left(&self) -> usize {
        self.due.len() + self.later.len() + self.ready.len() + self.queue.len() + self.flights.len()
    }

    /// How many connections a domain holds.
    pub(super) fn held_by(&self, domain: &str) -> usize {
        self.flights.iter().filter(|flight| flight.row.domain == domain).count()
    }

    /// How many messages to a domain began in `span`.
    pub(super) fn count(&self, domain: &str, span: std::ops::Range<i64>) -> usize {
        let times = self.begun.get(domain).into_iter().flatten();
        times.filter(|time| span.contains(&(**time - START))).count()
    }

    /// From now on, time passes in longer steps.
    pub(super) fn hurry(&mut self, step: i64) {
        self.step = step;
    }

    pub(super) async fn run(&mut self, store: &Store, span: i64) {
        let end = self.now + span;
        while self.now < end && self.left() > 0 {
            self.turn(store).await;
            self.now += self.step;
        }
    }

    /// One turn of the lane.
    pub(super) async fn turn(&mut self, store: &Store) {
        self.answer();
        self.claim();
        let day =
            Day::at(jiff::Timestamp::from_microsecond(self.now.micros()).unwrap(), &TimeZone::UTC, |at| {
                MachineTime::new(at.as_millisecond() * 1_000)
            });
        self.admit(day);
        let wants = self.groups.wants();
        if !wants.is_empty() {
            self.takes += 1;
            let grants = store.allowance_take("email", &wants, self.now, day.number).await.unwrap();
            self.groups.granted(&grants);
            self.admit(day);
        }
        self.connect();
    }

    fn answer(&mut self) {
        let now = self.now;
        let (over, rest) =
            std::mem::take(&mut self.flights).into_iter().partition(|flight| flight.ends <= now);
        self.flights = rest;
        let over: Vec<Flight> = over;
        for flight in over {
            let (took, outcome) = (self.behaviour)(flight.row.domain, flight.began);
            let took = Duration::from_micros(took.unsigned_abs());
            self.groups.on_outcome(flight.ticket, &outcome, took, now);
            if matches!(outcome, SendOutcome::Accepted { .. }) {
                self.done += 1;
            } else {
                self.put_off(flight.row, now + 300 * SECOND);
            }
        }
    }

    fn claim(&mut self) {
        let share = self.groups.share().min(WINDOW * 8);
        if self.ready.len() >= share.min(WINDOW) + self.groups.aside() {
            return;
        }
        for _ in 0..share {
            // What was due first comes first, as the database has it.
            let row = self.due.pop_front().or_else(|| {
                let next = self.later.first_key_value().filter(|(key, _)| key.0 <= self.now);
                next.map(|(key, _)| *key).and_then(|key| self.later.remove(&key))
            });
            self.ready.extend(row);
        }
    }

    fn admit(&mut self, day: Day) {
        self.groups.begin(self.now, day);
        let mut room = WINDOW.saturating_sub(self.queue.len() + self.flights.len());
        let mut kept = VecDeque::new();
        while let Some(row) = self.ready.pop_front() {
            if room == 0 {
                kept.push_back(row);
                continue;
            }
            match self.groups.admit(&format!("a@{}", row.domain)) {
                Admit::Now(ticket) => {
                    room -= 1;
                    self.begun.entry(row.domain).or_default().push(self.now);
                    self.queue.push_back((row, ticket));
                }
                Admit::Wait => kept.push_back(row),
                Admit::Later { until, why } => {
                    assert!(until > self.now, "{why}");
                    self.reasons.insert(why);
                    self.touches += 1;
                    self.most_touched = self.most_touched.max(row.touched + 1);
                    self.put_off(Row { touched: row.touched + 1, ..row }, until);
                }
            }
        }
        self.ready = kept;
    }

    fn put_off(&mut self, row: Row, until: MachineTime) {
        self.serial += 1;
        self.later.insert((until, self.serial), row);
    }

    fn connect(&mut self) {
        while self.flights.len() < self.connections {
            let Some((row, ticket)) = self.queue.pop_front() else { break };
            let (took, _) = (self.behaviour)(row.domain, self.now);
            self.flights.push(Flight { ends: self.now + took, began: self.now, row, ticket });
        }
    }
}

pub(super) async fn accounts() -> Store {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store
}
