//! Who goes next: what the receivers and the shared accounts allow, and what they teach.

use std::time::Duration;

use campaign::ChannelKind;
use channel::{Scope, SendOutcome};
use store::{Claimed, Clock, Held, MachineTime};
use tokio::time::Instant;

use super::{Later, Waiting, Working};
use crate::pacing::{Admit, Day, Ticket};
use crate::session::{Done, Job};

/// How often receivers that stopped answering are looked for.
const STALLED: Duration = Duration::from_secs(1);
/// How often accounts that nobody uses are forgotten.
const SWEEP: Duration = Duration::from_secs(3_600);

impl Working {
    /// What may be begun next, by window, receiver and rate. What cannot go soon is noted to be put off.
    pub(super) fn intents(&mut self) -> Vec<Job> {
        let now = Clock::machine();
        self.groups.begin(now, self.day(now));
        let mut intents = Vec::new();
        if self.rest.holds() {
            return intents;
        }
        let room = self.window.saturating_sub(self.in_flight);
        let mut kept = Vec::new();
        while intents.len() < room
            && let Some(waiting) = self.ready.pop_front()
        {
            match self.groups.admit(self.mailbox(&waiting.claimed)) {
                Admit::Now(ticket) => match self.job(waiting, ticket) {
                    Some(job) => intents.push(job),
                    None => break,
                },
                Admit::Wait => kept.push(waiting),
                Admit::Later { until, why } => {
                    let until = self.lane.clock.millis_after(span(now, until));
                    self.put_off.push(Later { waiting, until, why });
                }
            }
        }
        for waiting in kept.into_iter().rev() {
            self.ready.push_front(waiting);
        }
        intents
    }

