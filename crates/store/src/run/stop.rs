//! How a run stops itself: what it has come to, and the guarded statement that pauses it.

use database::{InputError, RunId, Sql, StoreError, Tx, again_if_deadlocked, args, id_space, sql};

use super::figures::{CameBack, Figures};
use super::{Run, run_columns};
use crate::Store;

const STOP_CHANNEL: Sql = sql!(
    "update runs set state = 'paused', note = $2, paused_by = 'channel'
     where id in (select id from runs where channel = $1 and state in ('planned', 'running') and finished_at is null
                  order by id"
    { sqlite: "", postgres: " for no key update" }
    ") and state in ('planned', 'running')
     returning id"
);

const STOP: Sql = sql!(
    "update runs set state = 'paused', note = $2, stopped = $3, paused_by = 'stop_rule'
     where id = $1 and state in ('planned', 'running')"
);

/// The first answer of a kind: among the deliveries in the order they were made.
const ANSWER: Sql = sql!(
    "select coalesce(d.answer, '') from deliveries d
     where d.id > $1 * " id_space!() " - 1 and d.id < ($1 + 1) * " id_space!() " and d.state = 'failed' and d.reason = $2
     order by d.id limit 1"
);

/// What it has come to now counts no more.
const REBASE: Sql = sql!("update runs set stopped = $2 where id = $1");

const GET: Sql = sql!("select " run_columns!() " from runs r where r.id = $1");

const TALLIES: Sql = sql!("select state, reason, count from run_tallies where run_id = $1");

impl Store {
    /// A run that once stopped itself is judged by what it comes to from here on: after it was let go on, and
    /// after a retry, which makes its figures smaller.
    pub(super) async fn rebase(&self, tx: &mut Tx, id: RunId) -> Result<(), StoreError> {
        let Some(mut run) = tx.row::<Run>(&GET, args![id]).await? else { return Ok(()) };
        if run.stopped.is_none() {
            return Ok(());
        }
        run.tallies = tx.rows(&TALLIES, args![id]).await?;
        run.came_back = CameBack::split_off(&mut run.tallies);
        let at = json(&run.figures())?;
        tx.execute(&REBASE, args![id, at.as_str()]).await.map(|_| ())
    }

    /// Pauses a planned or running run that went wrong, with a note, and remembers what it had come to. Says whether it did.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_stop(&self, id: RunId, note: &str, at: &Figures) -> Result<bool, StoreError> {
        let at = json(at)?;
        Ok(self.execute(&STOP, args![id, note, at.as_str()]).await? > 0)
    }

    /// Pauses every planned and running run of a channel that cannot be used any more, because its token has expired,
    /// say, with a note that tells why and what to do. Says which.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn runs_pause_channel(&self, channel: &str, note: &str) -> Result<Vec<RunId>, StoreError> {
        again_if_deadlocked!(self.pause_channel(channel, note))
    }

    async fn pause_channel(&self, channel: &str, note: &str) -> Result<Vec<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let mut paused: Vec<(RunId,)> = tx.rows(&STOP_CHANNEL, args![channel, note]).await?;
        tx.commit().await?;
        paused.sort_unstable();
        Ok(paused.into_iter().map(|(id,)| id).collect())
    }

    /// An answer that a run got to a delivery that failed for `reason`; empty if there is none.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_answer(&self, id: RunId, reason: &str) -> Result<String, StoreError> {
        Ok(self.row::<(String,)>(&ANSWER, args![id, reason]).await?.map_or(String::new(), |(answer,)| answer))
    }
}

fn json(at: &Figures) -> Result<String, StoreError> {
    Ok(serde_json::to_string(at).map_err(InputError::Json)?)
}
