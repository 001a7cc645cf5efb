//! Contact upsert: reads the known contacts, merges in memory, and writes the result with three
//! statements.

use std::collections::HashMap;

use database::{ContactId, InputError, Millis, Sql, StoreError, Tx, args, batch, sql};
use serde_json::{Map, Value};

use super::{Contact, ImportedBatch, NewContact, RowEffect, UpsertCounts};
use crate::consent::{Ledger, NewEntry, changed_kinds};
use crate::erasure::erased_before;
use crate::suppression::suppress_in;
use crate::{
    Basis, Consent, ConsentKind, ConsentState, Consents, Contacts, EntryKind, Evidence, contact_columns,
};

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
    consents: String,
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
             consents text, attributes jsonb]
    "update contacts set external_id = i.external_id, email = i.email, phone = i.phone, language = i.language,
       timezone = i.timezone, consents = i.consents, attributes = i.attributes, updated_at = $2
     from input i where contacts.id = i.id"
);

const INSERT: Sql = sql!(
    "with " [batch 1 as input: external_id text, email text, phone text, language text, timezone text,
             consents text, attributes jsonb]
    "insert into contacts
       (external_id, email, phone, language, timezone, consents, attributes, created_at, updated_at)
     select external_id, email, phone, language, timezone, consents, attributes, $2, $2 from input
     returning id, external_id, email, phone"
);

impl Contacts {
    /// Inserts and updates contacts as [`Contacts::contact_import`] does. A yes is entered into the
    /// ledger as a grant for the purpose `news` without evidence.
    ///
    /// # Errors
    /// As [`Contacts::contact_import`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_upsert(
        &self,
        people: &[NewContact],
        now: Millis,
    ) -> Result<UpsertCounts, StoreError> {
        Ok(self.contact_import(people, &Evidence::default(), now).await?.counts())
    }

    /// Inserts and updates contacts in one transaction with set-based statements. Later rows win
    /// over earlier ones of the same contact. A `None` field keeps the stored value, a null
    /// attribute removes the attribute.
    ///
    /// A row belongs to the contact with its external id, else with its e-mail address, else, if
    /// the row has neither, with its phone number. An external id or e-mail address that another
    /// contact had moves to the contact that was named last, and with it a withdrawn consent.
    /// A phone number may be shared.
    ///
    /// A yes is entered into the ledger with `evidence`, for the addresses that the contact has and
    /// where there is no entry for the purpose; a no is entered for all kinds of address.
    ///
    /// # Errors
    /// A contact without any key, a NUL, an attribute that is not a text, number or boolean, or
    /// more than 64 KiB of attributes: nothing is written, and the error names the contact.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_import(
        &self,
        people: &[NewContact],
        evidence: &Evidence,
        now: Millis,
    ) -> Result<ImportedBatch, StoreError> {
        people.iter().try_for_each(check)?;
        if people.is_empty() {
            return Ok(ImportedBatch::default());
        }
        let keys: Vec<_> = people.iter().map(ContactKeys::from).collect();
        let mut tx = self.begin().await?;
        // Two concurrent imports would both insert a contact that neither has stored yet.
        tx.lock("lock table contacts in share row exclusive mode").await?;
        let mut merged = MergeBatch::new(tx.rows(&FIND_KNOWN, args![batch(&keys)?]).await?);
        let rows: Vec<usize> = people.iter().map(|person| merged.merge(person, evidence)).collect();
        merged.check_sizes()?;
        let losers = merged.rows(|entry| entry.id.is_some() && entry.lost_key);
        if !losers.is_empty() {
            tx.execute(&CLEAR_KEYS, args![batch(&losers)?]).await?;
        }
        let known = merged.rows(|entry| entry.id.is_some() && entry.is_changed());
        if !known.is_empty() {
            tx.execute(&UPDATE, args![batch(&known)?, now]).await?;
        }
        let new = merged.rows(|entry| entry.id.is_none() && entry.has_key());
        let effects: Vec<_> = merged.entries.iter().map(MergedContact::effect).collect();
        if !new.is_empty() {
            let inserted = tx.rows(&INSERT, args![batch(&new)?, now]).await?;
            merged.set_ids(inserted);
        }
        merged.suppress_earlier(&mut tx, now).await?;
        merged.append_consents(&mut tx, evidence, now).await?;
        tx.commit().await?;
        let row = |at: usize| (ContactId(merged.entries[at].id.unwrap_or_default()), effects[at]);
        let rows = rows.into_iter().map(row).collect();
        Ok(ImportedBatch { rows, shared_phones: merged.shared_phones })
    }
}