    /// The mailbox that a message goes to; empty where the channel sends no mail.
    fn mailbox<'a>(&self, claimed: &'a Claimed) -> &'a str {
        let is_mail = matches!(self.lane.channel.kind, ChannelKind::Outbox { .. } | ChannelKind::Smtp { .. });
        let own = || claimed.contact.as_ref().and_then(|contact| contact.email.as_deref());
        let address = claimed.to_address.as_deref().or_else(own);
        address.filter(|_| is_mail).unwrap_or_default()
    }

    /// Makes a job of what may go, with its place in the journal; without one it goes back to where it was.
    fn job(&mut self, waiting: Waiting, ticket: Ticket) -> Option<Job> {
        let Waiting { claimed, renderer } = waiting;
        match self.lane.journal.entry(claimed.id, claimed.attempts + 1) {
            Ok(entry) => {
                let permits = self.groups.permits(ticket);
                Some(Job { claimed, renderer, entry, ticket, permits })
            }
            Err(error) => {
                tracing::warn!(%error, "cannot write the journal; nothing is sent until it is possible again");
                self.groups.returned(ticket);
                self.ready.push_front(Waiting { claimed, renderer });
                None
            }
        }
    }

    /// Asks the shared accounts for more, when it is time.
    pub(super) async fn refill(&mut self) {
        let wants = self.groups.wants();
        if wants.is_empty() {
            return;
        }
        let now = Clock::machine();
        let (store, channel) = (&self.lane.store, self.lane.channel.id.as_str());
        match store.allowance_take(channel, &wants, now, self.day(now).number).await {
            Ok(grants) => self.groups.granted(&grants),
            Err(error) => tracing::warn!(%error, "cannot ask how fast to send; trying again"),
        }
    }

    /// How long until something that waits may go.
    pub(super) fn wait(&self) -> Duration {
        span(Clock::machine(), self.groups.wake())
    }

    /// What an answer teaches of its receiver.
    pub(super) fn learn(&mut self, done: &mut Done) {
        let now = Clock::machine();
        match &done.result {
            Ok(SendOutcome::Withheld | SendOutcome::Down { .. }) | Err(_) => {
                self.groups.returned(done.ticket);
            }
            Ok(outcome) => self.groups.on_outcome(done.ticket, outcome, done.took, now),
        }
        if let Ok(SendOutcome::Deferred { scope: Scope::Group, .. }) = &done.result {
            let retry_after = self.groups.retry_after(done.ticket, now);
            done.put_off = retry_after.map(|(until, why)| (span(now, until), why));
        }
    }

    /// Keeps back what would only queue up behind receivers that stopped answering.
    pub(super) fn take_back_stalled(&mut self) {
        if self.checks.stalled_at.is_some_and(|looked| looked.elapsed() < STALLED) {
            return;
        }
        self.checks.stalled_at = Some(Instant::now());
        let now = Clock::machine();
        if self.groups.any_stalled(now) {
            self.take_back(|job, groups| !groups.is_stalled(job.ticket, now));
        }
    }

    /// Learns which receivers are left alone: from before a restart, or from another worker.
    pub(super) async fn recall(&mut self) {
        let lane = &self.lane;
        match lane.store.allowance_held(lane.channel.id.as_str(), lane.clock.millis()).await {
            Ok(held) => {
                for held in held.iter().filter(|held| !held.receiver.is_empty()) {
                    let until = Clock::machine().saturating_add(micros(lane.clock.real_until(held.until)));
                    self.groups.recall(held, until);
                }
            }
            Err(error) => tracing::warn!(%error, "cannot see which receivers wait"),
        }
    }

    /// Writes down which receivers are left alone, where pages and other workers find it.
    pub(super) async fn tell_of_receivers(&mut self) {
        let now = Clock::machine();
        for (receiver, held) in self.groups.news() {
            let channel = &self.lane.channel.id;
            match &held {
                Some((until, _)) => {
                    let rest_s = span(now, *until).as_secs();
                    tracing::warn!(%channel, receiver, rest_s, "a receiver put us off; it is left alone");
                }
                None => tracing::info!(%channel, receiver, "a receiver takes messages again"),
            }
            self.tell_of(receiver, held, now).await;
        }
        let spent = self.groups.rest();
        if spent.is_some() != self.checks.spent_reported {
            self.checks.spent_reported = spent.is_some();
            self.tell_of(String::new(), spent, now).await;
        }
        self.sweep(now).await;
    }

    async fn tell_of(&self, receiver: String, held: Option<(MachineTime, String)>, now: MachineTime) {
        let (store, channel) = (&self.lane.store, self.lane.channel.id.as_str());
        let told = match held {
            Some((until, why)) => {
                let until = self.lane.clock.millis_after(span(now, until));
                store.allowance_hold(channel, &Held { receiver, until, why }).await
            }
            None => store.allowance_let_go(channel, &receiver).await,
        };
        if let Err(error) = told {
            tracing::warn!(%error, "cannot note which receivers wait");
        }
    }

    /// Forgets accounts that nobody used for days.
    async fn sweep(&mut self, now: MachineTime) {
        if self.checks.swept_at.is_some_and(|swept| swept.elapsed() < SWEEP) {
            return;
        }
        self.checks.swept_at = Some(Instant::now());
        let (clock, day) = (&self.lane.clock, self.day(now).number);
        if let Err(error) = self.lane.store.allowance_sweep(clock.millis(), now, day).await {
            tracing::warn!(%error, "cannot forget old accounts");
        }
    }

    /// Gives back what was granted of today and not used.
    pub(super) async fn give_back(&mut self) {
        let (unused, day) = self.groups.unused();
        let channel = self.lane.channel.id.as_str();
        if let Err(error) = self.lane.store.allowance_give_back(channel, &unused, day).await {
            tracing::warn!(%error, "cannot give back what was not used of today");
        }
    }

    /// Today, where the brand is.
    fn day(&self, now: MachineTime) -> Day {
        let clock = &self.lane.clock;
        Day::at(clock.now(), &self.lane.zone, |at| now.saturating_add(micros(clock.real_until(at))))
    }
}

/// From `now` to `until`; nothing when that has passed.
fn span(now: MachineTime, until: MachineTime) -> Duration {
    Duration::from_micros(u64::try_from(until.since(now)).unwrap_or(0))
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
