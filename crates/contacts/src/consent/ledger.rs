//! The ledger of consent: append-only, each entry chained to the one before by a hash.
//!
//! The digest of an entry is SHA-256 over its salt and its personal values. The hash is SHA-256
//! over the hash before, the digest and the other values. When a contact is erased, salt and
//! personal values are deleted; digests and hashes stay, so that the chain can still be verified.

use std::collections::HashMap;

use database::{ContactId, Millis, RowError, Sql, StoreError, Tx, args, batch, sql};
use sha2::{Digest, Sha256};

use super::{Basis, ConsentChange, ConsentKind, ConsentState, Consents, EntryKind, Evidence};
use crate::{Contacts, chance};

/// The number of entries that a verification reads at a time.
const PAGE_SIZE: i64 = 5_000;

/// The number of a contact's latest entries that an undo looks at.
const UNDO_ENTRIES: i64 = 200;

/// An entry of the ledger, as stored in `consent_entries`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct ConsentEntry {
    /// The number of the entry, from 1 without gaps.
    pub id: i64,
    /// The contact; `None` once erased.
    pub contact_id: Option<ContactId>,
    /// The id of the purpose.
    pub purpose: String,
    /// The kinds of address that it covers, separated by commas.
    pub kinds: String,
    /// The kind of the entry.
    #[sqlx(try_from = "String")]
    pub entry: EntryKind,
    /// The legal basis.
    #[sqlx(try_from = "String")]
    pub basis: Basis,
    /// The way in which the answer arrived.
    pub method: String,
    /// The command, person or page that made the entry.
    pub actor: String,
    /// The addresses that the contact had, separated by spaces; `None` once erased.
    pub addresses: Option<String>,
    /// The place where the answer was given; `None` if unknown or erased.
    pub source: Option<String>,
    /// The version of the text that the contact agreed to; `None` if unknown or erased.
    pub text_version: Option<String>,
    /// The time at which the answer was given.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub occurred_at: Millis,
    /// The time at which the entry was made.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub recorded_at: Millis,
    /// The random salt of the digest, in hexadecimal; `None` once erased.
    #[serde(skip)]
    pub salt: Option<String>,
    /// The digest of the personal values, in hexadecimal.
    #[serde(skip)]
    pub digest: String,
    /// The hash of the entry, in hexadecimal.
    pub hash: String,
}

/// An entry to be appended for a contact.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub(crate) contact: ContactId,
    pub(crate) entry: EntryKind,
    pub(crate) basis: Basis,
    pub(crate) kinds: Vec<ConsentKind>,
    pub(crate) addresses: String,
    /// The contact's own source, in place of that of the evidence.
    pub(crate) source: Option<String>,
    /// The contact's own time of the answer, in place of that of the evidence.
    pub(crate) given_at: Option<Millis>,
}

/// The result of a verification of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct LedgerReport {
    /// The number of entries.
    pub entries: i64,
    /// The number of entries whose personal values are erased.
    pub erased: i64,
    /// The number of the first entry that does not fit the one before or its own values.
    pub broken_at: Option<i64>,
    /// The first contact whose consents are not those of the ledger.
    pub differs: Option<ContactId>,
}

const LAST: Sql = sql!("select id, hash from consent_entries order by id desc limit 1");

#[derive(serde::Serialize)]
struct Row<'a> {
    id: i64,
    contact_id: i64,
    purpose: &'a str,
    kinds: String,
    entry: &'static str,
    basis: &'static str,
    method: &'a str,
    actor: &'a str,
    addresses: &'a str,
    source: Option<&'a str>,
    text_version: Option<&'a str>,
    occurred_at: Millis,
    salt: String,
    digest: String,
    hash: String,
}

const APPEND: Sql = sql!(
    "with " [batch 1 as input: id bigint, contact_id bigint, purpose text, kinds text, entry text, basis text,
             method text, actor text, addresses text, source text, text_version text, occurred_at bigint, salt text,
             digest text, hash text]
    "insert into consent_entries (id, contact_id, purpose, kinds, entry, basis, method, actor, addresses, source,
       text_version, occurred_at, recorded_at, salt, digest, hash)
     select id, contact_id, purpose, kinds, entry, basis, method, actor, addresses, source, text_version, occurred_at,
       $2, salt, digest, hash from input"
);

macro_rules! entry_columns {
    () => {
        "id, contact_id, purpose, kinds, entry, basis, method, actor, addresses, source, text_version, occurred_at, \
         recorded_at, salt, digest, hash"
    };
}

