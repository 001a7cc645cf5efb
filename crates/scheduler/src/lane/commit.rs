//! The group commit, and the end of a lane.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use channel::SendOutcome;
use store::{DeliveryId, Record};

use super::{DRAIN, LOOK, Waiting, Working};
use crate::outcome::{counted, outcome};
use crate::session::{Done, Job};

/// So many refusals are worth a look: as many as [`crate::watch`] asks for.
const BURST: usize = 20;

impl Working {
    /// One group commit, then the granted ones go to the sessions. When the database does not take it, the
    /// outcomes are kept and the intents are not begun.
    pub(super) async fn commit(&mut self, intents: Vec<Job>) {
        let record = Record {
            outcomes: self.outcomes.iter().map(|done| (done.id, outcome(done, &self.lane.clock))).collect(),
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
                self.let_the_brake_look().await;
                self.outcomes.clear();
                if recorded.held {
                    self.put_off.clear();
                    self.begin(intents, &recorded.granted).await;
                } else {
                    // The lease ran out and may yet be renewed: what was claimed under it is kept.
                    self.keep(intents).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot record deliveries; nothing is sent until it is possible again");
                self.lane.signals.unclear.store(true, Ordering::Relaxed);
                self.keep(intents).await;
            }
        }
    }

    /// Counts what was recorded.
    fn count(&self, record: &Record) {
        record.outcomes.iter().for_each(|(_, outcome)| self.metrics.counted(counted(outcome)));
        let sent = |done: &&Done| done.took > Duration::ZERO;
        self.outcomes.iter().filter(sent).for_each(|done| self.metrics.took(done.took));
    }

    /// Where one answer in twenty is a refusal the run may have to stop itself. At full speed thousands more would
    /// go out before the worker looks by itself: so it is woken, and waited for.
    async fn let_the_brake_look(&mut self) {
        let is_refusal = |done: &&Done| matches!(done.result, Ok(SendOutcome::Rejected { .. }));
        self.answers += self.outcomes.len();
        self.refusals += self.outcomes.iter().filter(is_refusal).count();
        if self.refusals >= BURST && self.refusals * 20 >= self.answers {
            self.lane.looked.mark_unchanged();
            self.lane.signals.idle.notify_one();
            let _ = tokio::time::timeout(LOOK, self.lane.looked.changed()).await;
            (self.answers, self.refusals) = (0, 0);
        } else if self.answers >= 20 * BURST {
            (self.answers, self.refusals) = (0, 0);
        }
    }

    /// Puts intents back, and what was to be put off, and waits a moment.
    async fn keep(&mut self, intents: Vec<Job>) {
        self.ready.extend(self.put_off.drain(..).map(|later| later.waiting));
        for job in intents.into_iter().rev() {
            self.groups.returned(job.ticket);
            self.ready.push_front(Waiting { claimed: job.claimed, renderer: job.renderer });
        }
        let lost = self.lane.signals.lost.clone();
        let _ = tokio::time::timeout(LOOK, lost.cancelled()).await;
    }

    async fn begin(&mut self, intents: Vec<Job>, granted: &[DeliveryId]) {
        let granted: HashSet<_> = granted.iter().copied().collect();
        for job in intents {
            if granted.contains(&job.claimed.id) {
                self.in_flight += 1;
                self.was_busy = true;
                // The queue is as long as the window, so that this never waits.
                let _ = self.jobs.send(job).await;
            } else {
                self.groups.returned(job.ticket);
            }
        }
    }

    /// Begins nothing more, waits for answers as long as allowed, records them as they come, and gives the rest
    /// back. With the lease lost there is nothing left to do but to stop.
    pub(super) async fn drain(mut self) -> bool {
        let signals = self.lane.signals.clone();
        self.take_back(|_, _| false);
        self.jobs.close();
        self.ready.extend(self.put_off.drain(..).map(|later| later.waiting));
        let deadline = async {
            signals.hurry.cancelled().await;
            tokio::time::sleep(DRAIN).await;
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

    /// Waits for what is under way and records it, whatever the database does meanwhile.
    async fn finish(&mut self) -> bool {
        loop {
            self.collect();
            if !self.outcomes.is_empty() {
                self.commit(Vec::new()).await;
            } else if self.in_flight == 0 {
                break;
            } else if let Some(done) = self.results.recv().await {
                self.took(done);
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
