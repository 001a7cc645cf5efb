//! The end of a run by hand: marked at once, its deliveries a slab at a time, so that a large one keeps nobody
//! from the one writer of SQLite.

use database::{
    ContactId, DeliveryId, Millis, RunId, Sql, StoreError, again_if_deadlocked, args, id_space, sql,
};

use crate::moves::Moves;
use crate::{DeliveryState, Store};

/// From here on nothing of it is claimed, begun or put off. It has ended when its last delivery has: until then
/// it is among those that every worker looks after.
const CANCEL: Sql =
    sql!("update runs set state = 'cancelled' where id = $1 and state in ('planned', 'running', 'paused')");

/// Runs that follow it, and those that follow them.
const FOLLOWERS: Sql = sql!(
    "with recursive followers(id) as (
       select id from runs where parent_id = $1
       union select r.id from runs r join followers f on r.parent_id = f.id)
     update runs set state = 'cancelled', cancelled_with = $1
     where id in (select id from followers) and state in ('planned', 'running', 'paused')
     returning id"
);

/// Held until the commit: who ends the run sees every slab.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'cancelled' and finished_at is null"
    { sqlite: "", postgres: " for no key update" }
);

/// Those after $2, at most $3 of them. Whether an earlier try arrived, no cancellation changes.
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

/// How many deliveries end in one transaction: some tens of milliseconds.
pub(crate) const SLAB: i64 = 4_000;

/// Before every delivery of a run.
pub(crate) fn before(run: RunId) -> DeliveryId {
    DeliveryId(DeliveryId::new(run, ContactId::FEED).0 - 1)
}

/// Where a slab of deliveries stopped, if it is a full one: there may be more.
pub(crate) fn slab_end(slab: &[(DeliveryId, String)]) -> Option<DeliveryId> {
    let is_full = i64::try_from(slab.len()) == Ok(SLAB);
    slab.iter().map(|(id, _)| *id).max().filter(|_| is_full)
}

/// How many deliveries are in a state, and how many are not.
pub(crate) fn counted(slab: &[(DeliveryId, String)], state: DeliveryState) -> (i64, i64) {
    let there = slab.iter().filter(|(_, its)| its == state.as_str()).count();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    (count(there), count(slab.len() - there))
}

impl Store {
    /// Ends a run, and those that follow it: what is not under way is `cancelled`, or `uncertain` where an earlier try may have arrived; what is finishes. Nothing more is begun as soon as this
    /// is asked for; of a large run the deliveries follow. Should this be dropped before, every
    /// [`Store::run_cancel_more`] goes on. Says how many were cancelled, or `None` if the run had ended.
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
                self.let_others_write().await;
            }
        }
        Ok(Some(self.row::<(i64,)>(&CANCELLED, args![id]).await?.map_or(0, |(count,)| count)))
    }

    /// Goes on with the cancellation of a run by some thousands of its deliveries, after the one where it stopped
    /// or from the first on, and ends the run when none is left. Says where it stopped if there is more to do.
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
        let after = after.unwrap_or_else(|| before(id));
        again_if_deadlocked!(self.cancel_slab(id, after, now))
    }

    async fn cancel_slab(
        &self,
        id: RunId,
        after: DeliveryId,
        now: Millis,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![id]).await?.is_none() {
            return Ok(None);
        }
        let some: Vec<(DeliveryId, String)> = tx.rows(&DELIVERIES, args![id, after, SLAB]).await?;
        let last = slab_end(&some);
        if last.is_none() {
            tx.execute(&END, args![id, now]).await?;
        }
        let mut moves = Moves::default();
        let (cancelled, uncertain) = counted(&some, DeliveryState::Cancelled);
        moves.ended(id, DeliveryState::Cancelled, "", cancelled);
        moves.ended(id, DeliveryState::Uncertain, "", uncertain);
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(last)
    }
}
