//! The answers of databases that were made before the ledger, entered into it.

use database::{ContactId, Millis, Sql, StoreError, args, batch, sql};

use super::ledger::{Ledger, NewEntry};
use super::{Basis, ConsentKind, ConsentState, Consents, DEFAULT_PURPOSE, EntryKind, Evidence};
use crate::Contacts;

/// The number of contacts that are entered in one transaction.
const CHUNK_SIZE: i64 = 2_000;

type Before = (ContactId, Option<String>, Option<String>, String);

const OPEN: Sql =
    sql!("select id, email, phone, consent_before from contacts where consents is null order by id limit $1");

#[derive(serde::Serialize)]
struct Row {
    id: i64,
    consents: String,
}

/// The time of the last change stays: the contacts themselves did not change.
const ENTERED: Sql = sql!(
    "with " [batch 1 as input: id bigint, consents text]
    "update contacts set consents = i.consents from input i where contacts.id = i.id and contacts.consents is null"
);

impl Contacts {
    /// Enters the answers that an earlier version stored, in pieces: a `yes` becomes a grant marked
    /// unproven for the addresses that the contact has, a `no` a withdrawal for all. Returns the
    /// number of contacts. Goes on where it was interrupted.
    ///
    /// # Errors
    /// The database refused or went away; what was entered stays.
    #[tracing::instrument(level = "debug", skip_all)]
    pub(crate) async fn consent_take_over(&self, now: Millis) -> Result<u64, StoreError> {
        let mut entered = 0;
        loop {
            let count = self.take_over_chunk(now).await?;
            entered += count;
            if count == 0 {
                return Ok(entered);
            }
            self.yield_writer().await;
        }
    }

    async fn take_over_chunk(&self, now: Millis) -> Result<u64, StoreError> {
        // Most of the time none is open: then no write transaction is begun.
        if self.rows::<Before>(&OPEN, args![1]).await?.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let mut ledger = Ledger::lock(&mut tx).await?;
        let contacts: Vec<Before> = tx.rows(&OPEN, args![CHUNK_SIZE]).await?;
        let entries: Vec<_> = contacts.iter().map(entry).collect();
        let rows: Vec<_> = entries.iter().map(row).collect();
        ledger.append(&mut tx, &entries, &evidence(), now).await?;
        tx.execute(&ENTERED, args![batch(&rows)?]).await?;
        tx.commit().await?;
        Ok(contacts.len() as u64)
    }
}

fn evidence() -> Evidence {
    Evidence { method: "earlier-version".to_owned(), actor: "migration".to_owned(), ..Evidence::default() }
}

fn entry((contact, email, phone, consent): &Before) -> NewEntry {
    let is_yes = consent == "yes";
    let covers = |kind: &ConsentKind| match kind {
        ConsentKind::Email => !is_yes || email.is_some(),
        ConsentKind::Phone => !is_yes || phone.is_some(),
        ConsentKind::Other => true,
    };
    NewEntry {
        contact: *contact,
        entry: if is_yes { EntryKind::Grant } else { EntryKind::Withdraw },
        basis: if is_yes { Basis::Unproven } else { Basis::None },
        kinds: ConsentKind::ALL.iter().copied().filter(covers).collect(),
        addresses: [email, phone].into_iter().flatten().cloned().collect::<Vec<_>>().join(" "),
        source: None,
        given_at: None,
    }
}

fn row(entry: &NewEntry) -> Row {
    let mut consents = Consents::default();
    for kind in &entry.kinds {
        consents.set(DEFAULT_PURPOSE, *kind, ConsentState::after(entry.entry));
    }
    Row { id: entry.contact.0, consents: consents.stored() }
}
