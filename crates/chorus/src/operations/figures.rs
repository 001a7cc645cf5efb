//! What the database tells of the work that is left, for metrics and readiness.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scheduler::Loaded;
use store::{Clock, Millis, Stopped, Store, StoreError};

use super::answer::{ANSWER_LIMIT, NoAnswer};

/// The work that is left, by channel. Channels of `chorus.toml` are there, too, when they have none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Figures {
    /// Deliveries of running runs that are not sent.
    pub(super) queued: BTreeMap<String, u64>,
    /// The time by which the oldest due and unsent delivery or occurrence lies behind, in the machine's time.
    pub(super) lag: BTreeMap<String, Duration>,
    /// Channels that have used up their day's cap.
    pub(super) spent: BTreeSet<String>,
    /// The worker whose files are in force, where they are others than these.
    pub(super) other_files: Option<String>,
    /// That everything is stopped, and why.
    pub(super) stopped: Option<Stopped>,
}

impl Figures {
    /// Reads them; the error says why the database does not tell.
    pub(super) async fn read(store: &Store, loaded: &Loaded, clock: &Clock) -> Result<Self, NoAnswer> {
        let reading = tokio::time::timeout(ANSWER_LIMIT, Self::ask(store, loaded, clock));
        match reading.await {
            Ok(read) => Ok(read?),
            Err(_late) => Err(NoAnswer::Late),
        }
    }

    async fn ask(store: &Store, loaded: &Loaded, clock: &Clock) -> Result<Self, StoreError> {
        let now = clock.millis();
        let other_files = store.files_of_others(&loaded.0.hash, now).await?;
        let mut figures = Self { other_files, ..Self::default() };
        for channel in loaded.0.channels.keys() {
            figures.queued.insert(channel.to_string(), 0);
            figures.lag.insert(channel.to_string(), Duration::ZERO);
        }
        for backlog in store.backlog().await? {
            *figures.queued.entry(backlog.channel.clone()).or_default() += backlog.queued;
            figures.is_behind(backlog.channel, backlog.oldest_due.unwrap_or(now), clock);
        }
        // While everything is stopped, what falls due is held: nothing is late.
        figures.stopped = store.stopped().await?;
        if figures.stopped.is_none() {
            for (channel, due) in scheduler::overdue(store, loaded, clock.now()).await? {
                figures.is_behind(channel, due, clock);
            }
        }
        for channel in figures.lag.keys() {
            if store.allowance_held(channel, now).await?.iter().any(|held| held.receiver.is_empty()) {
                figures.spent.insert(channel.clone());
            }
        }
        Ok(figures)
    }

    fn is_behind(&mut self, channel: String, due: Millis, clock: &Clock) {
        let lag = self.lag.entry(channel).or_default();
        *lag = clock.real_since(due).max(*lag);
    }
}
