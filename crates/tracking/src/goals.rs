//! The goals of campaigns, by event name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use store::AttributionGoal;

/// The goals of all campaigns by event name. Replaced as a whole when campaign files change.
pub type Goals = Arc<RwLock<BTreeMap<String, Vec<AttributionGoal>>>>;

/// Returns the goals that an event of this name counts for.
pub(crate) fn goals(goals: &Goals, name: &str) -> Vec<AttributionGoal> {
    goals.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
}
