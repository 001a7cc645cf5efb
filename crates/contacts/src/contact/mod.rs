//! People.

mod upsert;

use database::{ContactId, Millis, RowError, Sql, StoreError, args, sql, words};
use serde_json::{Map, Value};

use crate::Contacts;

/// What kind of address can be suppressed.
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
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
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
    #[sqlx(try_from = "String")]
    pub consent: Consent,
    /// Everything else: a flat object of texts, numbers, booleans.
    #[sqlx(try_from = "StoredAttributes")]
    pub attributes: Map<String, Value>,
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
    pub attributes: Map<String, Value>,
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Upserted {
    /// New people.
    pub created: u64,
    /// Known people.
    pub updated: u64,
}

words!(AddressKind, {
    Email => "email",
    Phone => "phone",
});

words!(Consent, {
    Yes => "yes",
    No => "no",
});

/// The columns of a [`Contact`], of `contacts c`.
#[macro_export]
macro_rules! contact_columns {
    () => {
        "c.id, c.external_id, c.email, c.phone, c.language, c.timezone, c.consent, \
         cast(c.attributes as text) as attributes, c.created_at"
    };
}

/// The columns of a [`Contact`], of `contacts c`, as the elements of a JSON array.
#[macro_export]
macro_rules! packed_columns {
    () => {
        "c.id, c.external_id, c.email, c.phone, c.language, c.timezone, c.consent, \
         cast(c.attributes as text), c.created_at"
    };
}

/// As [`packed_columns`] says.
type Packed = (
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

/// People out of a JSON array of [`packed_columns`].
///
/// # Errors
/// A contact holds what this version does not know.
pub fn unpacked(text: &str) -> Result<Vec<Contact>, StoreError> {
    let bad =
        |error: serde_json::Error| RowError::Json { problem: "a contact cannot be read".to_owned(), error };
    let packed: Vec<Packed> = serde_json::from_str(text).map_err(bad)?;
    let contact =
        |(id, external_id, email, phone, language, timezone, consent, attributes, created_at): Packed| {
            let consent = Consent::try_from(consent)?;
            let attributes = serde_json::from_str(&attributes).map_err(bad)?;
            Ok(Contact { id, external_id, email, phone, language, timezone, consent, attributes, created_at })
        };
    packed.into_iter().map(contact).collect()
}

/// `contacts.attributes` as either database gives it: the text of a JSON object.
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

/// Ranges instead of `like`, so that every branch walks an index.
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
    /// The person with this e-mail address, external id or phone number.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_find(&self, address: &str) -> Result<Option<Contact>, StoreError> {
        let email = address.to_lowercase();
        self.row(&FIND, args![address, email.as_str()]).await
    }

    /// Up to `limit` people whose e-mail address, external id or phone number starts with `prefix`, by id.
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

    /// The person of this row.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_get(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.row(&GET, args![id]).await
    }

    /// Up to `limit` people after `after`, by id.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_page(&self, after: ContactId, limit: i64) -> Result<Vec<Contact>, StoreError> {
        self.rows(&PAGE, args![after, limit]).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_count(&self) -> Result<i64, StoreError> {
        Ok(self.row(&COUNT, args![]).await?.map_or(0, |(count,)| count))
    }
}
