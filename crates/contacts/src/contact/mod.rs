//! Contacts: their rows, and the statements that find, list and count them.

mod upsert;

use database::{ContactId, Millis, RowError, Sql, StoreError, args, enum_names, sql};
use serde_json::{Map, Value};

use crate::{Consents, Contacts};

/// A kind of address that can be suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// An e-mail address, from `contacts.email`.
    Email,
    /// A phone number, from `contacts.phone`.
    Phone,
}

/// A contact's answer to the question for consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// The contact agreed to receive messages.
    Yes,
    /// The contact refused to receive messages.
    No,
}

/// A contact, as stored in `contacts`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct Contact {
    /// The id of the contact's row.
    pub id: ContactId,
    /// The marketer's own key of the contact.
    pub external_id: Option<String>,
    /// The e-mail address in normal form: lower case.
    pub email: Option<String>,
    /// The phone number in E.164 form.
    pub phone: Option<String>,
    /// The contact's language, a BCP 47 tag.
    pub language: Option<String>,
    /// The contact's time zone, an IANA name.
    pub timezone: Option<String>,
    /// The contact's consents by purpose and kind of address.
    #[sqlx(try_from = "String")]
    pub consents: Consents,
    /// All other attributes: a flat object of texts, numbers and booleans.
    #[sqlx(try_from = "StoredAttributes")]
    pub attributes: Map<String, Value>,
    /// The time at which the row was inserted.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub created_at: Millis,
}

/// A contact to insert or update: found by external id, else by e-mail address, else by phone
/// number. At least one of the three must be present.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewContact {
    /// The marketer's own key of the contact.
    pub external_id: Option<String>,
    /// The e-mail address in normal form: lower case.
    pub email: Option<String>,
    /// The phone number in E.164 form.
    pub phone: Option<String>,
    /// The contact's language, a BCP 47 tag.
    pub language: Option<String>,
    /// The contact's time zone, an IANA name.
    pub timezone: Option<String>,
    /// The answer to the question for consent, if one is known. A yes is entered only where the
    /// contact has no entry for the purpose and kind of address; a no always.
    pub consent: Option<Consent>,
    /// The place where this contact gave the answer, if it is not that of the whole import.
    pub consent_source: Option<String>,
    /// The time at which this contact gave the answer, if it is not that of the whole import.
    pub consent_at: Option<Millis>,
    /// Attributes merged over the stored ones, key by key.
    pub attributes: Map<String, Value>,
}

/// The effect of a row of an import on its contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowEffect {
    /// The contact was inserted.
    Created,
    /// The stored contact was changed.
    Updated,
    /// The stored contact was the same already.
    Unchanged,
}

/// The result of an import of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportedBatch {
    /// For each row its contact, and the effect of all rows of the batch on that contact.
    pub rows: Vec<(ContactId, RowEffect)>,
    /// The number of rows whose phone number another contact has, too.
    pub shared_phones: u64,
}

impl ImportedBatch {
    /// Returns the numbers of contacts that were inserted, and of those that were known before.
    #[must_use]
    pub fn counts(&self) -> UpsertCounts {
        let mut contacts: Vec<_> = self.rows.clone();
        contacts.sort_by_key(|(contact, _)| contact.0);
        contacts.dedup_by_key(|(contact, _)| contact.0);
        let created = contacts.iter().filter(|(_, effect)| *effect == RowEffect::Created).count() as u64;
        UpsertCounts { created, updated: contacts.len() as u64 - created }
    }
}

/// The numbers of contacts that an upsert inserted and updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct UpsertCounts {
    /// The number of inserted contacts.
    pub created: u64,
    /// The number of updated contacts.
    pub updated: u64,
}

enum_names!(AddressKind, {
    Email => "email",
    Phone => "phone",
});

/// The columns of a [`Contact`], selected from `contacts c`.
#[macro_export]
macro_rules! contact_columns {
    () => {
        "c.id, c.external_id, c.email, c.phone, c.language, c.timezone, coalesce(c.consents, '') as consents, \
         cast(c.attributes as text) as attributes, c.created_at"
    };
}

