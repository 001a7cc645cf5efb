//! Admission of deliveries: those that the rate limiter and the shared allowances let begin now,
//! and the feedback of answers to the rate limiter.

use std::time::Duration;

use campaign::ChannelKind;
use channel::{DeferralScope, SendOutcome};
use store::{ClaimedDelivery, Clock, MachineTime, ReceiverHold};
use tokio::time::Instant;

use super::{Postponed, ReadyDelivery, RunningLane};
use crate::pacing::{Admission, Day, Ticket};
use crate::session::{Job, JobResult};

/// The interval at which receivers are checked that may have stopped answering.
const STALL_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The interval at which unused allowances are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

impl RunningLane {
    /// Returns the jobs that may begin now, by window, receiver and rate. Deliveries that cannot
    /// begin soon are listed to be put off.
    pub(super) fn intents(&mut self) -> Vec<Job> {
        let now = Clock::machine();
        self.rate_limiter.begin_round(now, self.day(now));
        let mut intents = Vec::new();
        if self.backoff.is_active() {
            return intents;
        }
        let room = self.window.saturating_sub(self.in_flight);
        let mut kept = Vec::new();
        while intents.len() < room
            && let Some(waiting) = self.ready.pop_front()
        {
            match self.rate_limiter.admit(self.mailbox(&waiting.claimed)) {
                Admission::Now(ticket) => match self.job(waiting, ticket) {
                    Some(job) => intents.push(job),
                    None => break,
                },
                Admission::Wait => kept.push(waiting),
                Admission::Later { until, why } => {
                    let until = self.lane.clock.millis_after(span(now, until));
                    self.put_off.push(Postponed { waiting, until, why });
                }
            }
        }
        for waiting in kept.into_iter().rev() {
            self.ready.push_front(waiting);
        }
        intents
    }

