//! The times of the lane's periodic work, and what it last reported.

use tokio::time::Instant;

/// The times of periodic work, and what was last reported.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// True where it was reported that nothing is left of the channel's daily allowance.
    pub(super) spent_reported: bool,
    /// The last look for receivers that stopped answering.
    pub(super) stalled_at: Option<Instant>,
    /// The last removal of unused accounts.
    pub(super) swept_at: Option<Instant>,
}
