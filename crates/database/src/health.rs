//! The health of the database: its version, its migrations, and the durability of its commits.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Row};

use crate::database::{Database, Pools};
use crate::migrations::migrations;
use crate::{Millis, Sql, StoreError, args, sql};

/// The state in which a database was found. Reading it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The product and its version: `SQLite 3.51.3`, `PostgreSQL 15.8`.
    pub version: String,
    /// The number of migrations of this version that the database has not had.
    pub pending: usize,
    /// The number of migrations that the database has had and this version does not know.
    pub unknown: usize,
    /// The settings that decide whether a commit survives a power failure: `journal_mode wal,
    /// synchronous full`.
    pub durability: String,
    /// True if a commit survives a power failure.
    pub is_durable: bool,
}

const WRITE_CHECK: Sql = sql!(
    "insert into settings (name, value) values ('last_write_check', cast($1 as text))
     on conflict (name) do update set value = excluded.value"
);

/// The time that a first write may take: a little longer than SQLite waits for its lock, so that
/// SQLite reports the reason itself.
const WRITE_TIMEOUT: Duration = Duration::from_millis(10_500);

impl Database {
    /// Checks that the database can be written to, before anything depends on it.
    ///
    /// # Errors
    /// The database cannot be written to, or another process locks it for ten seconds.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn require_writable(&self, now: Millis) -> Result<(), StoreError> {
        let written = tokio::time::timeout(WRITE_TIMEOUT, self.health_write(now)).await;
        written.unwrap_or_else(|_| Err(self.place.locked()))
    }

    /// Commits a small row, as proof that the database can be written to. Waits for other writers
    /// like any transaction.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn health_write(&self, now: Millis) -> Result<(), StoreError> {
        self.execute(&WRITE_CHECK, args![now]).await.map(|_| ())
    }

    /// Reads the state of the database, whether its migrations ran or not.
    ///
    /// # Errors
    /// It does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn health(&self) -> Result<Health, StoreError> {
        let applied = self.applied().await;
        let known: Vec<i64> = migrations(self.pools()).iter().map(|migration| migration.version).collect();
        let pending = known.iter().filter(|version| !applied.contains(version)).count();
        let unknown = applied.iter().filter(|version| !known.contains(version)).count();
        let (version, durability, is_durable) = match self.pools() {
            Pools::Sqlite { writer, .. } => sqlite(writer).await,
            Pools::Postgres(pool) => postgres(&mut *self.connection(pool).await?).await,
        }
        .map_err(|error| self.place().failed(error))?;
        Ok(Health { version, pending, unknown, durability, is_durable })
    }

    /// Returns the versions of the migrations that ran; none where the database has no table of
    /// them.
    async fn applied(&self) -> Vec<i64> {
        let query = "select version from _sqlx_migrations where success";
        let applied = match self.pools() {
            Pools::Sqlite { writer, .. } => sqlx::query_scalar(query).fetch_all(writer).await,
            Pools::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        };
        applied.unwrap_or_default()
    }
}

/// The version, the settings that decide whether a commit survives a power failure, and true if it
/// does.
type Durability = (String, String, bool);

async fn sqlite(writer: &SqlitePool) -> sqlx::Result<Durability> {
    let mut connection = writer.acquire().await?;
    connection.ping().await?;
    let row = sqlx::query("select sqlite_version()").fetch_one(&mut *connection).await?;
    let version = format!("SQLite {}", row.try_get::<String, _>(0)?);
    let row = sqlx::query("pragma journal_mode").fetch_one(&mut *connection).await?;
    let journal: String = row.try_get(0)?;
    let row = sqlx::query("pragma synchronous").fetch_one(&mut *connection).await?;
    let level: i64 = row.try_get(0)?;
    let word = match level {
        0 => "off",
        1 => "normal",
        2 => "full",
        _ => "extra",
    };
    Ok((version, format!("journal_mode {journal}, synchronous {word}"), level >= 2))
}

async fn postgres(connection: &mut PgConnection) -> sqlx::Result<Durability> {
    let row = sqlx::query(
        "select current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')",
    );
    let row = row.fetch_one(connection).await?;
    let (fsync, commit): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    let is_durable = fsync == "on" && commit != "off";
    let version = format!("PostgreSQL {}", row.try_get::<String, _>(0)?);
    Ok((version, format!("fsync {fsync}, synchronous_commit {commit}"), is_durable))
}
