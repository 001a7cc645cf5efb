//! Leases of workers, and the takeover of deliveries from workers that are gone.

use std::collections::{BTreeMap, HashMap};

use database::{DeliveryId, LeaseId, Millis, RowError, Sql, StoreError, args, batch, sql};

use crate::counter_deltas::CounterDeltas;
use crate::delivery::{Outcome, RecordedOutcome, record_outcomes};
use crate::{DeliveryState, Store};

/// The numbers of deliveries taken over from workers that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakeoverCounts {
    /// Claimed but not begun: queued again.
    pub released: u64,
    /// Begun without a recorded answer, to be sent again: counted as `repeat`.
    pub resent: u64,
    /// Begun without a recorded answer, left `uncertain` for a person.
    pub uncertain: u64,
    /// Accepted but not recorded: known from the worker's journal.
    pub sent: u64,
}

/// A lease of a worker: while it is valid, the worker may claim and begin deliveries.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Lease {
    /// The number of the lease, which is its epoch.
    pub id: LeaseId,
    /// The worker: its host and process.
    pub worker: String,
    /// The time at which the lease began.
    pub acquired_at: Millis,
    /// The time at which it expires unless it is renewed.
    pub expires_at: Millis,
    /// A note for people about the worker.
    pub note: Option<String>,
}

/// The journal entry of a worker about a try whose outcome is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JournalEntry {
    /// The other side did not accept it.
    Refused,
    /// It was handed over; the other side may have it.
    HandedOver,
    /// The other side accepted it.
    Accepted,
}

/// Journal entries by delivery and number of the try.
pub type JournalEntries = HashMap<(DeliveryId, i64), JournalEntry>;

const OPEN: Sql =
    sql!("insert into leases (worker, acquired_at, expires_at, plans) values ($1, $2, $3, $4) returning id");

const RENEW: Sql = sql!("update leases set expires_at = $2 where id = $1");

const RELEASE_UNBEGUN: Sql =
    sql!("update deliveries set lease_id = null where lease_id = $1 and state in ('queued', 'deferred')");

const CLOSE: Sql = sql!("delete from leases where id = $1");

/// Finds out whether a sweep has anything to do.
const STALE: Sql = sql!(
    "select cast(1 as bigint) from leases where expires_at <= $1
     union all
     select cast(1 as bigint) from deliveries d where d.lease_id is not null
       and not exists (select 1 from leases l where l.id = d.lease_id)
     limit 1"
);

/// Deletes a lease if it is still expired. The condition is checked again after waiting for the
/// worker's own renewal.
const CLOSE_STALE: Sql = sql!("delete from leases where id = $1 and expires_at <= $2");

const EXPIRE: Sql = sql!("delete from leases where expires_at <= $1");

/// Takes over begun deliveries. A cancelled run sends nothing again: its delivery stays uncertain.
/// A try is looked up at the other side before the next one, which waits until the other side must
/// have finished with it (`look_after`).
const TAKE_BEGUN: Sql = sql!(
    "update deliveries set lease_id = null, answer = 'the worker stopped before the answer',
       state = case when r.on_uncertain = 'resend' and r.state <> 'cancelled' then 'queued' else 'uncertain' end,
       due_at = case when r.on_uncertain = 'resend' and r.state <> 'cancelled'
                     then case when r.look_after > 0 then $1 + r.look_after else deliveries.due_at end end,
       repeats = repeats + case when r.on_uncertain = 'resend' and r.state <> 'cancelled' then 1 else 0 end
     from runs r
     where r.id = deliveries.run_id and deliveries.lease_id is not null and deliveries.state = 'sending'
       and not exists (select 1 from leases l where l.id = deliveries.lease_id)
     returning deliveries.id as id, deliveries.state as state, deliveries.attempts as attempts"
);

const TAKE_CLAIMED: Sql = sql!(
    "update deliveries set lease_id = null
     where lease_id is not null and not exists (select 1 from leases l where l.id = deliveries.lease_id)"
);

const ATTEMPTS: Sql = sql!(
    "with " [batch 1 as input: id bigint, number bigint]
    "insert into attempts (delivery_id, number, finished_at, outcome, answer)
     select id, number, $2, 'unknown', 'the worker stopped before the answer' from input order by id"
);

const NOTE: Sql = sql!("update leases set note = nullif($2, '') where id = $1");

const LIST: Sql = sql!("select id, worker, acquired_at, expires_at, note from leases order by id");

const BEGUN: Sql =
    sql!("select id, attempts from deliveries where lease_id = $1 and state = 'sending' order by id");

const CLEAR_LEASE: Sql = sql!("update deliveries set lease_id = null where lease_id = $1");

#[derive(serde::Serialize)]
struct Attempt {
    id: DeliveryId,
    number: i64,
}

/// Derives the outcome of a try from the worker's journal entry.
fn outcome_of(entry: Option<&JournalEntry>, now: Millis) -> Outcome {
    let answer = |text: &str| text.to_owned();
    match entry {
        Some(JournalEntry::Accepted) => Outcome::Accepted {
            answer: answer("accepted; the worker stopped before it wrote the answer down"),
            post: None,
        },
        Some(JournalEntry::HandedOver) => {
            Outcome::Unknown { retry_at: Some(now), answer: answer("the worker stopped before the answer") }
        }
        Some(JournalEntry::Refused) | None => {
            Outcome::Returned { answer: answer("the worker stopped before it was sent") }
        }
    }
}

