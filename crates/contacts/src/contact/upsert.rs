//! Contact upsert: reads the known contacts, merges in memory, and writes the result with three
//! statements.

use std::collections::HashMap;

use database::{InputError, Millis, Sql, StoreError, args, batch, sql};
use serde_json::{Map, Value};

use super::{Contact, NewContact, UpsertCounts};
use crate::{Consent, Contacts, contact_columns};

/// The largest size of a contact's attributes as JSON, in bytes.
const MAX_ATTRIBUTES_BYTES: usize = 64 * 1024;

#[derive(serde::Serialize)]
struct ContactKeys<'a> {
    external_id: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

const FIND_KNOWN: Sql = sql!(
    "with " [batch 1 as input: external_id text, email text, phone text]
    "select " contact_columns!() " from contacts c where c.id in (
       select k.id from input i join contacts k on k.external_id = i.external_id
       union select k.id from input i join contacts k on k.email = i.email
       union select k.id from input i join contacts k on k.phone = i.phone)
     order by c.id"
);

#[derive(serde::Serialize)]
struct Row<'a> {
    id: Option<i64>,
    external_id: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    language: Option<&'a str>,
    timezone: Option<&'a str>,
    consent: &'static str,
    attributes: &'a Map<String, Value>,
}

/// Keys are unique, and one batch may move a key from one contact to another. Therefore every
/// contact that loses a key gives up all its keys before [`UPDATE`] sets them again.
const CLEAR_KEYS: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update contacts set external_id = null, email = null, phone = null from input i where contacts.id = i.id"
);

const UPDATE: Sql = sql!(
    "with " [batch 1 as input: id bigint, external_id text, email text, phone text, language text, timezone text,
             consent text, attributes jsonb]
    "update contacts set external_id = i.external_id, email = i.email, phone = i.phone, language = i.language,
       timezone = i.timezone, consent = i.consent, attributes = i.attributes, updated_at = $2
     from input i where contacts.id = i.id"
);

const INSERT: Sql = sql!(
    "with " [batch 1 as input: external_id text, email text, phone text, language text, timezone text, consent text,
             attributes jsonb]
    "insert into contacts
       (external_id, email, phone, language, timezone, consent, attributes, created_at, updated_at)
     select external_id, email, phone, language, timezone, consent, attributes, $2, $2 from input"
);

impl Contacts {
    /// Inserts and updates contacts in one transaction with set-based statements. Later rows win
    /// over earlier ones of the same contact. A `None` field keeps the stored value, a null
    /// attribute removes the attribute. A key that another contact had moves to the contact that
    /// was named last, and [`Consent::No`] moves with it.
    ///
    /// # Errors
    /// A contact without any key, a NUL, an attribute that is not a text, number or boolean, or
    /// more than 64 KiB of attributes: nothing is written, and the error names the contact.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_upsert(
        &self,
        people: &[NewContact],
        now: Millis,
    ) -> Result<UpsertCounts, StoreError> {
        people.iter().try_for_each(check)?;
        if people.is_empty() {
            return Ok(UpsertCounts::default());
        }
        let keys: Vec<_> = people.iter().map(ContactKeys::from).collect();
        let mut tx = self.begin().await?;
        // Two concurrent imports would both insert a contact that neither has stored yet.
        tx.lock("lock table contacts in share row exclusive mode").await?;
        let mut merged = MergeBatch::new(tx.rows(&FIND_KNOWN, args![batch(&keys)?]).await?);
        for person in people {
            merged.merge(person);
        }
        merged.check_sizes()?;
        let losers = merged.rows(|entry| entry.id.is_some() && entry.lost_key);
        if !losers.is_empty() {
            tx.execute(&CLEAR_KEYS, args![batch(&losers)?]).await?;
        }
        let known = merged.rows(|entry| entry.id.is_some() && entry.is_changed);
        if !known.is_empty() {
            tx.execute(&UPDATE, args![batch(&known)?, now]).await?;
        }
        let new = merged.rows(|entry| entry.id.is_none() && entry.has_key());
        if !new.is_empty() {
            tx.execute(&INSERT, args![batch(&new)?, now]).await?;
        }
        let done = UpsertCounts { created: new.len() as u64, updated: merged.updated() };
        tx.commit().await?;
        Ok(done)
    }
}

/// A contact of the batch: the stored values with the rows merged so far.
struct MergedContact {
    id: Option<i64>,
    keys: [Option<String>; 3],
    language: Option<String>,
    timezone: Option<String>,
    consent: Consent,
    attributes: Map<String, Value>,
    /// True where a row of the batch is about this contact.
    is_in_batch: bool,
    /// True where the contact has to be written.
    is_changed: bool,
    /// True where the contact lost or changed a stored key.
    lost_key: bool,
}

impl MergedContact {
    fn has_key(&self) -> bool {
        self.keys.iter().any(Option::is_some)
    }
}

/// The contacts of a batch, indexed by each of their keys: external id, e-mail address, phone
/// number.
struct MergeBatch {
    entries: Vec<MergedContact>,
    index: [HashMap<String, usize>; 3],
}

impl MergeBatch {
    fn new(known: Vec<Contact>) -> Self {
        let mut merged = Self { entries: Vec::with_capacity(known.len()), index: Default::default() };
        for contact in known {
            let keys = [contact.external_id, contact.email, contact.phone];
            for (index, key) in merged.index.iter_mut().zip(&keys) {
                if let Some(key) = key {
                    index.insert(key.clone(), merged.entries.len());
                }
            }
            merged.entries.push(MergedContact {
                id: Some(contact.id.0),
                keys,
                language: contact.language,
                timezone: contact.timezone,
                consent: contact.consent,
                attributes: contact.attributes,
                is_in_batch: false,
                is_changed: false,
                lost_key: false,
            });
        }
        merged
    }

