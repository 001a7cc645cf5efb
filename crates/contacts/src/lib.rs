//! Contacts, suppressed addresses, and audiences as SQL.
//!
//! [`Contacts`] adds their statements to a [`Database`]; the crate `store` adds all others.
//!
//! Invariants:
//! - An audience becomes one expression of fixed fragments and placeholders. It never contains text
//!   of a file or of a contact.
//! - No two contacts share an external id or an e-mail address. A phone number may be shared.
//! - [`Contacts::contact_upsert`] writes all of its contacts or none.
//! - A contact's consents are what the entries of the ledger come to. Only an entry changes them,
//!   in the same transaction, and no import enters a grant over another entry.
//! - An address that is suppressed keeps its first reason until the suppression is removed.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), database::StoreError> {
//! use contacts::{AddressKind, Contacts, Suppression, SuppressionReason};
//! use database::{Database, Millis};
//!
//! let database = Database::open("sqlite::memory:", |_wait| ()).await?;
//! let contacts = Contacts::new(database);
//! contacts.migrate().await?;
//! let unsubscribed = Suppression {
//!     kind: AddressKind::Email,
//!     address: "ada@example.com".to_owned(),
//!     reason: SuppressionReason::Unsubscribed,
//!     source: "one-click".to_owned(),
//!     created_at: Millis::EPOCH,
//! };
//! let bounced = Suppression { reason: SuppressionReason::Bounced, ..unsubscribed.clone() };
//! assert_eq!(contacts.suppression_add(&[unsubscribed.clone()]).await?, 1);
//! assert_eq!(contacts.suppression_add(&[bounced]).await?, 0);
//! let stored = contacts.suppression_get(AddressKind::Email, "ada@example.com").await?;
//! assert_eq!(stored, Some(unsubscribed));
//! # Ok(())
//! # }
//! ```

mod audience;
mod chance;
mod consent;
mod contact;
mod erasure;
mod suppression;

use std::ops::Deref;

use database::{Clock, Database, StoreError};

pub use audience::{ContactRange, EngagementKind, Expression, is_json_label};
pub use consent::{
    Basis, ConsentChange, ConsentEntry, ConsentKind, ConsentState, Consents, DEFAULT_PURPOSE, EntryKind,
    Evidence, LedgerReport, change_in,
};
pub use contact::{
    AddressKind, Consent, Contact, ImportedBatch, NewContact, RowEffect, UpsertCounts, unpack_contacts,
};
pub use erasure::{ErasedAddress, remember_erased};
pub use suppression::{Suppression, SuppressionReason};

/// Access to the contacts, suppressions and audiences of a database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Contacts(Database);

impl Contacts {
    /// Creates access to the contacts of `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Runs the migrations that the database has not had, enters the consents of an earlier version
    /// into the ledger, and returns the number of migrations.
    ///
    /// # Errors
    /// The database had a migration that this version does not know or has in another form, or it
    /// refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        let migrated = self.0.migrate().await?;
        self.consent_take_over(Clock::System.millis()).await?;
        Ok(migrated)
    }
}

impl Deref for Contacts {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.0
    }
}
