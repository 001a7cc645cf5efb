//! The group commit of a lane, and its drain at the end.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use channel::SendOutcome;
use store::{DeliveryId, GroupCommit};

use super::{DRAIN_TIMEOUT, IDLE_POLL_INTERVAL, ReadyDelivery, RunningLane};
use crate::outcome::{metric_of, to_outcome};
use crate::session::{Job, JobResult};

/// The number of refusals after which the stop rules are checked: as many as [`crate::stop_rules`]
/// needs.
const REFUSAL_BURST: usize = 20;

impl RunningLane {
    /// Commits outcomes and intents in one transaction, and hands the granted intents to the
    /// sessions. When the commit fails, the outcomes are kept and the intents are not begun.
    pub(super) async fn commit(&mut self, intents: Vec<Job>) {
        let record = GroupCommit {
            outcomes: self
                .outcomes
                .iter()
                .map(|done| (done.id, to_outcome(done, &self.lane.clock)))
                .collect(),
            outbox: self.outcomes.iter().filter_map(|done| done.kept.as_deref().cloned()).collect(),
            intents: intents.iter().map(|job| job.claimed.id).collect(),
            put_off: self
                .put_off
                .iter()
                .map(|later| (later.waiting.claimed.id, later.until, later.why.clone()))
                .collect(),
        };
        let now = self.lane.clock.millis();
        match self.lane.store.delivery_record(self.lane.lease, &record, now).await {
            Ok(recorded) => {
                self.count(&record);
                self.check_stop_rules().await;
                self.outcomes.clear();
                if recorded.lease_is_valid {
                    self.put_off.clear();
                    self.begin(intents, &recorded.granted).await;
                } else {
                    // The lease expired and may yet be renewed: what was claimed under it is kept.
                    self.put_back(intents).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot record deliveries; nothing is sent until it is possible again");
                self.lane.signals.in_doubt.store(true, Ordering::Relaxed);
                self.put_back(intents).await;
            }
        }
    }

    /// Counts the recorded outcomes in the metrics.
    fn count(&self, record: &GroupCommit) {
        record.outcomes.iter().for_each(|(_, outcome)| self.metrics.record_outcome(metric_of(outcome)));
        let sent = |done: &&JobResult| done.took > Duration::ZERO;
        self.outcomes.iter().filter(sent).for_each(|done| self.metrics.record_duration(done.took));
    }

    /// Makes the worker check the stop rules, and waits for it, where one answer in twenty is a
    /// refusal. At full speed thousands more would be sent before its next regular check.
    async fn check_stop_rules(&mut self) {
        let is_refusal = |done: &&JobResult| matches!(done.result, Ok(SendOutcome::Rejected { .. }));
        self.answers += self.outcomes.len();
        self.refusals += self.outcomes.iter().filter(is_refusal).count();
        if self.refusals >= REFUSAL_BURST && self.refusals * 20 >= self.answers {
            self.lane.runs_checked.mark_unchanged();
            self.lane.signals.idle.notify_one();
            let _ = tokio::time::timeout(IDLE_POLL_INTERVAL, self.lane.runs_checked.changed()).await;
            (self.answers, self.refusals) = (0, 0);
        } else if self.answers >= 20 * REFUSAL_BURST {
            (self.answers, self.refusals) = (0, 0);
        }
    }

    /// Puts intents and postponed deliveries back among the ready ones, and waits a moment.
    async fn put_back(&mut self, intents: Vec<Job>) {
        self.ready.extend(self.put_off.drain(..).map(|later| later.waiting));
        for job in intents.into_iter().rev() {
            self.rate_limiter.release(job.ticket);
            self.ready.push_front(ReadyDelivery { claimed: job.claimed, renderer: job.renderer });
        }
        let lost = self.lane.signals.lost.clone();
        let _ = tokio::time::timeout(IDLE_POLL_INTERVAL, lost.cancelled()).await;
    }

    /// Hands the granted intents to the sessions.
    async fn begin(&mut self, intents: Vec<Job>, granted: &[DeliveryId]) {
        let granted: HashSet<_> = granted.iter().copied().collect();
        for job in intents {
            if granted.contains(&job.claimed.id) {
                self.in_flight += 1;
                self.was_busy = true;
                // The queue is as long as the window, so that this never waits.
                let _ = self.jobs.send(job).await;
            } else {
                self.rate_limiter.release(job.ticket);
            }
        }
    }

    /// Begins nothing more, waits for answers as long as allowed, records them as they come, and
    /// releases the deliveries that were not begun. Stops at once when the lease is lost. Returns
    /// true if everything was recorded and released.
    pub(super) async fn drain(mut self) -> bool {
        let signals = self.lane.signals.clone();
        self.take_back(|_, _| false);
        self.jobs.close();
        self.ready.extend(self.put_off.drain(..).map(|later| later.waiting));
        let deadline = async {
            signals.shutdown.cancelled().await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        let all = tokio::select! {
            all = self.finish() => all,
            () = deadline => {
                tracing::warn!("stopped before every answer came; the next worker takes over");
                false
            }
            () = signals.lost.cancelled() => false,
        };
        self.sessions.shutdown().await;
        all
    }

    /// Waits for all answers and records them, also where the database fails meanwhile. Then
    /// releases what was not begun, and returns true if the database confirmed it.
    async fn finish(&mut self) -> bool {
        loop {
            self.collect();
            if !self.outcomes.is_empty() {
                self.commit(Vec::new()).await;
            } else if self.in_flight == 0 {
                break;
            } else if let Some(done) = self.results.recv().await {
                self.on_result(done);
            } else {
                return false;
            }
        }
        self.give_back().await;
        let ready = self.ready.iter().map(|waiting| waiting.claimed.id);
        let ids: Vec<_> = ready.chain(self.stale.iter().copied()).collect();
        let released = self.lane.store.delivery_release(self.lane.lease, &ids).await;
        released
            .inspect_err(|error| tracing::warn!(%error, "cannot give deliveries back; the next worker does"))
            .is_ok()
    }
}