const OF_CONTACT: Sql = sql!(
    "select " entry_columns!() " from consent_entries where contact_id = $1 order by id desc limit $2"
);

const PAGE: Sql = sql!("select " entry_columns!() " from consent_entries where id > $1 order by id limit $2");

const OF_CONTACTS: Sql = sql!(
    "select contact_id, purpose, kinds, entry from consent_entries
     where contact_id > $1 and contact_id <= $2 order by contact_id, id"
);

const STANDINGS: Sql =
    sql!("select id, coalesce(consents, '') from contacts where id > $1 order by id limit $2");

/// The ledger, locked against other writers until the end of its transaction.
pub(crate) struct Ledger {
    last_id: i64,
    last_hash: String,
}

impl Ledger {
    /// Locks the ledger and reads its last entry.
    pub(crate) async fn lock(tx: &mut Tx) -> Result<Self, StoreError> {
        // Contacts are written after the ledger is read. An import locks them first, too: the same
        // order everywhere leaves no deadlock.
        tx.lock("lock table contacts in row exclusive mode").await?;
        tx.lock("lock table consent_entries in share row exclusive mode").await?;
        let last: Option<(i64, String)> = tx.row(&LAST, args![]).await?;
        let (last_id, last_hash) = last.unwrap_or_default();
        Ok(Self { last_id, last_hash })
    }

    /// Appends entries with one statement, in their order.
    pub(crate) async fn append(
        &mut self,
        tx: &mut Tx,
        entries: &[NewEntry],
        evidence: &Evidence,
        now: Millis,
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = entries.iter().map(|entry| self.row(entry, evidence, now)).collect();
        tx.execute(&APPEND, args![batch(&rows)?, now]).await?;
        Ok(())
    }

    fn row<'a>(&mut self, entry: &'a NewEntry, evidence: &'a Evidence, now: Millis) -> Row<'a> {
        let salt = chance::salt();
        let kinds: Vec<_> = entry.kinds.iter().map(|kind| kind.as_str()).collect();
        let mut row = Row {
            id: self.last_id + 1,
            contact_id: entry.contact.0,
            purpose: &evidence.purpose,
            kinds: kinds.join(","),
            entry: entry.entry.as_str(),
            basis: entry.basis.as_str(),
            method: &evidence.method,
            actor: &evidence.actor,
            addresses: &entry.addresses,
            source: entry.source.as_deref().or(evidence.source.as_deref()),
            text_version: evidence.text_version.as_deref(),
            occurred_at: entry.given_at.or(evidence.given_at).unwrap_or(now),
            digest: String::new(),
            hash: String::new(),
            salt,
        };
        row.digest = digest(&row.salt, row.contact_id, row.addresses, row.source, row.text_version);
        let fields = [row.purpose, &row.kinds, row.entry, row.basis, row.method, row.actor];
        row.hash = hash(&self.last_hash, row.id, &fields, row.occurred_at, now, &row.digest);
        self.last_id = row.id;
        self.last_hash.clone_from(&row.hash);
        row
    }
}

/// Returns the digest of an entry's personal values.
fn digest(
    salt: &str,
    contact: i64,
    addresses: &str,
    source: Option<&str>,
    text_version: Option<&str>,
) -> String {
    let mut digest = Sha256::new();
    digest.update(salt);
    digest.update(contact.to_be_bytes());
    for text in [Some(addresses), source, text_version] {
        update_with_length(&mut digest, text);
    }
    hex::encode(digest.finalize())
}

/// Returns the hash of an entry: `before` is that of the entry before it, empty for the first.
fn hash(
    before: &str,
    id: i64,
    fields: &[&str; 6],
    occurred_at: Millis,
    recorded_at: Millis,
    digest: &str,
) -> String {
    let mut hash = Sha256::new();
    update_with_length(&mut hash, Some(before));
    for number in [id, occurred_at.as_millisecond(), recorded_at.as_millisecond()] {
        hash.update(number.to_be_bytes());
    }
    for text in fields.iter().copied().chain([digest]) {
        update_with_length(&mut hash, Some(text));
    }
    hex::encode(hash.finalize())
}

/// Adds a text after its length, so that no two lists of texts are the same bytes. `None` has the
/// length `u64::MAX`.
fn update_with_length(digest: &mut Sha256, text: Option<&str>) {
    digest.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
    digest.update(text.unwrap_or_default());
}

