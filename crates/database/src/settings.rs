//! The table of settings: values, such as keys, that this installation generated for itself.

use crate::{Database, RowError, Sql, StoreError, args, sql};

const ADD: Sql = sql!("insert into settings (name, value) values ($1, $2) on conflict (name) do nothing");

const GET: Sql = sql!("select value from settings where name = $1");

impl Database {
    /// Returns the value of the setting `name`. Where it has none yet, `fresh` becomes its value.
    /// Two processes that do this at the same time get the same value.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
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
