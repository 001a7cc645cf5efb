//! Pauses by stop rules: the figures of a run at its pause, and the guarded statements that pause
//! it.

use database::{InputError, RunId, Sql, StoreError, Tx, args, id_space, retry_on_deadlock, sql};

use super::figures::{FeedbackCounts, RunFigures};
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

/// Selects the first answer to a delivery that failed for a reason, in the order of the deliveries.
const ANSWER: Sql = sql!(
    "select coalesce(d.answer, '') from deliveries d
     where d.id > $1 * " id_space!() " - 1 and d.id < ($1 + 1) * " id_space!() " and d.state = 'failed' and d.reason = $2
     order by d.id limit 1"
);

/// Sets the figures from which stop rules count.
const SET_BASELINE: Sql = sql!("update runs set stopped = $2 where id = $1");

const GET: Sql = sql!("select " run_columns!() " from runs r where r.id = $1");

const TALLIES: Sql = sql!("select state, reason, count from run_tallies where run_id = $1");

impl Store {
    /// Resets the baseline of a run that its stop rules paused once, after it was resumed and after
    /// a retry, which makes its figures smaller: the rules evaluate only what happens from here on.
    pub(super) async fn reset_baseline(&self, tx: &mut Tx, id: RunId) -> Result<(), StoreError> {
        let Some(mut run) = tx.row::<Run>(&GET, args![id]).await? else { return Ok(()) };
        if run.stopped.is_none() {
            return Ok(());
        }
        run.tallies = tx.rows(&TALLIES, args![id]).await?;
        run.feedback = FeedbackCounts::split_off(&mut run.tallies);
        let json = to_json(&run.figures())?;
        tx.execute(&SET_BASELINE, args![id, json.as_str()]).await.map(|_| ())
    }

    /// Pauses a planned or running run that broke a stop rule, with a note, and stores its figures.
    /// Returns whether it was paused.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_stop(&self, id: RunId, note: &str, figures: &RunFigures) -> Result<bool, StoreError> {
        let json = to_json(figures)?;
        Ok(self.execute(&STOP, args![id, note, json.as_str()]).await? > 0)
    }

    /// Pauses all planned and running runs of a channel that cannot be used any more, such as after
    /// its token expired, with a note that says why and what to do. Returns the paused runs.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn runs_pause_channel(&self, channel: &str, note: &str) -> Result<Vec<RunId>, StoreError> {
        retry_on_deadlock!(self.pause_channel(channel, note))
    }

    async fn pause_channel(&self, channel: &str, note: &str) -> Result<Vec<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let mut paused: Vec<(RunId,)> = tx.rows(&STOP_CHANNEL, args![channel, note]).await?;
        tx.commit().await?;
        paused.sort_unstable();
        Ok(paused.into_iter().map(|(id,)| id).collect())
    }

    /// Returns the first answer to a delivery of a run that failed for `reason`; empty if there is
    /// none.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_answer(&self, id: RunId, reason: &str) -> Result<String, StoreError> {
        Ok(self.row::<(String,)>(&ANSWER, args![id, reason]).await?.map_or(String::new(), |(answer,)| answer))
    }
}

fn to_json(figures: &RunFigures) -> Result<String, StoreError> {
    Ok(serde_json::to_string(figures).map_err(InputError::Json)?)
}
