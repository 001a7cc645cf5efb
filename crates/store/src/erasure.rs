//! Erasure of a contact: everything that tells who they were is deleted, and the counts stay.

use contacts::{Contact, contact_columns, remember_erased};
use database::{ContactId, Millis, Sql, StoreError, args, id_space, retry_on_deadlock, sql};

use crate::Store;

const GET: Sql = sql!(
    "select " contact_columns!() " from contacts c where c.id = $1"
    { sqlite: "", postgres: " for update" }
);

/// The deliveries of contact $1.
macro_rules! own_deliveries {
    () => {
        concat!("(select d.id from runs r join deliveries d on d.id = r.id * ", id_space!(), " + $1)")
    };
}

const DELETE_OUTBOX: Sql = sql!("delete from outbox where delivery_id in " own_deliveries!());
const DELETE_TEST_COPIES: Sql = sql!(
    "delete from outbox where delivery_id in (
       select d.id from runs r join deliveries d on d.run_id = r.id where r.to_address = $1)"
);
const CLEAR_TEST_RUNS: Sql = sql!("update runs set to_address = 'erased' where to_address = $1");
const DELETE_POSTS: Sql = sql!("delete from posts where delivery_id in " own_deliveries!());
const CLEAR_ANSWERS: Sql =
    sql!("update deliveries set answer = null where answer is not null and id in " own_deliveries!());
const CLEAR_ATTEMPTS: Sql = sql!("update attempts set answer = '' where delivery_id in " own_deliveries!());
const CLEAR_REACTIONS: Sql = sql!(
    "update events set contact_id = null, detail = null, idempotency_key = null
     where delivery_id in " own_deliveries!()
);
const CLEAR_EVENTS: Sql =
    sql!("update events set contact_id = null, detail = null, idempotency_key = null where contact_id = $1");
const DELETE_SOFT_BOUNCES: Sql = sql!("delete from soft_bounces where contact_id = $1");
const DELETE_SUPPRESSIONS: Sql = sql!(
    "delete from suppressions where kind = 'email' and address = $1 or kind = 'phone' and address = $2
       and not exists (select 1 from contacts c where c.phone = $2)"
);
const CLEAR_ENTRIES: Sql = sql!(
    "update consent_entries set contact_id = null, addresses = null, source = null, text_version = null, salt = null
     where contact_id = $1"
);
const DELETE_CONTACT: Sql = sql!("delete from contacts where id = $1");

/// The statements about all rows of one contact, in their order.
const OF_CONTACT: [&Sql; 9] = [
    &DELETE_OUTBOX,
    &DELETE_POSTS,
    &CLEAR_ANSWERS,
    &CLEAR_ATTEMPTS,
    &CLEAR_REACTIONS,
    &CLEAR_EVENTS,
    &DELETE_SOFT_BOUNCES,
    &CLEAR_ENTRIES,
    &DELETE_CONTACT,
];

impl Store {
    /// Erases a contact in one transaction: the contact, the messages kept of them, answers that
    /// may name them, the details of what they did, and the values and salts of their entries in
    /// the ledger. Deliveries and events stay as numbers. Keyed hashes of the addresses stay, so
    /// that an address that is imported again gets nothing. Returns false if there is no such
    /// contact.
    ///
    /// # Errors
    /// The database refused or went away: nothing is erased.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact_erase(&self, contact: ContactId, now: Millis) -> Result<bool, StoreError> {
        retry_on_deadlock!(self.erase_once(contact, now))
    }

    async fn erase_once(&self, id: ContactId, now: Millis) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let Some(contact) = tx.row::<Contact>(&GET, args![id]).await? else { return Ok(false) };
        let known =
            [("email", &contact.email), ("phone", &contact.phone), ("external_id", &contact.external_id)];
        let addresses: Vec<_> =
            known.into_iter().filter_map(|(kind, value)| Some((kind, value.as_deref()?))).collect();
        remember_erased(&mut tx, &addresses, now).await?;
        for (_, address) in &addresses {
            tx.execute(&DELETE_TEST_COPIES, args![*address]).await?;
            tx.execute(&CLEAR_TEST_RUNS, args![*address]).await?;
        }
        for statement in OF_CONTACT {
            tx.execute(statement, args![id]).await?;
        }
        let phone = contact.phone.as_deref();
        tx.execute(&DELETE_SUPPRESSIONS, args![contact.email.as_deref(), phone]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
