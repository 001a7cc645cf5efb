//! Keys that this installation made for itself.

use crate::{Database, RowError, Sql, StoreError, args, sql};

const ADD: Sql = sql!("insert into settings (name, value) values ($1, $2) on conflict (name) do nothing");

const GET: Sql = sql!("select value from settings where name = $1");

impl Database {
    /// The value of `name`; `fresh` becomes it if there is none yet. Safe against a second process.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn setting_init(&self, name: &str, fresh: &str) -> Result<String, StoreError> {
        if let Some((value,)) = self.row(&GET, args![name]).await? {
            return Ok(value);
        }
        let mut tx = self.begin().await?;
        tx.execute(&ADD, args![name, fresh]).await?;
        let stored: Option<(String,)> = tx.row(&GET, args![name]).await?;
        tx.commit().await?;
        stored
            .map(|(value,)| value)
            .ok_or_else(|| RowError::Gone { entity: "setting", key: name.to_owned() }.into())
    }
}