/// The columns of a [`Contact`], selected from `contacts c`, as the elements of a JSON array.
#[macro_export]
macro_rules! packed_columns {
    () => {
        "c.id, c.external_id, c.email, c.phone, c.language, c.timezone, coalesce(c.consents, ''), \
         cast(c.attributes as text), c.created_at"
    };
}

/// One contact as the JSON array that [`packed_columns`] selects.
type PackedContact = (
    ContactId,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    String,
    Millis,
);

/// Parses a JSON array of contacts, each an array of [`packed_columns`].
///
/// # Errors
/// The text is not such an array, or a contact holds a consent or attributes that this version does
/// not know.
pub fn unpack_contacts(text: &str) -> Result<Vec<Contact>, StoreError> {
    let bad =
        |error: serde_json::Error| RowError::Json { problem: "a contact cannot be read".to_owned(), error };
    let packed: Vec<PackedContact> = serde_json::from_str(text).map_err(bad)?;
    let contact =
        |(id, external_id, email, phone, language, timezone, consents, attributes, created_at): PackedContact| {
            let consents = Consents::try_from(consents)?;
            let attributes = serde_json::from_str(&attributes).map_err(bad)?;
            Ok(Contact { id, external_id, email, phone, language, timezone, consents, attributes, created_at })
        };
    packed.into_iter().map(contact).collect()
}

/// The column `contacts.attributes` as both databases return it: the text of a JSON object.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredAttributes(String);

impl TryFrom<StoredAttributes> for Map<String, Value> {
    type Error = serde_json::Error;

    fn try_from(stored: StoredAttributes) -> Result<Self, Self::Error> {
        serde_json::from_str(&stored.0)
    }
}

const FIND: Sql = sql!(
    "select " contact_columns!() " from contacts c where c.email = $2 or c.external_id = $1 or c.phone = $1
     order by case when c.email = $2 then 0 when c.external_id = $1 then 1 else 2 end limit 1"
);

const GET: Sql = sql!("select " contact_columns!() " from contacts c where c.id = $1");

const PAGE: Sql =
    sql!("select " contact_columns!() " from contacts c where c.id > $1 order by c.id limit $2");

/// Compares ranges instead of using `like`, so that each branch reads an index.
const SEARCH: Sql = sql!(
    "select " contact_columns!() " from contacts c where c.id in (
       select id from (select id from contacts where email >= $2 and email < $4 order by email limit $5) e
       union select id from (select id from contacts where external_id >= $1 and external_id < $3
                             order by external_id limit $5) x
       union select id from (select id from contacts where phone >= $1 and phone < $3 order by phone limit $5) p)
     order by c.id limit $5"
);

const COUNT: Sql = sql!("select count(*) from contacts");

impl Contacts {
    /// Returns the contact with this e-mail address, external id or phone number.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_find(&self, address: &str) -> Result<Option<Contact>, StoreError> {
        let email = address.to_lowercase();
        self.row(&FIND, args![address, email.as_str()]).await
    }

    /// Lists up to `limit` contacts whose e-mail address, external id or phone number starts with
    /// `prefix`, by id.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_search(&self, prefix: &str, limit: i64) -> Result<Vec<Contact>, StoreError> {
        let email = prefix.to_lowercase();
        let after = |text: &str| format!("{text}{}", char::MAX);
        let (end, email_end) = (after(prefix), after(&email));
        let args = args![prefix, email.as_str(), end.as_str(), email_end.as_str(), limit];
        self.rows(&SEARCH, args).await
    }

    /// Returns the contact with this id.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_get(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.row(&GET, args![id]).await
    }

    /// Lists up to `limit` contacts with ids above `after`, by id.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_page(&self, after: ContactId, limit: i64) -> Result<Vec<Contact>, StoreError> {
        self.rows(&PAGE, args![after, limit]).await
    }

    /// Returns the number of contacts.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_count(&self) -> Result<i64, StoreError> {
        Ok(self.row(&COUNT, args![]).await?.map_or(0, |(count,)| count))
    }
}