/// The id and the keys of an inserted contact.
type Inserted = (ContactId, Option<String>, Option<String>, Option<String>);

/// An entry that a row adds to the ledger: its kinds of address, and the row's own evidence.
struct MergedEntry {
    entry: EntryKind,
    kinds: Vec<ConsentKind>,
    source: Option<String>,
    given_at: Option<Millis>,
}

/// A contact of the batch: the stored values with the rows merged so far.
struct MergedContact {
    id: Option<i64>,
    keys: [Option<String>; 3],
    language: Option<String>,
    timezone: Option<String>,
    consents: Consents,
    /// The entries that the batch adds to the ledger.
    entries: Vec<MergedEntry>,
    attributes: Map<String, Value>,
    /// True where a row of the batch is about this contact.
    is_in_batch: bool,
    /// The stored values, to see whether anything changed.
    before: Option<Box<Contact>>,
    /// True where the contact lost or changed a stored key.
    lost_key: bool,
}

impl MergedContact {
    fn new() -> Self {
        Self {
            id: None,
            keys: [None, None, None],
            language: None,
            timezone: None,
            consents: Consents::default(),
            entries: Vec::new(),
            attributes: Map::new(),
            is_in_batch: false,
            before: None,
            lost_key: false,
        }
    }

    /// Returns true if the contact has to be written.
    fn is_changed(&self) -> bool {
        let Some(before) = &self.before else { return true };
        let [external_id, email, phone] = &self.keys;
        self.lost_key
            || (external_id, email, phone) != (&before.external_id, &before.email, &before.phone)
            || (&self.language, &self.timezone) != (&before.language, &before.timezone)
            || self.consents != before.consents
            || self.attributes != before.attributes
    }

    fn effect(&self) -> RowEffect {
        match self.id {
            None => RowEffect::Created,
            Some(_) if self.is_changed() => RowEffect::Updated,
            Some(_) => RowEffect::Unchanged,
        }
    }

    fn has_key(&self) -> bool {
        self.keys.iter().any(Option::is_some)
    }

    /// Enters an answer: a yes where there is no entry yet, for the addresses that the contact has;
    /// a no for all.
    fn answer(&mut self, answer: Consent, person: &NewContact, evidence: &Evidence) {
        let [_, email, phone] = &self.keys;
        let (entry, kinds): (_, Vec<_>) = match answer {
            Consent::No => (EntryKind::Withdraw, ConsentKind::ALL.to_vec()),
            Consent::Yes => {
                let has = [
                    (email.is_some(), ConsentKind::Email),
                    (phone.is_some(), ConsentKind::Phone),
                    (true, ConsentKind::Other),
                ];
                (evidence.entry(EntryKind::Grant), has.into_iter().filter(|it| it.0).map(|it| it.1).collect())
            }
        };
        self.enter(entry, &kinds, &evidence.purpose, Some(person));
    }

    /// Enters an entry for those of `kinds` that it changes. A grant never changes another entry.
    fn enter(&mut self, entry: EntryKind, kinds: &[ConsentKind], purpose: &str, person: Option<&NewContact>) {
        let state = ConsentState::after(entry);
        let only_unknown = state != ConsentState::Withdrawn;
        let kinds = changed_kinds(&self.consents, purpose, kinds, state, only_unknown);
        if kinds.is_empty() {
            return;
        }
        for kind in &kinds {
            self.consents.set(purpose, *kind, state);
        }
        self.entries.push(MergedEntry {
            entry,
            kinds,
            source: person.and_then(|person| person.consent_source.clone()),
            given_at: person.and_then(|person| person.consent_at),
        });
    }
}

