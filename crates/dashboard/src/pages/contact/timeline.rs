//! The timeline of a contact: deliveries and events, merged by time.

use std::collections::HashMap;

use store::{DeliveryRow, EventRow, Millis, Run, RunId};

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The time of the entry; `None` if it is unknown.
    pub(crate) at: Option<Millis>,
    /// The delivery or the event.
    pub(crate) kind: EntryKind,
}

/// The kinds of entries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EntryKind {
    /// A delivery, sent or not.
    Delivery(DeliveryRow),
    /// An event, such as an open or a bounce.
    Event(EventRow),
}

/// Returns the time at which a delivery was sent, or is due.
pub(crate) fn own_time(delivery: &DeliveryRow) -> Option<Millis> {
    delivery.sent_at.or(delivery.due_at)
}

/// Merges deliveries and events, newest first; entries without a time come last. A delivery without
/// a time takes that of its run.
pub(crate) fn merge(deliveries: Vec<DeliveryRow>, events: Vec<EventRow>, runs: &[Run]) -> Vec<Entry> {
    let of_run = |run: &Run| (run.id, run.planned_at.unwrap_or(run.instant));
    let times: HashMap<RunId, Millis> = runs.iter().map(of_run).collect();
    let deliveries = deliveries.into_iter().map(|delivery| Entry {
        at: own_time(&delivery).or_else(|| times.get(&delivery.run_id).copied()),
        kind: EntryKind::Delivery(delivery),
    });
    let events =
        events.into_iter().map(|event| Entry { at: Some(event.occurred_at), kind: EntryKind::Event(event) });
    let mut all: Vec<Entry> = events.chain(deliveries).collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    all
}