impl Store {
    /// Opens a lease for a worker until `expires_at`; `plans` is true if the worker plans what the
    /// files say. The lease's number is its epoch and is never given twice.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_open(
        &self,
        worker: &str,
        plans: bool,
        now: Millis,
        expires_at: Millis,
    ) -> Result<LeaseId, StoreError> {
        let mut tx = self.begin().await?;
        let opened: Option<(LeaseId,)> =
            tx.row(&OPEN, args![worker, now, expires_at, i64::from(plans)]).await?;
        tx.commit().await?;
        opened.map(|(id,)| id).ok_or_else(|| RowError::Unnumbered("lease").into())
    }

    /// Renews a lease. Returns false if it had expired and was taken over: the worker must stop.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_renew(&self, id: LeaseId, expires_at: Millis) -> Result<bool, StoreError> {
        Ok(self.execute(&RENEW, args![id, expires_at]).await? > 0)
    }

    /// Sets the note for people about a worker; an empty text removes it.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_note(&self, id: LeaseId, note: &str) -> Result<(), StoreError> {
        self.execute(&NOTE, args![id, note]).await.map(|_| ())
    }

    /// Takes over the deliveries of expired and closed leases, and deletes the expired leases.
    /// Inserts an `unknown` attempt for each begun delivery.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_sweep(&self, now: Millis) -> Result<TakeoverCounts, StoreError> {
        // Most of the time no worker is gone: then SQLite's single writer is left to others.
        if self.rows::<(i64,)>(&STALE, args![now]).await?.is_empty() {
            return Ok(TakeoverCounts::default());
        }
        let mut tx = self.begin().await?;
        // On PostgreSQL this waits for claims and records that hold the lease's row. The next
        // statements see what they wrote, so no delivery stays with a deleted lease.
        tx.execute(&EXPIRE, args![now]).await?;
        tx.lock("select id from runs where finished_at is null order by id for share").await?;
        let begun: Vec<RecordedOutcome> = tx.rows(&TAKE_BEGUN, args![now]).await?;
        let mut taken = TakeoverCounts {
            released: tx.execute(&TAKE_CLAIMED, args![]).await?,
            ..TakeoverCounts::default()
        };
        let mut deltas = CounterDeltas::default();
        for RecordedOutcome { id, state, .. } in &begun {
            if *state == DeliveryState::Queued {
                taken.resent += 1;
                deltas.add_repeats(id.run(), 1);
            } else {
                taken.uncertain += 1;
                deltas.add_ended(id.run(), DeliveryState::Uncertain, "", 1);
            }
        }
        if !begun.is_empty() {
            let attempts: Vec<_> =
                begun.iter().map(|row| Attempt { id: row.id, number: row.attempts }).collect();
            tx.execute(&ATTEMPTS, args![batch(&attempts)?, now]).await?;
        }
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Lists all leases by number.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_list(&self) -> Result<Vec<Lease>, StoreError> {
        self.rows(&LIST, args![]).await
    }

    /// Takes over one lease whose worker is gone, with the entries of the worker's journal: tries
    /// that were handed over without an answer are `unknown`, accepted ones are `sent`, and all
    /// others were never sent and are queued again. Does nothing if another worker was first, or if
    /// the lease has not expired by `expired_by` after all, because its worker only slept and has
    /// renewed it. `None` is for a worker that is certainly dead.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_take_over(
        &self,
        id: LeaseId,
        expired_by: Option<Millis>,
        journal: &JournalEntries,
        now: Millis,
    ) -> Result<TakeoverCounts, StoreError> {
        let mut tx = self.begin().await?;
        let closed = match expired_by {
            Some(time) => tx.execute(&CLOSE_STALE, args![id, time]).await?,
            None => tx.execute(&CLOSE, args![id]).await?,
        };
        if closed == 0 {
            return Ok(TakeoverCounts::default());
        }
        tx.lock("select id from runs where finished_at is null order by id for share").await?;
        let begun: Vec<(DeliveryId, i64)> = tx.rows(&BEGUN, args![id]).await?;
        let outcomes: BTreeMap<DeliveryId, Outcome> =
            begun.into_iter().map(|(id, number)| (id, outcome_of(journal.get(&(id, number)), now))).collect();
        let outcomes = outcomes.iter().map(|(id, outcome)| (*id, outcome)).collect();
        let mut deltas = CounterDeltas::default();
        let mut taken = TakeoverCounts::default();
        for RecordedOutcome { id, state, .. } in
            record_outcomes(&mut tx, id, &outcomes, now, &mut deltas).await?
        {
            match (outcomes.get(&id), state) {
                (Some(Outcome::Unknown { .. }), DeliveryState::Deferred) => taken.resent += 1,
                (_, DeliveryState::Uncertain) => taken.uncertain += 1,
                (_, DeliveryState::Sent) => taken.sent += 1,
                _ => taken.released += 1,
            }
        }
        taken.released += tx.execute(&CLEAR_LEASE, args![id]).await?;
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Releases all deliveries that are not begun, and ends the lease. Begun deliveries stay begun
    /// until the next sweep.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_close(&self, id: LeaseId, _now: Millis) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(&CLOSE, args![id]).await?;
        tx.execute(&RELEASE_UNBEGUN, args![id]).await?;
        tx.commit().await
    }
}
