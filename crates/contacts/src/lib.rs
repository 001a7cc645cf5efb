//! People: contacts, addresses that nobody may write to, and audiences as SQL.
//!
//! [`Contacts`] adds their statements to a [`Database`]; `store` adds everything else.
//!
//! Invariant: an audience becomes one expression of fixed fragments and placeholders. No text of a file or of a contact
//! stands in it.

mod audience;
mod contact;
mod suppression;

use std::ops::Deref;

use database::Database;

pub use audience::{ContactRange, Engaged, Expression, is_plain};
pub use contact::{AddressKind, Consent, Contact, NewContact, Upserted, unpacked};
pub use suppression::{Suppression, SuppressionReason};

/// The contacts, suppressions and audiences of a database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Contacts(Database);

impl Contacts {
    /// Those of `database`.
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
