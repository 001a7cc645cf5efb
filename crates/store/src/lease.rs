//! Leases: a worker's claim, and what becomes of it when the worker is gone.

use std::collections::{BTreeMap, HashMap};

use database::{DeliveryId, LeaseId, Millis, RowError, Sql, StoreError, args, batch, sql};

use crate::delivery::{Ended, Outcome, settle};
use crate::moves::Moves;
use crate::{DeliveryState, Store};

/// What was found in the hands of workers that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakenOver {
    /// Claimed but not begun: queued again.
    pub released: u64,
    /// Begun without a recorded answer, to be sent again: counted as `repeat`.
    pub resent: u64,
    /// Begun without a recorded answer, left `uncertain` for a person.
    pub held: u64,
    /// Accepted, though it was not recorded: known from the worker's own traces.
    pub sent: u64,
}

/// A worker's claim.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Lease {
    /// Its number, which is its epoch.
    pub id: LeaseId,
    /// Who: host and process.
    pub worker: String,
    /// Since when.
    pub acquired_at: Millis,
    /// Until when, unless renewed.
    pub expires_at: Millis,
    /// What people should know of the worker.
    pub note: Option<String>,
}

/// What a worker left behind about a try whose outcome is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// Its answer was another than yes.
    Refused,
    /// The other side may have it.
    Out,
    /// It was accepted.
    Accepted,
}

/// Traces by delivery and number of the try.
pub type Traces = HashMap<(DeliveryId, i64), Trace>;

const OPEN: Sql =
    sql!("insert into leases (worker, acquired_at, expires_at, plans) values ($1, $2, $3, $4) returning id");

const RENEW: Sql = sql!("update leases set expires_at = $2 where id = $1");

const CLOSE_ROWS: Sql =
    sql!("update deliveries set lease_id = null where lease_id = $1 and state in ('queued', 'deferred')");

const CLOSE: Sql = sql!("delete from leases where id = $1");

/// Whether a sweep has anything to do.
const STALE: Sql = sql!(
    "select cast(1 as bigint) from leases where expires_at <= $1
     union all
     select cast(1 as bigint) from deliveries d where d.lease_id is not null
       and not exists (select 1 from leases l where l.id = d.lease_id)
     limit 1"
);

/// Looked at again when the worker's own renewal is what it waited for.
const CLOSE_STALE: Sql = sql!("delete from leases where id = $1 and expires_at <= $2");

const EXPIRE: Sql = sql!("delete from leases where expires_at <= $1");

/// A run that was cancelled sends nothing again: whether its message arrived, nobody knows. What is looked for before
/// it is sent again waits until the other side must have done with it.
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

const LET_GO: Sql = sql!("update deliveries set lease_id = null where lease_id = $1");

#[derive(serde::Serialize)]
struct Attempt {
    id: DeliveryId,
    number: i64,
}

/// What became of a try, as far as its worker left a trace of it.
fn traced(trace: Option<&Trace>, now: Millis) -> Outcome {
    let answer = |text: &str| text.to_owned();
    match trace {
        Some(Trace::Accepted) => Outcome::Accepted {
            answer: answer("accepted; the worker stopped before it wrote the answer down"),
            post: None,
        },
        Some(Trace::Out) => {
            Outcome::Unknown { retry_at: Some(now), answer: answer("the worker stopped before the answer") }
        }
        Some(Trace::Refused) | None => {
            Outcome::Returned { answer: answer("the worker stopped before it was sent") }
        }
    }
}

impl Store {
    /// A lease for a worker until `expires_at`; `plans` if it plans what the files say. Its number is its epoch: never given twice.
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

