//! Renames of steps, which carry a step's history over to its new name.

use std::collections::BTreeMap;

use database::{InputError, Millis, RunId, Sql, StoreError, Tx, args, sql};
use schedule::Definition;

use crate::Store;
use crate::engagement;
use crate::schedule::StepKey;

const LIST_STEPS: Sql = sql!(
    "select step from (
       select step from runs where campaign = $1
       union select step from schedules where campaign = $1
       union select step from rollups where campaign = $1
       union select step from occurrences where campaign = $1) known order by step"
);

const IS_KNOWN: Sql = sql!(
    "select cast(1 as bigint) from (
       select 1 as one from runs where campaign = $1 and step = $2
       union all select 1 from schedules where campaign = $1 and step = $2
       union all select 1 from rollups where campaign = $1 and step = $2) known limit 1"
);

const LIST_RENAMES: Sql = sql!("select old_campaign, old_step, new_campaign, new_step from renames");

#[derive(sqlx::FromRow)]
struct Rename {
    old_campaign: String,
    old_step: String,
    new_campaign: String,
    new_step: String,
}

/// Moves runs to the new name. If both names have a run at the same instant, the one under the old
/// name keeps its name.
const RUNS: Sql = sql!(
    "update runs set campaign = $3, step = $4
     where campaign = $1 and step = $2
       and not exists (select 1 from runs n where n.campaign = $3 and n.step = $4 and n.instant = runs.instant)"
);

const ROLLUPS: Sql = sql!(
    "insert into rollups (campaign, step, channel, metric, hour, currency, count, amount)
     select $3, $4, channel, metric, hour, currency, count, amount from rollups o
     where o.campaign = $1 and o.step = $2
     on conflict (campaign, step, channel, metric, hour, currency)
     do update set count = rollups.count + excluded.count, amount = rollups.amount + excluded.amount"
);

const ROLLUPS_OLD: Sql = sql!("delete from rollups where campaign = $1 and step = $2");

const OCCURRENCES: Sql = sql!(
    "update occurrences set campaign = $3, step = $4
     where campaign = $1 and step = $2
       and not exists (select 1 from occurrences n
                       where n.campaign = $3 and n.step = $4 and n.instant = occurrences.instant)"
);

/// Closes the occurrences that became runs under the other name.
const CLOSE_OCCURRENCES: Sql = sql!(
    "update occurrences set state = 'fired', run_id = r.id from runs r
     where r.campaign = $1 and r.step = $2 and r.instant = occurrences.instant and occurrences.campaign = $1
       and occurrences.step = $2 and occurrences.state in ('open', 'asked')"
);

const OCCURRENCES_OLD: Sql = sql!("delete from occurrences where campaign = $1 and step = $2");

/// Deletes the schedule that the new name got before the history was moved to it.
const SCHEDULE_NEW: Sql = sql!(
    "delete from schedules where campaign = $3 and step = $4
       and exists (select 1 from schedules o where o.campaign = $1 and o.step = $2)"
);

const SCHEDULE: Sql = sql!(
    "update schedules set campaign = $3, step = $4, gone_since = null where campaign = $1 and step = $2"
);

const DEFINITIONS: Sql =
    sql!("select step, definition from schedules where campaign = $1 and definition is not null");

const SET_DEFINITION: Sql = sql!("update schedules set definition = $3 where campaign = $1 and step = $2");

const DELETE_REVERSE: Sql = sql!("delete from renames where old_campaign = $1 and old_step = $2");

const INSERT_RENAME: Sql = sql!(
    "insert into renames (old_campaign, old_step, new_campaign, new_step, created_at) values ($1, $2, $3, $4, $5)
     on conflict (old_campaign, old_step) do update set new_campaign = excluded.new_campaign,
       new_step = excluded.new_step, created_at = excluded.created_at"
);

impl Store {
    /// Lists the steps of a campaign that the database knows.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_names(&self, campaign: &str) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = self.rows(&LIST_STEPS, args![campaign]).await?;
        Ok(rows.into_iter().map(|(step,)| step).collect())
    }

    /// Returns all renames that were carried out, from the old name to the new one.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_renames(&self) -> Result<BTreeMap<StepKey, StepKey>, StoreError> {
        let rows: Vec<Rename> = self.rows(&LIST_RENAMES, args![]).await?;
        let keys = |row: Rename| ((row.old_campaign, row.old_step), (row.new_campaign, row.new_step));
        Ok(rows.into_iter().map(keys).collect())
    }

    /// Moves the history of a step to another name: schedule, runs, rollups and occurrences. Steps
    /// of the campaign that follow it then follow the new name. Returns false if the old name is
    /// unknown.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_rename(&self, old: &StepKey, new: &StepKey, now: Millis) -> Result<bool, StoreError> {
        let names = || args![old.0.as_str(), old.1.as_str(), new.0.as_str(), new.1.as_str()];
        let one = |key: &StepKey| args![key.0.as_str(), key.1.as_str()];
        // Most renames of the files were carried out long ago: they need no writer.
        if old == new || self.row::<(i64,)>(&IS_KNOWN, one(old)).await?.is_none() {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&IS_KNOWN, one(old)).await?.is_none() {
            return Ok(false);
        }
        if old.0 != new.0 {
            engagement::forget_campaign(&mut tx, &old.0).await?;
        }
        for sql in [&RUNS, &ROLLUPS, &OCCURRENCES] {
            tx.execute(sql, names()).await?;
        }
        if old.0 != new.0 {
            engagement::number_campaigns(&mut tx, RunId(1), RunId(i64::MAX)).await?;
        }
        tx.execute(&ROLLUPS_OLD, one(old)).await?;
        tx.execute(&OCCURRENCES_OLD, one(old)).await?;
        tx.execute(&CLOSE_OCCURRENCES, one(new)).await?;
        tx.execute(&SCHEDULE_NEW, names()).await?;
        tx.execute(&SCHEDULE, names()).await?;
        rename_parents(&mut tx, old, new).await?;
        tx.execute(&DELETE_REVERSE, one(new)).await?;
        let args = args![old.0.as_str(), old.1.as_str(), new.0.as_str(), new.1.as_str(), now];
        tx.execute(&INSERT_RENAME, args).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Changes the name in the definitions of the steps that follow the renamed one, so that the rename
/// does not count as an edit of theirs.
async fn rename_parents(tx: &mut Tx, old: &StepKey, new: &StepKey) -> Result<(), StoreError> {
    for campaign in [&old.0, &new.0] {
        let rows: Vec<(String, String)> = tx.rows(&DEFINITIONS, args![campaign.as_str()]).await?;
        for (step, json) in rows {
            let Ok(definition) = serde_json::from_str::<Definition>(&json) else { continue };
            let renamed = definition.clone().with_renamed_parent(&old.1, &new.1);
            if renamed != definition {
                let json = serde_json::to_string(&renamed).map_err(InputError::Json)?;
                tx.execute(&SET_DEFINITION, args![campaign.as_str(), step.as_str(), json.as_str()]).await?;
            }
        }
    }
    Ok(())
}
