//! Reopening of cancelled runs, for the contacts who have not got them.

use database::{DeliveryId, Millis, RunId, Sql, StoreError, args, id_space, retry_on_deadlock, sql};

use super::cancel::{CHUNK_SIZE, before_first, chunk_end};
use crate::counter_deltas::CounterDeltas;
use crate::engagement::reread_sends;
use crate::{DeliveryState, Store};

/// Pauses a cancelled run until its deliveries are queued again; its expiry moves as it does for a
/// retry.
const REOPEN: Sql = sql!(
    "update runs set state = 'paused', paused_by = 'hand', note = $3, finished_at = null, cancelled_with = null,
       " reread_sends!() ",
       expires_at = case when expires_at > $2 then expires_at
                         when expires_at - instant > 3600000 then $2 + expires_at - instant
                         else $2 + 3600000 end
     where id = $1 and state = 'cancelled' and finished_at is not null"
);

const FOLLOWERS: Sql =
    sql!("select id from runs where cancelled_with = $1 and state = 'cancelled' order by id");

/// Locks the paused run until the commit.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'paused'"
    { sqlite: "", postgres: " for no key update" }
);

/// SQL condition: a later run of the same step reached the target of delivery `d` of run $1, or
/// will: one by hand with `--missing` or `--again`, or the next occurrence.
macro_rules! reached_by_later_run {
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
pub(super) use reached_by_later_run;

/// Queues cancelled deliveries after $2, at most $3 of them; $4 is now. A due time that lies ahead
/// is kept. Deliveries to contacts that a later run reached stay cancelled.
const DELIVERIES: Sql = sql!(
    "update deliveries set state = 'queued', reason = null,
       due_at = case when scheduled_at > $4 then scheduled_at else $4 end
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.state = 'cancelled'
                    and not " reached_by_later_run!() "
                  order by d.id limit $3)
       and state = 'cancelled'
     returning id, state"
);

const RESUME: Sql = sql!(
    "update runs set state = case when planned_at is null then 'planned' else 'running' end, note = null, paused_by = null
     where id = $1 and state = 'paused'"
);

/// The note on the run while its deliveries are queued again; `chorus runs resume` continues after
/// an interruption.
pub(super) const REOPENING_NOTE: &str = "it is being taken up again";

impl Store {
    /// Reopens a cancelled run, with the runs that were cancelled with it: contacts who have not
    /// got it are queued. Returns the number of queued deliveries of the run itself; `None` if it
    /// is not cancelled, or its cancellation has not ended.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_reopen(&self, id: RunId, now: Millis) -> Result<Option<i64>, StoreError> {
        let followers: Vec<(RunId,)> = self.rows(&FOLLOWERS, args![id]).await?;
        if self.execute(&REOPEN, args![id, now, REOPENING_NOTE]).await? == 0 {
            return Ok(None);
        }
        let queued = self.requeue_cancelled(id, now).await?;
        for (follower,) in followers {
            if self.execute(&REOPEN, args![follower, now, REOPENING_NOTE]).await? > 0 {
                self.requeue_cancelled(follower, now).await?;
            }
        }
        Ok(Some(queued))
    }

    /// Queues the cancelled deliveries of a paused run again, some thousands at a time, and resumes
    /// it.
    pub(super) async fn requeue_cancelled(&self, id: RunId, now: Millis) -> Result<i64, StoreError> {
        let (mut queued, mut after) = (0, Some(before_first(id)));
        while let Some(last) = after {
            let (count, next) = retry_on_deadlock!(self.requeue_chunk(id, last, now))?;
            queued += count;
            after = next;
            self.yield_writer().await;
        }
        self.execute(&RESUME, args![id]).await?;
        Ok(queued)
    }

    async fn requeue_chunk(
        &self,
        id: RunId,
        after: DeliveryId,
        now: Millis,
    ) -> Result<(i64, Option<DeliveryId>), StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![id]).await?.is_none() {
            return Ok((0, None));
        }
        let chunk: Vec<(DeliveryId, String)> =
            tx.rows(&DELIVERIES, args![id, after, CHUNK_SIZE, now]).await?;
        let count = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
        let mut deltas = CounterDeltas::default();
        deltas.add_ended(id, DeliveryState::Cancelled, "", -count);
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok((count, chunk_end(&chunk)))
    }
}