    /// Keeps a lease alive. False when it had expired and was taken over: the worker must stop.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_renew(&self, id: LeaseId, expires_at: Millis) -> Result<bool, StoreError> {
        Ok(self.execute(&RENEW, args![id, expires_at]).await? > 0)
    }

    /// Says what people should know of a worker; nothing, when empty.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_note(&self, id: LeaseId, note: &str) -> Result<(), StoreError> {
        self.execute(&NOTE, args![id, note]).await.map(|_| ())
    }

    /// Takes over what expired or ended leases held, and deletes them. Writes an `unknown` attempt for each
    /// begun one.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_sweep(&self, now: Millis) -> Result<TakenOver, StoreError> {
        // Most of the time nobody is gone: then SQLite's one writer is left alone.
        if self.rows::<(i64,)>(&STALE, args![now]).await?.is_empty() {
            return Ok(TakenOver::default());
        }
        let mut tx = self.begin().await?;
        // On PostgreSQL this waits for claims and records that hold the lease's row. What they wrote is seen by
        // the next statements, so nothing stays behind with a lease that is gone.
        tx.execute(&EXPIRE, args![now]).await?;
        tx.lock("select id from runs where finished_at is null order by id for share").await?;
        let begun: Vec<Ended> = tx.rows(&TAKE_BEGUN, args![now]).await?;
        let mut taken =
            TakenOver { released: tx.execute(&TAKE_CLAIMED, args![]).await?, ..TakenOver::default() };
        let mut moves = Moves::default();
        for Ended { id, state, .. } in &begun {
            if *state == DeliveryState::Queued {
                taken.resent += 1;
                moves.repeated(id.run(), 1);
            } else {
                taken.held += 1;
                moves.ended(id.run(), DeliveryState::Uncertain, "", 1);
            }
        }
        if !begun.is_empty() {
            let attempts: Vec<_> =
                begun.iter().map(|row| Attempt { id: row.id, number: row.attempts }).collect();
            tx.execute(&ATTEMPTS, args![batch(&attempts)?, now]).await?;
        }
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Every lease there is.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_list(&self) -> Result<Vec<Lease>, StoreError> {
        self.rows(&LIST, args![]).await
    }

    /// Takes over one lease whose worker is gone, knowing what it was at: what it had handed over without an
    /// answer is `unknown`, what was accepted is `sent`, and everything else was never sent and is queued again.
    /// Does nothing when somebody else was first, or when it has not expired by `expired_by` after all: its
    /// worker, which may only have slept, has renewed it. `None` is for a worker that is certainly dead.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_take_over(
        &self,
        id: LeaseId,
        expired_by: Option<Millis>,
        traces: &Traces,
        now: Millis,
    ) -> Result<TakenOver, StoreError> {
        let mut tx = self.begin().await?;
        let closed = match expired_by {
            Some(time) => tx.execute(&CLOSE_STALE, args![id, time]).await?,
            None => tx.execute(&CLOSE, args![id]).await?,
        };
        if closed == 0 {
            return Ok(TakenOver::default());
        }
        tx.lock("select id from runs where finished_at is null order by id for share").await?;
        let begun: Vec<(DeliveryId, i64)> = tx.rows(&BEGUN, args![id]).await?;
        let outcomes: BTreeMap<DeliveryId, Outcome> =
            begun.into_iter().map(|(id, try_)| (id, traced(traces.get(&(id, try_)), now))).collect();
        let outcomes = outcomes.iter().map(|(id, outcome)| (*id, outcome)).collect();
        let mut moves = Moves::default();
        let mut taken = TakenOver::default();
        for Ended { id, state, .. } in settle(&mut tx, id, &outcomes, now, &mut moves).await? {
            match (outcomes.get(&id), state) {
                (Some(Outcome::Unknown { .. }), DeliveryState::Deferred) => taken.resent += 1,
                (_, DeliveryState::Uncertain) => taken.held += 1,
                (_, DeliveryState::Sent) => taken.sent += 1,
                _ => taken.released += 1,
            }
        }
        taken.released += tx.execute(&LET_GO, args![id]).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Gives everything unbegun back and ends the lease. What is begun stays so until the next sweep.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn lease_close(&self, id: LeaseId, _now: Millis) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(&CLOSE, args![id]).await?;
        tx.execute(&CLOSE_ROWS, args![id]).await?;
        tx.commit().await
    }
}