/// The position of the e-mail address among the keys.
const EMAIL: usize = 1;

/// The position of the phone number among the keys.
const PHONE: usize = 2;

/// The contacts of a batch, indexed by each of their keys: external id, e-mail address, phone
/// number.
struct MergeBatch {
    entries: Vec<MergedContact>,
    index: [HashMap<String, usize>; 3],
    /// The number of rows whose phone number another contact has, too.
    shared_phones: u64,
    /// The addresses that contacts gave up who had withdrawn their consent for them. The contact
    /// that gets such an address later may be the same person.
    released: Vec<(&'static str, String)>,
}

impl MergeBatch {
    fn new(known: Vec<Contact>) -> Self {
        let mut merged = Self {
            entries: Vec::with_capacity(known.len()),
            index: Default::default(),
            shared_phones: 0,
            released: Vec::new(),
        };
        for contact in known {
            let before = Some(Box::new(contact.clone()));
            let keys = [contact.external_id, contact.email, contact.phone];
            for (index, key) in merged.index.iter_mut().zip(&keys) {
                if let Some(key) = key {
                    index.entry(key.clone()).or_insert(merged.entries.len());
                }
            }
            merged.entries.push(MergedContact {
                id: Some(contact.id.0),
                keys,
                language: contact.language,
                timezone: contact.timezone,
                consents: contact.consents,
                attributes: contact.attributes,
                before,
                ..MergedContact::new()
            });
        }
        merged
    }

    /// Merges a row into its contact, and returns the index of that.
    fn merge(&mut self, person: &NewContact, evidence: &Evidence) -> usize {
        let keys = [&person.external_id, &person.email, &person.phone];
        let at = self.find(keys);
        for (kind, key) in keys.into_iter().enumerate() {
            if let Some(key) = key {
                let refused = self.reassign_key(kind, key, at, &evidence.purpose);
                self.entries[at].enter(EntryKind::Withdraw, &refused, &evidence.purpose, None);
            }
        }
        let entry = &mut self.entries[at];
        entry.is_in_batch = true;
        entry.language = person.language.clone().or_else(|| entry.language.take());
        entry.timezone = person.timezone.clone().or_else(|| entry.timezone.take());
        if let Some(answer) = person.consent {
            entry.answer(answer, person, evidence);
        }
        for (name, value) in &person.attributes {
            if value.is_null() {
                entry.attributes.remove(name);
            } else {
                entry.attributes.insert(name.clone(), value.clone());
            }
        }
        at
    }

    /// Returns the index of the contact with the external id, else with the e-mail address, else,
    /// if neither is given, with the phone number; else of a new contact.
    fn find(&mut self, [external_id, email, phone]: [&Option<String>; 3]) -> usize {
        let phone = if external_id.is_none() && email.is_none() { phone } else { &None };
        let keys = [external_id, email, phone];
        let known = self.index.iter().zip(keys).find_map(|(index, key)| index.get(key.as_ref()?).copied());
        known.unwrap_or_else(|| {
            self.entries.push(MergedContact::new());
            self.entries.len() - 1
        })
    }

