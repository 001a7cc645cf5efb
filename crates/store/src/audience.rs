//! Segments as one parameterised set expression: no SQL and no text of a file or contact in SQL, ever.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};

use crate::{Contact, ContactId, Millis, Store, StoreError};

impl Store {
    /// How many contacts belong to `audience`.
    pub async fn audience_count(
        &self,
        _audiences: &BTreeMap<AudienceId, Audience>,
        _audience: &AudienceId,
        _now: Millis,
    ) -> Result<i64, StoreError> {
        todo!()
    }

    /// Whether `contact` belongs to `audience`.
    pub async fn audience_contains(
        &self,
        _audiences: &BTreeMap<AudienceId, Audience>,
        _audience: &AudienceId,
        _contact: ContactId,
        _now: Millis,
    ) -> Result<bool, StoreError> {
        todo!()
    }

    /// Up to `limit` members, by id.
    pub async fn audience_sample(
        &self,
        _audiences: &BTreeMap<AudienceId, Audience>,
        _audience: &AudienceId,
        _now: Millis,
        _limit: i64,
    ) -> Result<Vec<Contact>, StoreError> {
        todo!()
    }
}
