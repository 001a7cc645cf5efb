//! Deliveries and events of one person, merged by time.

use std::collections::HashMap;

use store::{DeliveryRow, EventRow, Millis, Run, RunId};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// When; `None` when nobody knows any more.
    pub(crate) at: Option<Millis>,
    /// What.
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Something was sent, or not.
    Delivery(DeliveryRow),
    /// Something came back.
    Event(EventRow),
}

/// When a delivery was sent, or is due.
pub(crate) fn own_time(delivery: &DeliveryRow) -> Option<Millis> {
    delivery.sent_at.or(delivery.due_at)
}

/// Everything, newest first; what has no time comes last. A delivery that never had a time takes its run's.
pub(crate) fn merge(deliveries: Vec<DeliveryRow>, events: Vec<EventRow>, runs: &[Run]) -> Vec<Entry> {
    let of_run = |run: &Run| (run.id, run.planned_at.unwrap_or(run.instant));
    let times: HashMap<RunId, Millis> = runs.iter().map(of_run).collect();
    let deliveries = deliveries.into_iter().map(|delivery| Entry {
        at: own_time(&delivery).or_else(|| times.get(&delivery.run_id).copied()),
        what: What::Delivery(delivery),
    });
    let events =
        events.into_iter().map(|event| Entry { at: Some(event.occurred_at), what: What::Event(event) });
    let mut all: Vec<Entry> = events.chain(deliveries).collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    all
}