impl ConsentEntry {
    /// Returns true if the entry follows one with the hash `before`, and its values are those that
    /// it was made with.
    fn is_sound(&self, before: &str) -> bool {
        let (entry, basis) = (self.entry.as_str(), self.basis.as_str());
        let fields = [&self.purpose, &self.kinds, entry, basis, &self.method, &self.actor];
        let hash = hash(before, self.id, &fields, self.occurred_at, self.recorded_at, &self.digest);
        let (Some(salt), Some(contact)) = (&self.salt, self.contact_id) else { return hash == self.hash };
        let addresses = self.addresses.as_deref().unwrap_or_default();
        let digest = digest(salt, contact.0, addresses, self.source.as_deref(), self.text_version.as_deref());
        digest == self.digest && hash == self.hash
    }

    /// Returns the kinds of address that the entry covers.
    ///
    /// # Errors
    /// A kind that this version does not know.
    pub fn kinds(&self) -> Result<Vec<ConsentKind>, RowError> {
        self.kinds.split(',').map(|kind| ConsentKind::try_from(kind.to_owned())).collect()
    }
}

#[derive(serde::Serialize)]
struct Standing {
    id: i64,
    consents: String,
}

const GET_STANDING: Sql = sql!(
    "select coalesce(consents, ''), coalesce(email, ''), coalesce(phone, '') from contacts where id = $1"
    { sqlite: "", postgres: " for no key update" }
);

const SET_STANDING: Sql = sql!(
    "with " [batch 1 as input: id bigint, consents text]
    "update contacts set consents = i.consents, updated_at = $2 from input i where contacts.id = i.id"
);

const END_UNSUBSCRIPTION: Sql = sql!(
    "delete from suppressions where reason = 'unsubscribed'
       and (kind = 'email' and address = $1 or kind = 'phone' and address = $2)"
);

impl Contacts {
    /// Appends an entry for one contact and changes their consents by it, in one transaction.
    /// Returns the kinds of address whose state changed; without any, nothing is appended. Returns
    /// `None` if the contact does not exist.
    ///
    /// A grant after a withdrawal counts: it is the contact's own, with its evidence. It also
    /// removes a suppression because of an unsubscription from the addresses that it covers.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn consent_change(
        &self,
        change: &ConsentChange,
        evidence: &Evidence,
        now: Millis,
    ) -> Result<Option<Vec<ConsentKind>>, StoreError> {
        let mut tx = self.begin().await?;
        let changed = change_in(&mut tx, change, evidence, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Undoes a withdrawal that the contact made since `since` by unsubscribing: what was granted
    /// before it is granted again, by the contact's own hand. Returns whether there was one.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn consent_undo(
        &self,
        contact: ContactId,
        since: Millis,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let entries = self.consent_entries(contact, UNDO_ENTRIES).await?;
        let is_undone = |entry: &ConsentEntry| {
            entry.entry == EntryKind::Withdraw && entry.actor == "contact" && entry.recorded_at >= since
        };
        let Some(at) = entries.iter().position(is_undone) else { return Ok(false) };
        let (withdrawal, earlier) = (&entries[at], &entries[at + 1..]);
        let row = |entry: &ConsentEntry| {
            (contact, entry.purpose.clone(), entry.kinds.clone(), entry.entry.as_str().to_owned())
        };
        let before = fold(earlier.iter().rev().map(row).collect())?.remove(&contact).unwrap_or_default();
        let mut kinds = withdrawal.kinds()?;
        kinds.retain(|kind| before.is_granted(&withdrawal.purpose, *kind));
        if kinds.is_empty() {
            return Ok(false);
        }
        let evidence = Evidence {
            purpose: withdrawal.purpose.clone(),
            basis: Basis::Consent,
            method: "unsubscription-undone".to_owned(),
            actor: "contact".to_owned(),
            ..Evidence::default()
        };
        let change = ConsentChange { contact, entry: EntryKind::Grant, kinds };
        Ok(self.consent_change(&change, &evidence, now).await?.is_some())
    }

    /// Lists up to `limit` entries of a contact, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn consent_entries(
        &self,
        contact: ContactId,
        limit: i64,
    ) -> Result<Vec<ConsentEntry>, StoreError> {
        self.rows(&OF_CONTACT, args![contact, limit]).await
    }

    /// Verifies the ledger: that each entry follows the one before without a gap, that its values
    /// are those it was made with, and that each contact's consents are what the ledger says.
    ///
    /// # Errors
    /// The database refused or went away, or an entry cannot be read.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn consent_verify(&self) -> Result<LedgerReport, StoreError> {
        let mut report = LedgerReport::default();
        let mut before = String::new();
        loop {
            let page: Vec<ConsentEntry> = self.rows(&PAGE, args![report.entries, PAGE_SIZE]).await?;
            if page.is_empty() {
                break;
            }
            for entry in page {
                report.entries += 1;
                if entry.id != report.entries || !entry.is_sound(&before) {
                    report.broken_at = Some(report.entries);
                    return Ok(report);
                }
                report.erased += i64::from(entry.contact_id.is_none());
                before = entry.hash;
            }
        }
        report.differs = self.first_differing_contact().await?;
        Ok(report)
    }

    /// Returns the first contact whose consents are not what the ledger says.
    async fn first_differing_contact(&self) -> Result<Option<ContactId>, StoreError> {
        let mut after = ContactId(0);
        loop {
            let page: Vec<(ContactId, String)> = self.rows(&STANDINGS, args![after, PAGE_SIZE]).await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            let entries = self.rows(&OF_CONTACTS, args![after, *last]).await?;
            let expected = fold(entries)?;
            let differs = |(id, stored): &(ContactId, String)| {
                expected.get(id).map_or_else(String::new, Consents::stored) != *stored
            };
            if let Some((id, _)) = page.iter().find(|row| differs(row)) {
                return Ok(Some(*id));
            }
            after = *last;
        }
    }
}

