//! Overdue occurrences: due and not decided yet, as a measure of the planner's lag.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use store::{Millis, ScheduleRow, StepKey, Store, StoreError};

use super::decision::decide;
use super::{key, steps};
use crate::Loaded;

/// Returns the oldest occurrence of each channel that is due at `now` and has no run yet, by the
/// channel's id, in UTC milliseconds. Channels that are up to date are left out, and so are steps
/// that follow others. The calendars are computed off the reactor.
///
/// # Errors
/// The database refuses the statement, or the connection is lost.
pub async fn overdue(
    store: &Store,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<BTreeMap<String, Millis>, StoreError> {
    let rows = store.schedule_all().await?;
    let loaded = Arc::clone(loaded);
    match tokio::task::spawn_blocking(move || oldest(&loaded, &rows, now)).await {
        Ok(oldest) => Ok(oldest),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_cancelled) => Ok(BTreeMap::new()),
        },
    }
}

fn oldest(
    loaded: &Loaded,
    rows: &BTreeMap<StepKey, ScheduleRow>,
    now: Timestamp,
) -> BTreeMap<String, Millis> {
    let mut oldest: BTreeMap<String, Millis> = BTreeMap::new();
    for (campaign, step) in steps(loaded, false) {
        let Some(row) = rows.get(&key(campaign, step)) else { continue };
        let due = decide(campaign, step, Some(row), now, false).fire;
        let first = due.iter().map(|due| Millis::from(due.occurrence.instant)).min();
        if let Some(first) = first {
            let known = oldest.entry(step.channel.to_string()).or_insert(first);
            *known = first.min(*known);
        }
    }
    oldest
}
