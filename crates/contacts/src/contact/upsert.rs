//! Writing people: found among those known, merged in memory, written by three statements.

use std::collections::HashMap;

use database::{InputError, Millis, Sql, StoreError, args, batch, sql};
use serde_json::{Map, Value};

use super::{Contact, NewContact, Upserted};
use crate::{Consent, Contacts, contact_columns};

/// The most that the attributes of one person may take, as JSON, in bytes.
const MOST_ATTRIBUTES: usize = 64 * 1024;

#[derive(serde::Serialize)]
struct Wanted<'a> {
    external_id: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

const KNOWN: Sql = sql!(
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

/// Keys are unique, and one statement may move a key from one person to another: first all let go.
const LET_GO: Sql = sql!(
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
    /// Writes people in one transaction with set-based statements; later rows win over earlier ones of the
    /// same person. `None` fields leave what is known, a null attribute takes the attribute away. A key that
    /// another person had moves to the one named last, and a "no" goes with it.
    ///
    /// # Errors
    /// A person without any key, a NUL, an attribute that is no text, number or boolean, more than 64 KiB of
    /// attributes: nothing is written, and the error names the person.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_upsert(&self, people: &[NewContact], now: Millis) -> Result<Upserted, StoreError> {
        people.iter().try_for_each(check)?;
        if people.is_empty() {
            return Ok(Upserted::default());
        }
        let wanted: Vec<_> = people.iter().map(Wanted::from).collect();
        let mut tx = self.begin().await?;
        // Two imports at once would each take the other's new people for unknown.
        tx.lock("lock table contacts in share row exclusive mode").await?;
        let mut book = Book::new(tx.rows(&KNOWN, args![batch(&wanted)?]).await?);
        for person in people {
            book.write(person);
        }
        book.check()?;
        let let_go = book.rows(|entry| entry.id.is_some() && entry.moved);
        if !let_go.is_empty() {
            tx.execute(&LET_GO, args![batch(&let_go)?]).await?;
        }
        let known = book.rows(|entry| entry.id.is_some() && entry.touched);
        if !known.is_empty() {
            tx.execute(&UPDATE, args![batch(&known)?, now]).await?;
        }
        let new = book.rows(|entry| entry.id.is_none() && entry.has_key());
        if !new.is_empty() {
            tx.execute(&INSERT, args![batch(&new)?, now]).await?;
        }
        let done = Upserted { created: new.len() as u64, updated: book.named() };
        tx.commit().await?;
        Ok(done)
    }
}

/// One person, as known and as merged so far.
struct Entry {
    id: Option<i64>,
    keys: [Option<String>; 3],
    language: Option<String>,
    timezone: Option<String>,
    consent: Consent,
    attributes: Map<String, Value>,
    /// Named by a row of the batch.
    named: bool,
    /// To be written.
    touched: bool,
    /// Lost or changed a key that is stored.
    moved: bool,
}

impl Entry {
    fn has_key(&self) -> bool {
        self.keys.iter().any(Option::is_some)
    }
}

/// The people that a batch is about, by each of their keys: external id, e-mail, phone.
struct Book {
    entries: Vec<Entry>,
    index: [HashMap<String, usize>; 3],
}

impl Book {
    fn new(known: Vec<Contact>) -> Self {
        let mut book = Self { entries: Vec::with_capacity(known.len()), index: Default::default() };
        for contact in known {
            let keys = [contact.external_id, contact.email, contact.phone];
            for (index, key) in book.index.iter_mut().zip(&keys) {
                if let Some(key) = key {
                    index.insert(key.clone(), book.entries.len());
                }
            }
            book.entries.push(Entry {
                id: Some(contact.id.0),
                keys,
                language: contact.language,
                timezone: contact.timezone,
                consent: contact.consent,
                attributes: contact.attributes,
                named: false,
                touched: false,
                moved: false,
            });
        }
        book
    }

    fn write(&mut self, person: &NewContact) {
        let keys = [&person.external_id, &person.email, &person.phone];
        let at = self.find(keys);
        let mut consent = person.consent;
        for (kind, key) in keys.into_iter().enumerate() {
            if let Some(key) = key
                && self.give(kind, key, at) == Some(Consent::No)
            {
                consent = consent.or(Some(Consent::No));
            }
        }
        let entry = &mut self.entries[at];
        entry.named = true;
        entry.touched = true;
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

    /// The person with the first of the keys that anybody has, else somebody new.
    fn find(&mut self, keys: [&Option<String>; 3]) -> usize {
        let known = self.index.iter().zip(keys).find_map(|(index, key)| index.get(key.as_ref()?).copied());
        known.unwrap_or_else(|| {
            self.entries.push(Entry {
                id: None,
                keys: [None, None, None],
                language: None,
                timezone: None,
                consent: Consent::Yes,
                attributes: Map::new(),
                named: false,
                touched: false,
                moved: false,
            });
            self.entries.len() - 1
        })
    }

    /// Gives a key to the person at `at`. Says what somebody else who had it had agreed to.
    fn give(&mut self, kind: usize, key: &str, at: usize) -> Option<Consent> {
        if self.entries[at].keys[kind].as_deref() == Some(key) {
            return None;
        }
        let loser = self.index[kind].insert(key.to_owned(), at).map(|loser| {
            let loser = &mut self.entries[loser];
            loser.keys[kind] = None;
            loser.touched = true;
            loser.moved = true;
            loser.consent
        });
        let entry = &mut self.entries[at];
        if let Some(old) = entry.keys[kind].replace(key.to_owned()) {
            entry.moved = true;
            self.index[kind].remove(&old);
        }
        loser
    }

    /// The merged attributes of everybody fit.
    fn check(&self) -> Result<(), StoreError> {
        for entry in self.entries.iter().filter(|entry| entry.named) {
            let size = serde_json::to_string(&entry.attributes).map_or(usize::MAX, |json| json.len());
            if size > MOST_ATTRIBUTES {
                let keys = entry.keys.iter().flatten().next().map_or("", String::as_str);
                let (key, most) = (keys.to_owned(), MOST_ATTRIBUTES);
                return Err(InputError::AttributesTooLarge { key, size, most }.into());
            }
        }
        Ok(())
    }

    fn rows(&self, which: impl Fn(&Entry) -> bool) -> Vec<Row<'_>> {
        self.entries.iter().filter(|entry| which(entry)).map(Row::from).collect()
    }

    /// How many people known before were named.
    fn named(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.id.is_some() && entry.named).count() as u64
    }
}

impl<'a> From<&'a NewContact> for Wanted<'a> {
    fn from(person: &'a NewContact) -> Self {
        Self {
            external_id: person.external_id.as_deref(),
            email: person.email.as_deref(),
            phone: person.phone.as_deref(),
        }
    }
}

impl<'a> From<&'a Entry> for Row<'a> {
    fn from(entry: &'a Entry) -> Self {
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
