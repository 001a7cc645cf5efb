//! The goals of campaigns by the names of events.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use store::Goal;

/// Which campaigns count which event as their goal: event name to goals. Swapped whole when files change.
pub type Goals = Arc<RwLock<BTreeMap<String, Vec<Goal>>>>;

/// The goals that an event of this name counts for.
pub(crate) fn goals(goals: &Goals, name: &str) -> Vec<Goal> {
    goals.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
}
