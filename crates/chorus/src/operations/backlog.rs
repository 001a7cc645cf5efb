//! The unfinished work of each channel as the database shows it, for metrics and readiness.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scheduler::Loaded;
use store::{Clock, Millis, Stopped, Store, StoreError};

use super::query_failure::{QUERY_TIMEOUT, QueryFailure};

/// The unfinished work by channel. Channels of `chorus.toml` without work are included.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct BacklogStatus {
    /// Number of unsent deliveries of running runs.
    pub(super) queued: BTreeMap<String, u64>,
    /// Real time since the oldest unsent delivery or occurrence became due.
    pub(super) lag: BTreeMap<String, Duration>,
    /// Channels that have used up their daily cap.
    pub(super) capped: BTreeSet<String>,
    /// The worker whose files are in force, if they differ from those of this process.
    pub(super) other_files: Option<String>,
    /// The stop in force and its reason; `None` if nothing is stopped.
    pub(super) stopped: Option<Stopped>,
}

impl BacklogStatus {
    /// Reads the status from the database.
    pub(super) async fn read(store: &Store, loaded: &Loaded, clock: &Clock) -> Result<Self, QueryFailure> {
        let query = tokio::time::timeout(QUERY_TIMEOUT, Self::query(store, loaded, clock));
        match query.await {
            Ok(read) => Ok(read?),
            Err(_elapsed) => Err(QueryFailure::ReadTimeout),
        }
    }

    async fn query(store: &Store, loaded: &Loaded, clock: &Clock) -> Result<Self, StoreError> {
        let now = clock.millis();
        let other_files = store.files_other_planner(&loaded.0.hash, now).await?;
        let mut status = Self { other_files, ..Self::default() };
        for channel in loaded.0.channels.keys() {
            status.queued.insert(channel.to_string(), 0);
            status.lag.insert(channel.to_string(), Duration::ZERO);
        }
        for backlog in store.backlog().await? {
            *status.queued.entry(backlog.channel.clone()).or_default() += backlog.queued;
            status.add_lag(backlog.channel, backlog.oldest_due.unwrap_or(now), clock);
        }
        // While everything is stopped, due work is held and not late.
        status.stopped = store.stopped().await?;
        if status.stopped.is_none() {
            for (channel, due) in scheduler::overdue(store, loaded, clock.now()).await? {
                status.add_lag(channel, due, clock);
            }
        }
        for channel in status.lag.keys() {
            if store.allowance_held(channel, now).await?.iter().any(|held| held.receiver.is_empty()) {
                status.capped.insert(channel.clone());
            }
        }
        Ok(status)
    }

    fn add_lag(&mut self, channel: String, due: Millis, clock: &Clock) {
        let lag = self.lag.entry(channel).or_default();
        *lag = clock.real_since(due).max(*lag);
    }
}
