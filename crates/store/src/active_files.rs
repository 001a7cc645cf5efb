//! The active set of workspace files: one at a time, for all processes that plan.

use database::{LeaseId, Millis, Sql, StoreError, args, sql};

use crate::Store;

/// The name of the setting that contains the hash of the active files.
const SETTING: &str = "files_in_force";

const GET: Sql = sql!("select value from settings where name = $1");

const LOCK: Sql = sql!("select value from settings where name = $1" { sqlite: "", postgres: " for update" });

const PUT: Sql = sql!(
    "insert into settings (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value"
);

const OTHER_PLANNER: Sql = sql!(
    "select worker from leases where plans = 1 and note is null and expires_at > $1 order by id limit 1"
);

const OTHER_LEASE: Sql =
    sql!("select id from leases where plans = 1 and id <> $1 and expires_at > $2 limit 1");

impl Store {
    /// Returns the hash of the active files.
    async fn active_files_hash(&self) -> Result<Option<String>, StoreError> {
        Ok(self.row::<(String,)>(&GET, args![SETTING]).await?.map(|(hash,)| hash))
    }

    /// Returns the worker that plans with files other than those with this hash; `None` if no other
    /// files are active.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn files_other_planner(&self, hash: &str, now: Millis) -> Result<Option<String>, StoreError> {
        if self.active_files_hash().await?.is_none_or(|current| current == hash) {
            return Ok(None);
        }
        Ok(self.row::<(String,)>(&OTHER_PLANNER, args![now]).await?.map(|(worker,)| worker))
    }

    /// Activates the files with this hash, or finds them active. A process may replace the active
    /// files only if its previous files (`before`) were active, or if no other process that plans
    /// is alive. Returns false if other files stay active: then this process must not plan.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn files_activate(
        &self,
        lease: LeaseId,
        hash: &str,
        before: Option<&str>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // This is called every few seconds, and the result rarely changes: the writer connection is
        // left to others.
        if self.active_files_hash().await?.as_deref() == Some(hash) {
            return Ok(true);
        }
        let mut tx = self.begin().await?;
        let current: Option<(String,)> = tx.row(&LOCK, args![SETTING]).await?;
        let current = current.map(|(hash,)| hash);
        if current.as_deref() == Some(hash) {
            return Ok(true);
        }
        let may_replace = current.is_none() || current.as_deref() == before;
        if !may_replace && tx.row::<(LeaseId,)>(&OTHER_LEASE, args![lease, now]).await?.is_some() {
            return Ok(false);
        }
        tx.execute(&PUT, args![SETTING, hash]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
