//! How the database is: its version, its tables, and whether what it says is written is.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Row};

use crate::database::{Database, Pools};
use crate::migrations::migrations;
use crate::{Millis, Sql, StoreError, args, sql};

/// A database as it was found. Nothing is changed by looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// `SQLite 3.51.3`, `PostgreSQL 15.8`.
    pub version: String,
    /// Migrations of this version that the database has not had.
    pub pending: usize,
    /// Migrations that the database has had and this version does not know.
    pub unknown: usize,
    /// The settings that decide whether a commit survives a power failure.
    pub durability: String,
    /// Whether one does.
    pub is_durable: bool,
}

const WRITE: Sql = sql!(
    "insert into settings (name, value) values ('last_write_check', cast($1 as text))
     on conflict (name) do update set value = excluded.value"
);

/// The time that a first write may take: a little longer than SQLite waits for its lock, to hear the reason from it.
const WRITABLE_WITHIN: Duration = Duration::from_millis(10_500);

impl Database {
    /// Writes to the disk, so that a database that cannot be written is found before anything depends on it.
    ///
    /// # Errors
    /// The database cannot be written, or is locked by another process for ten seconds.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn require_writable(&self, now: Millis) -> Result<(), StoreError> {
        let written = tokio::time::timeout(WRITABLE_WITHIN, self.health_write(now)).await;
        written.unwrap_or_else(|_| Err(self.place.locked()))
    }

    /// Commits a small row, as proof that the database can be written to. It waits for other writers like any
    /// transaction.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn health_write(&self, now: Millis) -> Result<(), StoreError> {
        self.execute(&WRITE, args![now]).await.map(|_| ())
    }

    /// Looks at the database as it is, migrated or not.
    ///
    /// # Errors
    /// It does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn health(&self) -> Result<Health, StoreError> {
        let ran = self.ran().await;
        let known: Vec<i64> = migrations(self.pools()).iter().map(|migration| migration.version).collect();
        let pending = known.iter().filter(|version| !ran.contains(version)).count();
        let unknown = ran.iter().filter(|version| !known.contains(version)).count();
        let (version, durability, is_durable) = match self.pools() {
            Pools::Sqlite { writer, .. } => sqlite(writer).await,
            Pools::Postgres(pool) => postgres(&mut *self.connection(pool).await?).await,
        }
        .map_err(|error| self.place().failed(error))?;
        Ok(Health { version, pending, unknown, durability, is_durable })
    }

    /// The migrations that the database has had; none where it has no table of them.
    async fn ran(&self) -> Vec<i64> {
        let query = "select version from _sqlx_migrations where success";
        let ran = match self.pools() {
            Pools::Sqlite { writer, .. } => sqlx::query_scalar(query).fetch_all(writer).await,
            Pools::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        };
        ran.unwrap_or_default()
    }
}

/// The version, the settings that decide whether a commit survives a power failure, and whether one does.
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
