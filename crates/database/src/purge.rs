//! Removal of deleted values from the files of a SQLite database.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::Executor as _;

use crate::database::{Database, Pools};
use crate::error::{DatabaseLocation, StoreError};

/// The number of times that the write-ahead log is tried to be emptied, and the time between.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

impl Database {
    /// Moves the write-ahead log of a SQLite database into its file and empties it, so that deleted
    /// values are in neither: `secure_delete` overwrites them in the file. With `rewrite` the whole
    /// file is written again first, for values that an earlier version deleted. Returns the files
    /// that were purged; none on PostgreSQL, whose vacuum does it within a day.
    ///
    /// # Errors
    /// The database refused or went away, or another process kept reading for five seconds.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn purge(&self, rewrite: bool) -> Result<Vec<PathBuf>, StoreError> {
        let (Pools::Sqlite { writer, .. }, DatabaseLocation::File(file)) = (&self.pools, &**self.place())
        else {
            return Ok(Vec::new());
        };
        let failed = |error| self.place().failed(error);
        let mut connection = writer.acquire().await.map_err(failed)?;
        if rewrite {
            connection.execute("vacuum").await.map_err(failed)?;
        }
        for _ in 0..TRIES {
            let (busy, ..): (i64, i64, i64) = sqlx::query_as("pragma wal_checkpoint(truncate)")
                .fetch_one(&mut *connection)
                .await
                .map_err(failed)?;
            if busy == 0 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let mut log = file.clone().into_os_string();
        log.push("-wal");
        Ok(vec![file.clone(), PathBuf::from(log)])
    }
}
