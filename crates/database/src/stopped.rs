//! The global stop: all sending is stopped, by `chorus stop` or because the database is a copy.

use crate::{Database, InputError, Millis, RowError, Sql, StoreError, Tx, args, sql};

/// The reason for which all sending is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A person ran `chorus stop`.
    Stop,
    /// The database is a copy, and the original may have gone on sending.
    Copy,
}

/// The global stop, while it is in force: no delivery is handed out, and what falls due is held.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stopped {
    /// The reason of the stop.
    pub reason: StopReason,
    /// The time at which the stop began.
    pub since: Millis,
    /// The finding that led to the stop, as a text for people.
    pub detail: String,
}

/// The setting that holds the stop as JSON.
const NAME: &str = "stopped";

const GET: Sql = sql!("select value from settings where name = $1");

const PUT: Sql = sql!("insert into settings (name, value) values ($1, $2) on conflict (name) do nothing");

/// Replaces a stop that is in force: `chorus start` has to know that the database is a copy.
const REPLACE: Sql = sql!("update settings set value = $2 where name = $1 and value = $3");

const DELETE: Sql = sql!("delete from settings where name = $1");

/// Pauses the runs in progress. They wait for a person, also after everything was started again.
const PAUSE: Sql = sql!(
    "update runs set state = 'paused', paused_by = 'stop', note = $1
     where state in ('planned', 'running') and finished_at is null"
);

impl Database {
    /// Returns the stop that is in force; `None` where sending goes on.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn stopped(&self) -> Result<Option<Stopped>, StoreError> {
        let Some((json,)) = self.row::<(String,)>(&GET, args![NAME]).await? else { return Ok(None) };
        let problem = || format!("the setting {NAME} is not known");
        let read = serde_json::from_str(&json);
        read.map(Some).map_err(|error| RowError::Json { problem: problem(), error }.into())
    }

    /// Stops all sending and pauses every run in progress, with `note`. Returns false, and changes
    /// nothing, where a stop is in force already; but [`StopReason::Copy`] replaces
    /// [`StopReason::Stop`].
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
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

    /// Ends the stop. Runs that it paused stay paused. Returns false where no stop was in force.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn start_all(&self) -> Result<bool, StoreError> {
        Ok(self.execute(&DELETE, args![NAME]).await? > 0)
    }
}

/// Replaces a stop by hand with one whose reason is a copy. Returns false where that does not
/// apply.
async fn replace(tx: &mut Tx, reason: StopReason, json: &str) -> Result<bool, StoreError> {
    let Some((old,)) = tx.row::<(String,)>(&GET, args![NAME]).await? else { return Ok(false) };
    let by_hand = serde_json::from_str(&old).is_ok_and(|old: Stopped| old.reason == StopReason::Stop);
    if reason != StopReason::Copy || !by_hand {
        return Ok(false);
    }
    Ok(tx.execute(&REPLACE, args![NAME, json, old.as_str()]).await? > 0)
}