/// Returns what entries come to for each contact.
fn fold(
    entries: Vec<(ContactId, String, String, String)>,
) -> Result<HashMap<ContactId, Consents>, StoreError> {
    let mut all: HashMap<ContactId, Consents> = HashMap::new();
    for (contact, purpose, kinds, entry) in entries {
        let state = ConsentState::after(EntryKind::try_from(entry)?);
        let consents = all.entry(contact).or_default();
        for kind in kinds.split(',') {
            consents.set(&purpose, ConsentKind::try_from(kind.to_owned())?, state);
        }
    }
    Ok(all)
}

/// Returns the states that an entry sets, for those of `kinds` whose state it changes. An import
/// enters a grant only where there is no entry yet.
pub(crate) fn changed_kinds(
    consents: &Consents,
    purpose: &str,
    kinds: &[ConsentKind],
    state: ConsentState,
    only_unknown: bool,
) -> Vec<ConsentKind> {
    let changes = |kind: &ConsentKind| match consents.state(purpose, *kind) {
        None => true,
        Some(known) => !only_unknown && known != state,
    };
    kinds.iter().copied().filter(changes).collect()
}

/// Appends an entry and changes the contact's consents as [`Contacts::consent_change`] does, in the
/// transaction of the caller.
///
/// # Errors
/// The database refused or went away.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn change_in(
    tx: &mut Tx,
    change: &ConsentChange,
    evidence: &Evidence,
    now: Millis,
) -> Result<Option<Vec<ConsentKind>>, StoreError> {
    let mut ledger = Ledger::lock(tx).await?;
    let known: Option<(String, String, String)> = tx.row(&GET_STANDING, args![change.contact]).await?;
    let Some((consents, email, phone)) = known else { return Ok(None) };
    let mut consents = Consents::try_from(consents)?;
    let kinds = if change.kinds.is_empty() { ConsentKind::ALL } else { &change.kinds };
    let entry = evidence.entry(change.entry);
    let state = ConsentState::after(entry);
    let kinds = changed_kinds(&consents, &evidence.purpose, kinds, state, false);
    if kinds.is_empty() {
        return Ok(Some(kinds));
    }
    for kind in &kinds {
        consents.set(&evidence.purpose, *kind, state);
    }
    let basis = if state == ConsentState::Withdrawn { Basis::None } else { evidence.basis };
    let addresses = format!("{email} {phone}").trim().to_owned();
    let entry = NewEntry {
        contact: change.contact,
        entry,
        basis,
        kinds: kinds.clone(),
        addresses,
        source: None,
        given_at: None,
    };
    ledger.append(tx, &[entry], evidence, now).await?;
    let standing = [Standing { id: change.contact.0, consents: consents.stored() }];
    tx.execute(&SET_STANDING, args![batch(&standing)?, now]).await?;
    if state == ConsentState::Granted {
        let email = Some(email).filter(|_| kinds.contains(&ConsentKind::Email));
        let phone = Some(phone).filter(|_| kinds.contains(&ConsentKind::Phone));
        tx.execute(&END_UNSUBSCRIPTION, args![email.as_deref(), phone.as_deref()]).await?;
    }
    Ok(Some(kinds))
}
