//! The end of a run by hand: marked at once, its deliveries a slab at a time, so that a large one keeps nobody
//! from the one writer of SQLite.

use crate::moves::Moves;
use crate::sql::{Sql, again_if_deadlocked, args, sql};
use crate::{DeliveryId, DeliveryState, Millis, RunId, Store, StoreError};

/// From here on nothing of it is claimed, begun or put off. It has ended when its last delivery has: until then
/// it is among those that every worker looks after.
const CANCEL: Sql =
    sql!("update runs set state = 'cancelled' where id = $1 and state in ('planned', 'running', 'paused')");

/// Held until the commit: who ends the run sees every slab.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'cancelled' and finished_at is null"
    { sqlite: "", postgres: " for no key update" }
);

/// By the index of what is due, which the rows leave.
const DELIVERIES: Sql = sql!(
    "update deliveries set state = 'cancelled', reason = null, due_at = null, lease_id = null
     where id in (select d.id from deliveries d
                  where d.run_id = $1 and d.due_at is not null and d.state in ('queued', 'deferred') limit $2)
       and state in ('queued', 'deferred')
     returning id"
);

const END: Sql = sql!("update runs set finished_at = $2 where id = $1");

const CANCELLED: Sql = sql!(
    "select cast(coalesce(sum(count), 0) as bigint) from run_tallies where run_id = $1 and state = 'cancelled'"
);

/// How many deliveries end in one transaction: about 50 ms.
pub(crate) const SLAB: i64 = 20_000;

impl Store {
    /// Ends a run: what is not under way is `cancelled`; what is finishes. Nothing more is begun as soon as this
    /// is asked for; of a large run the deliveries follow. Should this be dropped before, every
    /// [`Store::run_cancel_more`] goes on. Says how many were cancelled, or `None` if the run had ended.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn run_cancel(&self, id: RunId, now: Millis) -> Result<Option<i64>, StoreError> {
        if self.execute(&CANCEL, args![id]).await? == 0 {
            return Ok(None);
        }
        while self.run_cancel_more(id, now).await? {}
        Ok(Some(self.row::<(i64,)>(&CANCELLED, args![id]).await?.map_or(0, |(count,)| count)))
    }

    /// Goes on with the cancellation of a run by some thousands of deliveries, and ends the run when none is
    /// left. Says whether there is more to do.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn run_cancel_more(&self, id: RunId, now: Millis) -> Result<bool, StoreError> {
        again_if_deadlocked!(self.cancel_slab(id, now))
    }

    async fn cancel_slab(&self, id: RunId, now: Millis) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![id]).await?.is_none() {
            return Ok(false);
        }
        let some: Vec<(DeliveryId,)> = tx.rows(&DELIVERIES, args![id, SLAB]).await?;
        let count = i64::try_from(some.len()).unwrap_or(i64::MAX);
        let more = count == SLAB;
        if !more {
            tx.execute(&END, args![id, now]).await?;
        }
        let mut moves = Moves::default();
        moves.ended(id, DeliveryState::Cancelled, "", count);
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(more)
    }
}
