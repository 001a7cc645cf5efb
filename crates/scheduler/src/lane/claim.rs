//! Claiming of due deliveries, from each run in turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::Run;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{IDLE_POLL_INTERVAL, ReadyDelivery, RunningLane};
use crate::renderers::LoadError;

/// The largest number of deliveries that are claimed at once.
const MAX_CLAIM: usize = 1_000;

impl RunningLane {
    /// Claims due deliveries, from each run in turn, until a window is filled. No run gets more in
    /// one turn than can be sent soon, so that a slow channel serves all runs. Deliveries that wait
    /// for their receiver do not count.
    pub(super) async fn claim(&mut self) {
        let limit = self.window.clamp(1, MAX_CLAIM).min(self.rate_limiter.claim_size());
        let enough = limit.min(self.window) + self.rate_limiter.waiting_for_receivers();
        let is_blocked = self.backoff.is_active() || self.rate_limiter.spent_until().is_some();
        if self.ready.len() >= enough || is_blocked || Instant::now() < self.next_claim {
            return;
        }
        let runs: Vec<_> = self.runs.iter().map(|run| run.id).collect();
        let claimable = self.lane.store.delivery_claimable(&runs, self.lane.clock.millis()).await;
        let claimable = claimable.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for what is due; trying again");
            Vec::new()
        });
        let runs = Arc::clone(&self.runs);
        let runs: Vec<&Run> = runs.iter().filter(|run| claimable.contains(&run.id)).collect();
        let mut found = false;
        for offset in 0..runs.len() {
            let run = runs[(self.next_run + offset) % runs.len()];
            let span = tracing::debug_span!("run", run = run.id.0);
            found |= self.claim_from(run, limit).instrument(span).await;
            if self.ready.len() >= enough.max(self.window) {
                self.next_run = self.next_run.wrapping_add(offset + 1);
                break;
            }
        }
        if !found {
            self.next_claim = Instant::now() + IDLE_POLL_INTERVAL;
        }
    }

    /// Claims at most `limit` due deliveries of a run. Returns true if there were any.
    async fn claim_from(&mut self, run: &Run, limit: usize) -> bool {
        let Some(revision) = run.revision_id else { return false };
        let renderer = match self.lane.renderers.get(revision).await {
            Ok(renderer) => renderer,
            Err(LoadError::Store(error)) => {
                tracing::warn!(run = run.id.0, %error, "cannot read the compiled step of a run; trying again");
                return false;
            }
            Err(error) => {
                tracing::error!(run = run.id.0, %error, "cannot read the compiled step of a run; it is paused");
                let _ = self.lane.store.run_pause(run.id, &format!("failed to {error}")).await;
                return false;
            }
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let lane = &self.lane;
        let now = lane.clock.millis();
        match lane.store.delivery_claim(lane.lease, run.id, now, limit).await {
            Ok(claimed) => {
                let found = !claimed.is_empty();
                let waiting = |claimed| ReadyDelivery { claimed, renderer: Arc::clone(&renderer) };
                self.ready.extend(claimed.into_iter().map(waiting));
                found
            }
            Err(error) => {
                tracing::warn!(run = run.id.0, %error, "cannot claim deliveries; trying again");
                self.lane.signals.in_doubt.store(true, Ordering::Relaxed);
                false
            }
        }
    }
}
