//! Addresses nobody may write to again.

use crate::{AddressKind, Millis, Store, StoreError};

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// They asked.
    Unsubscribed,
    /// The address does not exist.
    Bounced,
    /// They called it spam.
    Complained,
    /// Somebody here decided it.
    Manual,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Suppression {
    /// What kind of address.
    pub kind: AddressKind,
    /// In normal form.
    pub address: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Where it came from: `one-click`, `unsubscribe-page`, `smtp 550 5.1.1`, `import`.
    pub source: String,
    /// Since when.
    pub created_at: Millis,
}

impl Store {
    /// Adds addresses; those already there stay as they are.
    pub async fn suppression_add(&self, _rows: &[Suppression]) -> Result<u64, StoreError> {
        todo!()
    }

    /// Takes one away. Says whether it was there.
    pub async fn suppression_remove(&self, _kind: AddressKind, _address: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// The row of one address.
    pub async fn suppression_get(
        &self,
        _kind: AddressKind,
        _address: &str,
    ) -> Result<Option<Suppression>, StoreError> {
        todo!()
    }
}
