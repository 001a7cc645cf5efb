//! The state of the lane's periodic work.

use tokio::time::Instant;

/// The times at which periodic work was last done, and the state that was last reported.
#[derive(Debug, Default)]
pub(super) struct PeriodicWork {
    /// True if it was reported that nothing is left of the channel's daily allowance.
    pub(super) spent_reported: bool,
    /// The time of the last check for receivers that stopped answering.
    pub(super) stalled_at: Option<Instant>,
    /// The time of the last removal of unused allowances.
    pub(super) swept_at: Option<Instant>,
}