    /// Returns the address of the mailbox that a message goes to; empty where the channel sends no
    /// mail.
    fn mailbox<'a>(&self, claimed: &'a ClaimedDelivery) -> &'a str {
        let is_mail = matches!(self.lane.channel.kind, ChannelKind::Outbox { .. } | ChannelKind::Smtp { .. });
        let own = || claimed.contact.as_ref().and_then(|contact| contact.email.as_deref());
        let address = claimed.to_address.as_deref().or_else(own);
        address.filter(|_| is_mail).unwrap_or_default()
    }

    /// Makes a job with a slot in the journal. Without a slot the delivery goes back to the ready
    /// ones.
    fn job(&mut self, waiting: ReadyDelivery, ticket: Ticket) -> Option<Job> {
        let ReadyDelivery { claimed, renderer } = waiting;
        match self.lane.journal.acquire_slot(claimed.id, claimed.attempts + 1) {
            Ok(slot) => {
                let permits = self.rate_limiter.permits(ticket);
                Some(Job { claimed, renderer, slot, ticket, permits })
            }
            Err(error) => {
                tracing::warn!(%error, "cannot write the journal; nothing is sent until it is possible again");
                self.rate_limiter.release(ticket);
                self.ready.push_front(ReadyDelivery { claimed, renderer });
                None
            }
        }
    }

    /// Requests more from the shared allowances, when it is time.
    pub(super) async fn refill(&mut self) {
        let requests = self.rate_limiter.refill_requests();
        if requests.is_empty() {
            return;
        }
        let now = Clock::machine();
        let (store, channel) = (&self.lane.store, self.lane.channel.id.as_str());
        match store.allowance_take(channel, &requests, now, self.day(now).number).await {
            Ok(grants) => self.rate_limiter.apply_grants(&grants),
            Err(error) => tracing::warn!(%error, "cannot ask how fast to send; trying again"),
        }
    }

    /// Returns the time until a waiting delivery may begin.
    pub(super) fn wait(&self) -> Duration {
        span(Clock::machine(), self.rate_limiter.next_wake())
    }

    /// Feeds a result back to the rate limiter.
    pub(super) fn apply_outcome(&mut self, done: &mut JobResult) {
        let now = Clock::machine();
        match &done.result {
            Ok(SendOutcome::Withheld | SendOutcome::Down { .. }) | Err(_) => {
                self.rate_limiter.release(done.ticket);
            }
            Ok(outcome) => self.rate_limiter.on_outcome(done.ticket, outcome, done.took, now),
        }
        if let Ok(SendOutcome::Deferred { scope: DeferralScope::Receiver, .. }) = &done.result {
            let retry_after = self.rate_limiter.retry_after(done.ticket, now);
            done.put_off = retry_after.map(|(until, why)| (span(now, until), why));
        }
    }

    /// Takes back the jobs for receivers that stopped answering, where others want to send.
    pub(super) fn take_back_stalled(&mut self) {
        if self.periodic.stalled_at.is_some_and(|checked| checked.elapsed() < STALL_CHECK_INTERVAL) {
            return;
        }
        self.periodic.stalled_at = Some(Instant::now());
        let now = Clock::machine();
        if self.rate_limiter.any_stalled(now) {
            self.take_back(|job, rate_limiter| !rate_limiter.is_stalled(job.ticket, now));
        }
    }

    /// Restores the holds of receivers that were stored before a restart, or by another worker.
    pub(super) async fn restore(&mut self) {
        let lane = &self.lane;
        match lane.store.allowance_held(lane.channel.id.as_str(), lane.clock.millis()).await {
            Ok(held) => {
                for held in held.iter().filter(|held| !held.receiver.is_empty()) {
                    let until = Clock::machine().saturating_add(micros(lane.clock.real_until(held.until)));
                    self.rate_limiter.restore(held, until);
                }
            }
            Err(error) => tracing::warn!(%error, "cannot see which receivers wait"),
        }
    }

    /// Stores the receivers that are held, for pages and for other workers.
    pub(super) async fn report_receivers(&mut self) {
        let now = Clock::machine();
        for (receiver, held) in self.rate_limiter.take_changes() {
            let channel = &self.lane.channel.id;
            match &held {
                Some((until, _)) => {
                    let hold_s = span(now, *until).as_secs();
                    tracing::warn!(%channel, receiver, hold_s, "a receiver put us off; nothing is sent to it");
                }
                None => tracing::info!(%channel, receiver, "a receiver takes messages again"),
            }
            self.store_receiver_hold(receiver, held, now).await;
        }
        let spent = self.rate_limiter.spent_until();
        if spent.is_some() != self.periodic.spent_reported {
            self.periodic.spent_reported = spent.is_some();
            self.store_receiver_hold(String::new(), spent, now).await;
        }
        self.sweep(now).await;
    }

    /// Stores the hold of a receiver with its reason, or removes it where `held` is `None`.
    async fn store_receiver_hold(
        &self,
        receiver: String,
        held: Option<(MachineTime, String)>,
        now: MachineTime,
    ) {
        let (store, channel) = (&self.lane.store, self.lane.channel.id.as_str());
        let stored = match held {
            Some((until, why)) => {
                let until = self.lane.clock.millis_after(span(now, until));
                store.allowance_hold(channel, &ReceiverHold { receiver, until, why }).await
            }
            None => store.allowance_release(channel, &receiver).await,
        };
        if let Err(error) = stored {
            tracing::warn!(%error, "cannot note which receivers wait");
        }
    }

    /// Removes allowances that were not used for days.
    async fn sweep(&mut self, now: MachineTime) {
        if self.periodic.swept_at.is_some_and(|swept| swept.elapsed() < SWEEP_INTERVAL) {
            return;
        }
        self.periodic.swept_at = Some(Instant::now());
        let (clock, day) = (&self.lane.clock, self.day(now).number);
        if let Err(error) = self.lane.store.allowance_sweep(clock.millis(), now, day).await {
            tracing::warn!(%error, "cannot remove old allowances");
        }
    }

    /// Gives the unused part of today's grants back to the shared allowances.
    pub(super) async fn give_back(&mut self) {
        let (unused, day) = self.rate_limiter.take_unused();
        let channel = self.lane.channel.id.as_str();
        if let Err(error) = self.lane.store.allowance_refund(channel, &unused, day).await {
            tracing::warn!(%error, "cannot give back the unused part of today's allowance");
        }
    }

    /// Returns the current day in the brand's time zone.
    fn day(&self, now: MachineTime) -> Day {
        let clock = &self.lane.clock;
        Day::at(clock.now(), &self.lane.zone, |at| now.saturating_add(micros(clock.real_until(at))))
    }
}

/// Returns the time from `now` to `until`; zero where that has passed.
fn span(now: MachineTime, until: MachineTime) -> Duration {
    Duration::from_micros(u64::try_from(until.since(now)).unwrap_or(0))
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
