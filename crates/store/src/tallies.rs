//! Names among the tallies of runs that are no states of deliveries.

/// The reason of what was sent because a person said so.
pub(crate) const SETTLED: &str = "settled";

/// What was sent and came back, and what was called spam.
pub(crate) const BOUNCED: &str = "bounced";
pub(crate) const COMPLAINED: &str = "complained";
