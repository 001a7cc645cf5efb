//! Whether everything stands still: by `chorus stop`, or because the database is a copy.

use crate::{Database, InputError, Millis, RowError, Sql, StoreError, Tx, args, sql};

/// Why everything stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// `chorus stop`.
    Stop,
    /// The database is a copy of one that may have gone on.
    Copy,
}

/// That everything stands still: nothing is handed out, and what falls due is held.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stopped {
    /// Why.
    pub reason: StopReason,
    /// Since when.
    pub since: Millis,
    /// What was found, in words.
    pub detail: String,
}

/// The setting that holds it.
const NAME: &str = "stopped";

const GET: Sql = sql!("select value from settings where name = $1");

const PUT: Sql = sql!("insert into settings (name, value) values ($1, $2) on conflict (name) do nothing");

/// That the database is a copy also stands where everything was stopped before: `chorus start` has to know.
const REPLACE: Sql = sql!("update settings set value = $2 where name = $1 and value = $3");

const DELETE: Sql = sql!("delete from settings where name = $1");

/// Runs that were on their way wait for a person, also after everything was started again.
const PAUSE: Sql = sql!(
    "update runs set state = 'paused', paused_by = 'stop', note = $1
     where state in ('planned', 'running') and finished_at is null"
);

impl Database {
    /// Whether everything stands still, and why.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn stopped(&self) -> Result<Option<Stopped>, StoreError> {
        let Some((json,)) = self.row::<(String,)>(&GET, args![NAME]).await? else { return Ok(None) };
        let problem = || format!("the setting {NAME} is not known");
        let read = serde_json::from_str(&json);
        read.map(Some).map_err(|error| RowError::Json { problem: problem(), error }.into())
    }

    /// Stops everything and pauses every run that is on its way, with a note. False, and nothing is done, where
    /// everything stood still already; but [`StopReason::Copy`] takes the place of [`StopReason::Stop`].
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn stop_all(&self, stopped: &Stopped, note: &str) -> Result<bool, StoreError> {
        let json = serde_json::to_string(stopped).map_err(InputError::Json)?;
        let mut tx = self.begin().await?;
        if tx.execute(&PUT, args![NAME, json.as_str()]).await? == 0
            && !replace(&mut tx, stopped.reason, &json).await?
        {
            return Ok(false);
        }
        tx.execute(&PAUSE, args![note]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Starts everything again. Runs that were paused stay so. False where nothing stood still.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn start_all(&self) -> Result<bool, StoreError> {
        Ok(self.execute(&DELETE, args![NAME]).await? > 0)
    }
}

/// Puts a copy in the place of a stop by hand.
async fn replace(tx: &mut Tx, reason: StopReason, json: &str) -> Result<bool, StoreError> {
    let Some((old,)) = tx.row::<(String,)>(&GET, args![NAME]).await? else { return Ok(false) };
    let by_hand = serde_json::from_str(&old).is_ok_and(|old: Stopped| old.reason == StopReason::Stop);
    if reason != StopReason::Copy || !by_hand {
        return Ok(false);
    }
    Ok(tx.execute(&REPLACE, args![NAME, json, old.as_str()]).await? > 0)
}
