//! Compiled steps and their links.

use crate::{LinkId, Millis, RevisionId, Store, StoreError};

/// A compiled step as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The row.
    pub id: RevisionId,
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// What `channel` compiled, as JSON.
    pub compiled: String,
    /// The links in it, by position.
    pub links: Vec<LinkId>,
}

/// A registered destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The row.
    pub id: LinkId,
    /// Where it goes.
    pub url: String,
}

impl Store {
    /// Stores a compiled step with its destinations, or finds the same one again by its hash.
    pub async fn revision_put(
        &self,
        _hash: &str,
        _campaign: &str,
        _step: &str,
        _compiled: &str,
        _links: &[String],
        _now: Millis,
    ) -> Result<Revision, StoreError> {
        todo!()
    }

    /// The revision of this row.
    pub async fn revision_get(&self, _id: RevisionId) -> Result<Option<Revision>, StoreError> {
        todo!()
    }

    /// Every link with an id above `after`, by id.
    pub async fn link_after(&self, _after: LinkId) -> Result<Vec<LinkRow>, StoreError> {
        todo!()
    }
}