    fn merge(&mut self, person: &NewContact) {
        let keys = [&person.external_id, &person.email, &person.phone];
        let at = self.find(keys);
        let mut consent = person.consent;
        for (kind, key) in keys.into_iter().enumerate() {
            if let Some(key) = key
                && self.reassign_key(kind, key, at) == Some(Consent::No)
            {
                consent = consent.or(Some(Consent::No));
            }
        }
        let entry = &mut self.entries[at];
        entry.is_in_batch = true;
        entry.is_changed = true;
        entry.language = person.language.clone().or_else(|| entry.language.take());
        entry.timezone = person.timezone.clone().or_else(|| entry.timezone.take());
        entry.consent = consent.unwrap_or(entry.consent);
        for (name, value) in &person.attributes {
            if value.is_null() {
                entry.attributes.remove(name);
            } else {
                entry.attributes.insert(name.clone(), value.clone());
            }
        }
    }

    /// Returns the index of the contact that has the first of the keys that any contact has, else
    /// of a new contact.
    fn find(&mut self, keys: [&Option<String>; 3]) -> usize {
        let known = self.index.iter().zip(keys).find_map(|(index, key)| index.get(key.as_ref()?).copied());
        known.unwrap_or_else(|| {
            self.entries.push(MergedContact {
                id: None,
                keys: [None, None, None],
                language: None,
                timezone: None,
                consent: Consent::Yes,
                attributes: Map::new(),
                is_in_batch: false,
                is_changed: false,
                lost_key: false,
            });
            self.entries.len() - 1
        })
    }

    /// Assigns a key to the contact at index `at`. Returns the consent of the contact that had it
    /// before, if another one had.
    fn reassign_key(&mut self, kind: usize, key: &str, at: usize) -> Option<Consent> {
        if self.entries[at].keys[kind].as_deref() == Some(key) {
            return None;
        }
        let loser = self.index[kind].insert(key.to_owned(), at).map(|loser| {
            let loser = &mut self.entries[loser];
            loser.keys[kind] = None;
            loser.is_changed = true;
            loser.lost_key = true;
            loser.consent
        });
        let entry = &mut self.entries[at];
        if let Some(old) = entry.keys[kind].replace(key.to_owned()) {
            entry.lost_key = true;
            self.index[kind].remove(&old);
        }
        loser
    }

    /// Checks that the merged attributes of each contact fit in [`MAX_ATTRIBUTES_BYTES`].
    fn check_sizes(&self) -> Result<(), StoreError> {
        for entry in self.entries.iter().filter(|entry| entry.is_in_batch) {
            let size = serde_json::to_string(&entry.attributes).map_or(usize::MAX, |json| json.len());
            if size > MAX_ATTRIBUTES_BYTES {
                let keys = entry.keys.iter().flatten().next().map_or("", String::as_str);
                let (key, most) = (keys.to_owned(), MAX_ATTRIBUTES_BYTES);
                return Err(InputError::AttributesTooLarge { key, size, most }.into());
            }
        }
        Ok(())
    }

    fn rows(&self, selects: impl Fn(&MergedContact) -> bool) -> Vec<Row<'_>> {
        self.entries.iter().filter(|entry| selects(entry)).map(Row::from).collect()
    }

    /// Returns the number of stored contacts that the batch updates.
    fn updated(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.id.is_some() && entry.is_in_batch).count() as u64
    }
}

impl<'a> From<&'a NewContact> for ContactKeys<'a> {
    fn from(person: &'a NewContact) -> Self {
        Self {
            external_id: person.external_id.as_deref(),
            email: person.email.as_deref(),
            phone: person.phone.as_deref(),
        }
    }
}

impl<'a> From<&'a MergedContact> for Row<'a> {
    fn from(entry: &'a MergedContact) -> Self {
        let [external_id, email, phone] = &entry.keys;
        Self {
            id: entry.id,
            external_id: external_id.as_deref(),
            email: email.as_deref(),
            phone: phone.as_deref(),
            language: entry.language.as_deref(),
            timezone: entry.timezone.as_deref(),
            consent: entry.consent.as_str(),
            attributes: &entry.attributes,
        }
    }
}

fn check(person: &NewContact) -> Result<(), StoreError> {
    let keys = [&person.external_id, &person.email, &person.phone];
    let Some(key) = keys.into_iter().flatten().find(|key| !key.is_empty()) else {
        return Err(InputError::NoKey.into());
    };
    if keys.into_iter().flatten().any(String::is_empty) {
        return Err(InputError::EmptyKey(key.clone()).into());
    }
    let texts = keys.into_iter().chain([&person.language, &person.timezone]).flatten();
    if texts.chain(person.attributes.keys()).any(|text| text.contains('\0')) {
        return Err(InputError::ContactNul(key.clone()).into());
    }
    person.attributes.iter().try_for_each(|(name, value)| check_attribute(key, name, value))
}

fn check_attribute(key: &str, name: &str, value: &Value) -> Result<(), StoreError> {
    let (key, name) = (key.to_owned(), name.to_owned());
    match value {
        Value::Array(_) | Value::Object(_) => Err(InputError::NestedAttribute { key, name }.into()),
        Value::String(text) if text.contains('\0') => Err(InputError::AttributeNul { key, name }.into()),
        _ => Ok(()),
    }
}
