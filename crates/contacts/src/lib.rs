//! Contacts, suppressed addresses, and audiences as SQL.
//!
//! [`Contacts`] adds their statements to a [`Database`]; the crate `store` adds all others.
//!
//! Invariant: an audience becomes one expression of fixed fragments and placeholders. It never
//! contains text of a file or of a contact.

mod audience;
mod contact;
mod suppression;

use std::ops::Deref;

use database::Database;

pub use audience::{ContactRange, EngagementKind, Expression, is_json_label};
pub use contact::{AddressKind, Consent, Contact, NewContact, UpsertCounts, unpack_contacts};
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
}

impl Deref for Contacts {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.0
    }
}
