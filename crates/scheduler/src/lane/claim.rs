//! Claiming: what is due, each run in its turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::Run;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{LOOK, Waiting, Working};
use crate::renderers::LoadError;

/// The most that is claimed at once.
const MOST: usize = 1_000;

impl Working {
    /// Claims what is due until a window's worth is ready, each run in its turn. No run gets more in a turn than
    /// soon goes out, so that a slow channel serves all of them. What waits for its receiver does not count.
    pub(super) async fn claim(&mut self) {
        let share = self.window.clamp(1, MOST).min(self.groups.share());
        let enough = share.min(self.window) + self.groups.aside();
        let rests = self.rest.holds() || self.groups.rest().is_some();
        if self.ready.len() >= enough || rests || Instant::now() < self.next_look {
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
            let run = runs[(self.turn + offset) % runs.len()];
            let span = tracing::debug_span!("run", run = run.id.0);
            found |= self.claim_from(run, share).instrument(span).await;
            if self.ready.len() >= enough.max(self.window) {
                self.turn = self.turn.wrapping_add(offset + 1);
                break;
            }
        }
        if !found {
            self.next_look = Instant::now() + LOOK;
        }
    }

    async fn claim_from(&mut self, run: &Run, limit: usize) -> bool {
        let Some(revision) = run.revision_id else { return false };
        let renderer = match self.lane.renderers.get(revision).await {
            Ok(renderer) => renderer,
            Err(LoadError::Store(error)) => {
                tracing::warn!(run = run.id.0, %error, "cannot read what a run says; trying again");
                return false;
            }
            Err(error) => {
                tracing::error!(run = run.id.0, %error, "cannot read what a run says; it is paused");
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
                let waiting = |claimed| Waiting { claimed, renderer: Arc::clone(&renderer) };
                self.ready.extend(claimed.into_iter().map(waiting));
                found
            }
            Err(error) => {
                tracing::warn!(run = run.id.0, %error, "cannot claim deliveries; trying again");
                self.lane.signals.unclear.store(true, Ordering::Relaxed);
                false
            }
        }
    }
}
