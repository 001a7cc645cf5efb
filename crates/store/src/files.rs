//! Which set of files is in force: one at a time, for all processes that plan.

use database::{LeaseId, Millis, Sql, StoreError, args, sql};

use crate::Store;

/// The setting that holds the hash of the files in force.
const NAME: &str = "files_in_force";

const GET: Sql = sql!("select value from settings where name = $1");

const LOCK: Sql = sql!("select value from settings where name = $1" { sqlite: "", postgres: " for update" });

const PUT: Sql = sql!(
    "insert into settings (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value"
);

const WHO_PLANS: Sql = sql!(
    "select worker from leases where plans = 1 and note is null and expires_at > $1 order by id limit 1"
);

const OTHERS: Sql = sql!("select id from leases where plans = 1 and id <> $1 and expires_at > $2 limit 1");

impl Store {
    /// The hash of the files in force.
    async fn files_in_force(&self) -> Result<Option<String>, StoreError> {
        Ok(self.row::<(String,)>(&GET, args![NAME]).await?.map(|(hash,)| hash))
    }

    /// The worker that plans by other files than those with this hash; `None` where no other files are in force.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn files_of_others(&self, hash: &str, now: Millis) -> Result<Option<String>, StoreError> {
        if self.files_in_force().await?.is_none_or(|current| current == hash) {
            return Ok(None);
        }
        Ok(self.row::<(String,)>(&WHO_PLANS, args![now]).await?.map(|(worker,)| worker))
    }

    /// Puts the files with this hash in force, or says that they are. A process may replace the files in force only if
    /// those that it had before were in force, or no other process that plans is alive. False where other files stay
    /// in force: then this process plans nothing.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn files_put_in_force(
        &self,
        lease: LeaseId,
        hash: &str,
        before: Option<&str>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // This is asked every few seconds, and the answer hardly ever changes: the writer is left to others.
        if self.files_in_force().await?.as_deref() == Some(hash) {
            return Ok(true);
        }
        let mut tx = self.begin().await?;
        let current: Option<(String,)> = tx.row(&LOCK, args![NAME]).await?;
        let current = current.map(|(hash,)| hash);
        if current.as_deref() == Some(hash) {
            return Ok(true);
        }
        let is_ours = current.is_none() || current.as_deref() == before;
        if !is_ours && tx.row::<(LeaseId,)>(&OTHERS, args![lease, now]).await?.is_some() {
            return Ok(false);
        }
        tx.execute(&PUT, args![NAME, hash]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
