//! Cancellation of runs: the run is marked at once and its deliveries follow in chunks, so that a
//! large run does not block SQLite's single writer.

use database::{
    ContactId, DeliveryId, Millis, RunId, Sql, StoreError, args, id_space, retry_on_deadlock, sql,
};

use crate::counter_deltas::CounterDeltas;
use crate::{DeliveryState, Store};

/// Marks a run as cancelled: from now on none of its deliveries is claimed, begun or deferred. It
/// has ended when its last delivery has; until then it is a live run that each worker continues to
/// cancel.
const CANCEL: Sql =
    sql!("update runs set state = 'cancelled' where id = $1 and state in ('planned', 'running', 'paused')");

/// Cancels the runs that follow it, and those that follow them.
const FOLLOWERS: Sql = sql!(
    "with recursive followers(id) as (
       select id from runs where parent_id = $1
       union select r.id from runs r join followers f on r.parent_id = f.id)
     update runs set state = 'cancelled', cancelled_with = $1
     where id in (select id from followers) and state in ('planned', 'running', 'paused')
     returning id"
);

/// Locks the run until the commit, so that the transaction that ends it sees every chunk.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'cancelled' and finished_at is null"
    { sqlite: "", postgres: " for no key update" }
);

/// Cancels the deliveries after $2, at most $3 of them. A delivery that an earlier try may have
/// brought becomes `uncertain`.
const DELIVERIES: Sql = sql!(
    "update deliveries set reason = null, due_at = null, lease_id = null,
       state = case when repeats > 0 then 'uncertain' else 'cancelled' end
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.state in ('queued', 'deferred')
                  order by d.id limit $3)
       and state in ('queued', 'deferred')
     returning id, state"
);

const END: Sql = sql!("update runs set finished_at = $2 where id = $1");

const CANCELLED: Sql = sql!(
    "select cast(coalesce(sum(count), 0) as bigint) from run_tallies where run_id = $1 and state = 'cancelled'"
);

/// The number of deliveries that end in one transaction, which takes some tens of milliseconds.
pub(crate) const CHUNK_SIZE: i64 = 2_000;

/// Returns an id before all deliveries of a run.
pub(crate) fn before_first(run: RunId) -> DeliveryId {
    DeliveryId(DeliveryId::new(run, ContactId::FEED).0 - 1)
}

/// Returns the last id of a full chunk, after which there may be more; `None` for the last chunk.
pub(crate) fn chunk_end(chunk: &[(DeliveryId, String)]) -> Option<DeliveryId> {
    let is_full = i64::try_from(chunk.len()) == Ok(CHUNK_SIZE);
    chunk.iter().map(|(id, _)| *id).max().filter(|_| is_full)
}

/// Returns the numbers of deliveries in a chunk that are in a state, and that are not.
pub(crate) fn count_in_state(chunk: &[(DeliveryId, String)], state: DeliveryState) -> (i64, i64) {
    let matching = chunk.iter().filter(|(_, its)| its == state.as_str()).count();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    (count(matching), count(chunk.len() - matching))
}

impl Store {
    /// Cancels a run and the runs that follow it: deliveries that are not being sent become
    /// `cancelled`, or `uncertain` if an earlier try may have arrived; those being sent finish. As
    /// soon as this is called, no further delivery is begun; the deliveries of a large run are
    /// cancelled in chunks. If the future is dropped before the end, each
    /// [`Store::run_cancel_more`] continues. Returns the number of cancelled deliveries, or `None`
    /// if the run had ended.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_cancel(&self, id: RunId, now: Millis) -> Result<Option<i64>, StoreError> {
        let mut tx = self.begin().await?;
        if tx.execute(&CANCEL, args![id]).await? == 0 {
            return Ok(None);
        }
        let followers: Vec<(RunId,)> = tx.rows(&FOLLOWERS, args![id]).await?;
        tx.commit().await?;
        for run in std::iter::once(id).chain(followers.into_iter().map(|(follower,)| follower)) {
            let mut after = None;
            while let Some(last) = self.run_cancel_more(run, after, now).await? {
                after = Some(last);
                self.yield_writer().await;
            }
        }
        Ok(Some(self.row::<(i64,)>(&CANCELLED, args![id]).await?.map_or(0, |(count,)| count)))
    }

    /// Continues the cancellation of a run with some thousands of its deliveries, after `after` or
    /// from the first, and ends the run when none is left. Returns the last delivery of the chunk
    /// if there is more to do.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_cancel_more(
        &self,
        id: RunId,
        after: Option<DeliveryId>,
        now: Millis,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let after = after.unwrap_or_else(|| before_first(id));
        retry_on_deadlock!(self.cancel_chunk(id, after, now))
    }

    async fn cancel_chunk(
        &self,
        id: RunId,
        after: DeliveryId,
        now: Millis,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![id]).await?.is_none() {
            return Ok(None);
        }
        let ended: Vec<(DeliveryId, String)> = tx.rows(&DELIVERIES, args![id, after, CHUNK_SIZE]).await?;
        let last = chunk_end(&ended);
        if last.is_none() {
            tx.execute(&END, args![id, now]).await?;
        }
        let mut deltas = CounterDeltas::default();
        let (cancelled, uncertain) = count_in_state(&ended, DeliveryState::Cancelled);
        deltas.add_ended(id, DeliveryState::Cancelled, "", cancelled);
        deltas.add_ended(id, DeliveryState::Uncertain, "", uncertain);
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(last)
    }
}
