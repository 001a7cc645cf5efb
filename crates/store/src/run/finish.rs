//! Pausing, resuming, retrying and finishing of runs, by guarded statements.

use database::{Arg, DeliveryId, Millis, RunId, Sql, StoreError, Tx, args, batch_of_ids, id_space, sql};

use super::reopen::{REOPENING_NOTE, reached_by_later_run};
use super::{PausedBy, before_first};
use crate::counter_deltas::CounterDeltas;
use crate::engagement::reread_sends;
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

/// Selects a run whose reopening was interrupted when the process ended, with the time at which its
/// deliveries are due.
const INTERRUPTED_REOPENING: Sql =
    sql!("select instant from runs where id = $1 and state = 'paused' and note = $2");

/// Reopens the run, and locks its row before its deliveries are read.
const RETRY: Sql = sql!(
    "update runs set state = 'running', finished_at = null, note = null, " reread_sends!() ",
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

/// Ends failed deliveries of contacts that a later run of the step reached.
const SUPERSEDE: Sql = sql!(
    "update deliveries set state = 'suppressed', reason = 'superseded'
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.state = 'failed' and " reached_by_later_run!() "
                  order by d.id limit 20000)
     returning id"
);

const LIST_FINISHABLE: Sql = sql!(
    "select r.id from runs r where r.state = 'running' and r.finished_at is null
       and not exists (select 1 from deliveries d where d.run_id = r.id and d.due_at is not null)
       and not exists (select 1 from runs p where p.id = r.parent_id
                       and (p.finished_at is null or p.finished_at > r.planned_at))"
);

/// Locks running runs before their deliveries are read, so that a concurrent retry is either seen
/// or waited for.
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
    /// Pauses a planned or running run by hand, with a note. Returns whether it was paused.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_pause(&self, id: RunId, note: &str) -> Result<bool, StoreError> {
        self.run_pause_by(id, PausedBy::Hand, note).await
    }

    /// Pauses a planned or running run, with a note. Returns whether it was paused.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_pause_by(&self, id: RunId, by: PausedBy, note: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&PAUSE, args![id, note, by.as_str()]).await? > 0)
    }

    /// Sets the note for people about a run; an empty text removes it. Returns whether the note
    /// changed.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_note(&self, id: RunId, note: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&SET_NOTE, args![id, note]).await? > 0)
    }

    /// Resumes a paused run: it becomes `planned` if its deliveries are not made yet, otherwise
    /// `running`. If its stop rules had paused it, they evaluate only what happens from here on:
    /// answers that arrived after the pause are not counted again.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_resume(&self, id: RunId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if let Some((due_at,)) =
            tx.row::<(Millis,)>(&INTERRUPTED_REOPENING, args![id, REOPENING_NOTE]).await?
        {
            drop(tx);
            self.requeue_cancelled(id, due_at).await?;
            return Ok(true);
        }
        if tx.execute(&RESUME, args![id]).await? == 0 {
            return Ok(false);
        }
        self.reset_baseline(&mut tx, id).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Queues the failed and the held uncertain deliveries of an ended or running run again, and
    /// sets it running; a contact whose delivery failed and that a later run of the step reached is
    /// left out. An expiry in the past moves as far from now as it was from the run's instant, but
    /// at least an hour. Returns the number queued; a run without any stays as it is.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_retry(&self, id: RunId, now: Millis) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if tx.execute(&RETRY, args![id, now]).await? == 0 {
            return Ok(0);
        }
        let mut deltas = CounterDeltas::default();
        for Tally { state, reason, count } in tx.rows(&RETRY_COUNTS, args![id]).await? {
            let TallyState::Ended(state) = state else { continue };
            deltas.add_ended(id, state, &reason, -count);
            if state == DeliveryState::Uncertain {
                deltas.add_repeats(id, count);
            }
        }
        let superseded = in_chunks(&mut tx, id, &SUPERSEDE, &[]).await?;
        deltas.add_ended(id, DeliveryState::Suppressed, "superseded", superseded);
        let queued = in_chunks(&mut tx, id, &RETRY_DELIVERIES, &[now.into()]).await?;
        if queued == 0 {
            return Ok(0);
        }
        deltas.apply(&mut tx, now).await?;
        self.reset_baseline(&mut tx, id).await?;
        tx.commit().await?;
        Ok(queued)
    }

    /// Finishes running runs that have no open delivery left; a run that follows another only after
    /// that one has ended and was checked since. Returns the finished runs.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_finish(&self, now: Millis) -> Result<Vec<RunId>, StoreError> {
        // Most of the time no run ends: then SQLite's single writer is left to others.
        if self.rows::<(RunId,)>(&LIST_FINISHABLE, args![]).await?.is_empty() {
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

/// Runs an update of a run's deliveries in chunks, because SQLite remembers each row whose index
/// entry a statement is about to move. $1 is the run, $2 the delivery after which it starts; the
/// statement returns the ids it changed.
async fn in_chunks(tx: &mut Tx, run: RunId, sql: &'static Sql, more: &[Arg]) -> Result<i64, StoreError> {
    let mut count = 0;
    let mut after = before_first(run);
    loop {
        let args = args![run, after].into_iter().chain(more.iter().cloned()).collect();
        let changed: Vec<(DeliveryId,)> = tx.rows(sql, args).await?;
        let Some((last,)) = changed.iter().max() else { return Ok(count) };
        after = *last;
        count += i64::try_from(changed.len()).unwrap_or(i64::MAX);
    }
}
