//! A cancelled run goes on, for those who have not got it.

use database::{DeliveryId, Millis, RunId, Sql, StoreError, again_if_deadlocked, args, id_space, sql};

use super::cancel::{SLAB, before, slab_end};
use crate::engagement::sends_anew;
use crate::moves::Moves;
use crate::{DeliveryState, Store};

/// It is paused until its deliveries are queued again; its expiry moves as it does for a retry.
const REOPEN: Sql = sql!(
    "update runs set state = 'paused', paused_by = 'hand', note = $3, finished_at = null, cancelled_with = null,
       " sends_anew!() ",
       expires_at = case when expires_at > $2 then expires_at
                         when expires_at - instant > 3600000 then $2 + expires_at - instant
                         else $2 + 3600000 end
     where id = $1 and state = 'cancelled' and finished_at is not null"
);

const FOLLOWERS: Sql =
    sql!("select id from runs where cancelled_with = $1 and state = 'cancelled' order by id");

/// Held until the commit.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'paused'"
    { sqlite: "", postgres: " for no key update" }
);

/// True where a later run of the same step reached the target of delivery `d` of run $1, or will: by hand with `--missing`
/// or `--again`, or the next occurrence.
macro_rules! got_it_later {
    () => {
        concat!(
        "exists (select 1 from runs r
                 join runs o on o.campaign = r.campaign and o.step = r.step and o.id > r.id and o.kind <> 'test'
                 join deliveries od on od.id = o.id * ",
database::id_space!(),
" + d.contact_id
                 where r.id = $1 and r.kind <> 'test'
                   and od.state in ('queued', 'sending', 'deferred', 'sent', 'uncertain'))"
)
    };
}
pub(super) use got_it_later;

/// Those after $2, at most $3 of them; $4 is now. Whoever's time lies ahead keeps it. Who got it by a later run stays
/// as they are.
const DELIVERIES: Sql = sql!(
    "update deliveries set state = 'queued', reason = null,
       due_at = case when scheduled_at > $4 then scheduled_at else $4 end
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.state = 'cancelled'
                    and not " got_it_later!() "
                  order by d.id limit $3)
       and state = 'cancelled'
     returning id, state"
);

const GO_ON: Sql = sql!(
    "update runs set state = case when planned_at is null then 'planned' else 'running' end, note = null, paused_by = null
     where id = $1 and state = 'paused'"
);

/// What stands on the run while its deliveries are queued again; `chorus runs resume` goes on where that was cut short.
pub(super) const NOTE: &str = "it is being taken up again";

impl Store {
    /// Takes a cancelled run up again, with the runs that were cancelled with it: who has not got it is queued. Says
    /// how many of the run itself; `None` if it is not cancelled, or its cancellation has not ended.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_reopen(&self, id: RunId, now: Millis) -> Result<Option<i64>, StoreError> {
        let followers: Vec<(RunId,)> = self.rows(&FOLLOWERS, args![id]).await?;
        if self.execute(&REOPEN, args![id, now, NOTE]).await? == 0 {
            return Ok(None);
        }
        let queued = self.requeue_cancelled(id, now).await?;
        for (follower,) in followers {
            if self.execute(&REOPEN, args![follower, now, NOTE]).await? > 0 {
                self.requeue_cancelled(follower, now).await?;
            }
        }
        Ok(Some(queued))
    }

    /// Queues the cancelled deliveries of a paused run again, some thousands at a time, and lets it go on.
    pub(super) async fn requeue_cancelled(&self, id: RunId, now: Millis) -> Result<i64, StoreError> {
        let (mut queued, mut after) = (0, Some(before(id)));
        while let Some(last) = after {
            let (some, next) = again_if_deadlocked!(self.requeue_slab(id, last, now))?;
            queued += some;
            after = next;
            self.let_others_write().await;
        }
        self.execute(&GO_ON, args![id]).await?;
        Ok(queued)
    }

    async fn requeue_slab(
        &self,
        id: RunId,
        after: DeliveryId,
        now: Millis,
    ) -> Result<(i64, Option<DeliveryId>), StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![id]).await?.is_none() {
            return Ok((0, None));
        }
        let some: Vec<(DeliveryId, String)> = tx.rows(&DELIVERIES, args![id, after, SLAB, now]).await?;
        let count = i64::try_from(some.len()).unwrap_or(i64::MAX);
        let mut moves = Moves::default();
        moves.ended(id, DeliveryState::Cancelled, "", -count);
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok((count, slab_end(&some)))
    }
}
