//! How runs stop, go on and end: single guarded statements.

use database::{Arg, DeliveryId, Millis, RunId, Sql, StoreError, Tx, args, batch_of_ids, id_space, sql};

use super::reopen::{NOTE, got_it_later};
use super::{PausedBy, before};
use crate::engagement::sends_anew;
use crate::moves::Moves;
use crate::{DeliveryState, Store, Tally, TallyState};

const PAUSE: Sql = sql!(
    "update runs set state = 'paused', note = $2, paused_by = $3 where id = $1 and state in ('planned', 'running')"
);

const SET_NOTE: Sql =
    sql!("update runs set note = nullif($2, '') where id = $1 and coalesce(note, '') <> $2");

const RESUME: Sql = sql!(
    "update runs set state = case when planned_at is null then 'planned' else 'running' end, note = null,
       paused_by = null
     where id = $1 and state = 'paused'"
);

/// A cancelled run that was being taken up again when the process ended: since when its deliveries fall due.
const CUT_SHORT: Sql = sql!("select instant from runs where id = $1 and state = 'paused' and note = $2");

/// Takes the row's lock before its deliveries are looked at.
const RETRY: Sql = sql!(
    "update runs set state = 'running', finished_at = null, note = null, " sends_anew!() ",
       expires_at = case when expires_at > $2 then expires_at
                         when expires_at - instant > 3600000 then $2 + expires_at - instant
                         else $2 + 3600000 end
     where id = $1 and (state in ('running', 'finished', 'finished_with_failures')
                        or state = 'cancelled' and finished_at is not null)"
);

const RETRY_COUNTS: Sql = sql!(
    "select state, reason, count from run_tallies
     where run_id = $1 and state in ('failed', 'uncertain') and count > 0"
);

const RETRY_DELIVERIES: Sql = sql!(
    "update deliveries set state = 'queued', reason = null, due_at = $3,
       repeats = repeats + case when state = 'uncertain' then 1 else 0 end
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.state in ('failed', 'uncertain')
                  order by d.id limit 20000)
     returning id"
);

/// Ends failed deliveries of people who got it by a later run.
const SUPERSEDE: Sql = sql!(
    "update deliveries set state = 'suppressed', reason = 'superseded'
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.state = 'failed' and " got_it_later!() "
                  order by d.id limit 20000)
     returning id"
);

const FINISHED: Sql = sql!(
    "select r.id from runs r where r.state = 'running' and r.finished_at is null
       and not exists (select 1 from deliveries d where d.run_id = r.id and d.due_at is not null)
       and not exists (select 1 from runs p where p.id = r.parent_id
                       and (p.finished_at is null or p.finished_at > r.planned_at))"
);

/// Locked before their deliveries are looked at, so that a retry under way is either seen or waited out.
const FINISH_LOCK: Sql = sql!(
    "select id from runs where state = 'running' and finished_at is null order by id"
    { sqlite: "", postgres: " for no key update skip locked" }
);

const FINISH: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update runs set finished_at = $2, note = null,
       state = case when exists (select 1 from run_tallies t where t.run_id = runs.id and t.count > 0
                                 and t.state in ('failed', 'uncertain'))
                    then 'finished_with_failures' else 'finished' end
     from input i
     where runs.id = i.id and runs.state = 'running'
       and not exists (select 1 from deliveries d where d.run_id = i.id and d.due_at is not null)
       and not exists (select 1 from runs p where p.id = runs.parent_id
                       and (p.finished_at is null or p.finished_at > runs.planned_at))
     returning runs.id"
);

impl Store {
    /// Stops a planned or running run for now, by hand, with a note. Says whether it did.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_pause(&self, id: RunId, note: &str) -> Result<bool, StoreError> {
        self.run_pause_by(id, PausedBy::Hand, note).await
    }

    /// Stops a planned or running run for now, with a note. Says whether it did.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_pause_by(&self, id: RunId, by: PausedBy, note: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&PAUSE, args![id, note, by.as_str()]).await? > 0)
    }

    /// Says what people should know of a run; nothing, when empty. Says whether that is new.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_note(&self, id: RunId, note: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&SET_NOTE, args![id, note]).await? > 0)
    }

    /// Lets a paused run go on: `planned` if its deliveries are not made yet, else `running`. One that stopped
    /// itself is judged by what it comes to from here on: answers that were under way when it stopped are not
    /// held against it again.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_resume(&self, id: RunId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if let Some((cut_short,)) = tx.row::<(Millis,)>(&CUT_SHORT, args![id, NOTE]).await? {
            drop(tx);
            self.requeue_cancelled(id, cut_short).await?;
            return Ok(true);
        }
        if tx.execute(&RESUME, args![id]).await? == 0 {
            return Ok(false);
        }
        self.rebase(&mut tx, id).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Queues exactly the failed and the held uncertain deliveries of an ended or running run again, and sets it
    /// running; whoever failed and got it by a later run of the step is left out. Its expiry, if past, moves as far from
    /// now as it was from its instant, an hour at least. Says how many; a run without any stays as it is.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_retry(&self, id: RunId, now: Millis) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if tx.execute(&RETRY, args![id, now]).await? == 0 {
            return Ok(0);
        }
        let mut moves = Moves::default();
        for Tally { state, reason, count } in tx.rows(&RETRY_COUNTS, args![id]).await? {
            let TallyState::Ended(state) = state else { continue };
            moves.ended(id, state, &reason, -count);
            if state == DeliveryState::Uncertain {
                moves.repeated(id, count);
            }
        }
        let superseded = in_slabs(&mut tx, id, &SUPERSEDE, &[]).await?;
        moves.ended(id, DeliveryState::Suppressed, "superseded", superseded);
        let queued = in_slabs(&mut tx, id, &RETRY_DELIVERIES, &[now.into()]).await?;
        if queued == 0 {
            return Ok(0);
        }
        moves.apply(&mut tx, now).await?;
        self.rebase(&mut tx, id).await?;
        tx.commit().await?;
        Ok(queued)
    }

    /// Ends running runs that have no open delivery left; one that follows another only when that has ended and
    /// was looked at since. Says which.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_finish(&self, now: Millis) -> Result<Vec<RunId>, StoreError> {
        // Most of the time nothing ends: then SQLite's one writer is left alone.
        if self.rows::<(RunId,)>(&FINISHED, args![]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let running: Vec<(RunId,)> = tx.rows(&FINISH_LOCK, args![]).await?;
        let running = batch_of_ids(running.into_iter().map(|(id,)| id))?;
        let mut done: Vec<(RunId,)> = tx.rows(&FINISH, args![running, now]).await?;
        tx.commit().await?;
        done.sort_unstable();
        Ok(done.into_iter().map(|(id,)| id).collect())
    }
}

/// Runs an update of a run's deliveries on some at a time, because SQLite remembers every row that a statement is
/// about to move in an index. $1 is the run, $2 the delivery after which it looks; it returns those it moved.
async fn in_slabs(tx: &mut Tx, run: RunId, sql: &'static Sql, more: &[Arg]) -> Result<i64, StoreError> {
    let mut moved = 0;
    let mut after = before(run);
    loop {
        let args = args![run, after].into_iter().chain(more.iter().cloned()).collect();
        let some: Vec<(DeliveryId,)> = tx.rows(sql, args).await?;
        let Some((last,)) = some.iter().max() else { return Ok(moved) };
        after = *last;
        moved += i64::try_from(some.len()).unwrap_or(i64::MAX);
    }
}