    /// Assigns a key to the contact at index `at`. An external id or e-mail address is taken from
    /// the contact that had it; returns the kinds of address for which that contact had withdrawn
    /// their consent.
    fn reassign_key(&mut self, kind: usize, key: &str, at: usize, purpose: &str) -> Vec<ConsentKind> {
        if self.entries[at].keys[kind].as_deref() == Some(key) {
            return Vec::new();
        }
        if kind == PHONE {
            let owner = *self.index[kind].entry(key.to_owned()).or_insert(at);
            self.shared_phones += u64::from(owner != at);
            if let Some(old) = self.entries[at].keys[kind].replace(key.to_owned()) {
                self.release(at, ConsentKind::Phone, old);
            }
            return Vec::new();
        }
        let loser = self.index[kind].insert(key.to_owned(), at);
        let refused = loser.map_or_else(Vec::new, |loser| {
            let loser = &mut self.entries[loser];
            loser.keys[kind] = None;
            loser.lost_key = true;
            let is_refused =
                |kind: &ConsentKind| loser.consents.state(purpose, *kind) == Some(ConsentState::Withdrawn);
            ConsentKind::ALL.iter().copied().filter(is_refused).collect()
        });
        let entry = &mut self.entries[at];
        if let Some(old) = entry.keys[kind].replace(key.to_owned()) {
            entry.lost_key = true;
            self.index[kind].remove(&old);
            if kind == EMAIL {
                self.release(at, ConsentKind::Email, old);
            }
        }
        refused
    }

    /// Remembers an address that the contact at index `at` gave up, if they had withdrawn a consent
    /// for it.
    fn release(&mut self, at: usize, kind: ConsentKind, address: String) {
        let mut states = self.entries[at].consents.iter();
        if states.any(|(_, of, state)| of == kind && state == ConsentState::Withdrawn) {
            self.released.push((kind.as_str(), address));
        }
    }

    /// Gives the inserted contacts their ids.
    fn set_ids(&mut self, inserted: Vec<Inserted>) {
        for (id, external_id, email, phone) in inserted {
            let keys = [external_id, email, phone];
            let known = self.index.iter().zip(&keys).take(PHONE);
            let at = known.into_iter().find_map(|(index, key)| index.get(key.as_ref()?).copied());
            let at = at.or_else(|| self.index[PHONE].get(keys[PHONE].as_ref()?).copied());
            if let Some(at) = at {
                self.entries[at].id = Some(id.0);
            }
        }
    }

    /// Suppresses the addresses of the batch that belonged to a contact who was erased, and those
    /// that contacts gave up who had withdrawn their consent.
    async fn suppress_earlier(&self, tx: &mut Tx, now: Millis) -> Result<(), StoreError> {
        let own = |entry: &MergedContact| {
            let [_, email, phone] = &entry.keys;
            let before = entry.before.as_deref();
            let is_new = |key: &Option<String>, stored: Option<&Option<String>>| stored != Some(key);
            let email = email.clone().filter(|_| is_new(email, before.map(|before| &before.email)));
            let phone = phone.clone().filter(|_| is_new(phone, before.map(|before| &before.phone)));
            [("email", email), ("phone", phone)]
        };
        let new: Vec<_> = self.entries.iter().flat_map(own).collect();
        let new: Vec<_> = new.iter().filter_map(|(kind, key)| Some((*kind, key.as_deref()?))).collect();
        let found = erased_before(tx, &new).await?;
        suppress_in(tx, &found, "erased", now).await?;
        let released: Vec<_> =
            self.released.iter().map(|(kind, address)| (*kind, address.as_str())).collect();
        suppress_in(tx, &released, "import", now).await
    }

    /// Appends the entries of all contacts to the ledger.
    async fn append_consents(&self, tx: &mut Tx, evidence: &Evidence, now: Millis) -> Result<(), StoreError> {
        let mut entries = Vec::new();
        for merged in &self.entries {
            let Some(id) = merged.id else { continue };
            let addresses: Vec<_> = merged.keys[1..].iter().flatten().map(String::as_str).collect();
            entries.extend(merged.entries.iter().map(|merged| NewEntry {
                contact: ContactId(id),
                entry: merged.entry,
                basis: if merged.entry == EntryKind::Withdraw { Basis::None } else { evidence.basis },
                kinds: merged.kinds.clone(),
                addresses: addresses.join(" "),
                source: merged.source.clone(),
                given_at: merged.given_at,
            }));
        }
        if entries.is_empty() {
            return Ok(());
        }
        Ledger::lock(tx).await?.append(tx, &entries, evidence, now).await
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
            consents: entry.consents.stored(),
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
