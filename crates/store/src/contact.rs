//! People.

use crate::{ContactId, Millis, Store, StoreError};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// `contacts.email`
    Email,
    /// `contacts.phone`
    Phone,
}

/// Whether a person agreed to be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// They did.
    Yes,
    /// They did not.
    No,
}

/// One person.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Contact {
    /// The row.
    pub id: ContactId,
    /// The marketer's own key.
    pub external_id: Option<String>,
    /// In normal form.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// Whether they agreed.
    pub consent: Consent,
    /// Everything else: a flat object of texts, numbers, booleans.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// When the row was made.
    pub created_at: Millis,
}

/// A person to be written: found by external id, else e-mail, else phone; at least one must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct NewContact {
    /// The marketer's own key.
    pub external_id: Option<String>,
    /// In normal form.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// `None` leaves what is known; a new contact has said yes.
    pub consent: Option<Consent>,
    /// Merged over what is known, key by key.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Upserted {
    /// New people.
    pub created: u64,
    /// Known people.
    pub updated: u64,
}

impl Store {
    /// Writes people in one transaction with set-based statements; later rows win over earlier ones of the
    /// same person. `None` fields leave what is known.
    pub async fn contact_upsert(&self, _people: &[NewContact], _now: Millis) -> Result<Upserted, StoreError> {
        todo!()
    }

    /// The person with this e-mail address, external id or phone number.
    pub async fn contact_find(&self, _address: &str) -> Result<Option<Contact>, StoreError> {
        todo!()
    }

    /// The person of this row.
    pub async fn contact_get(&self, _id: ContactId) -> Result<Option<Contact>, StoreError> {
        todo!()
    }

    /// Up to `limit` people after `after`, by id.
    pub async fn contact_page(&self, _after: ContactId, _limit: i64) -> Result<Vec<Contact>, StoreError> {
        todo!()
    }

    /// How many there are.
    pub async fn contact_count(&self) -> Result<i64, StoreError> {
        todo!()
    }
}
