//! The two databases behind one `Store`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::StoreError;
use crate::identity::MarkerFile;
use crate::pools::{Pools, Store};
use crate::sql::{args, sql};
use crate::turns::Turns;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// What every connection to PostgreSQL is told.
///
/// A plan that knows neither the run nor the limit is guessed for a tenth of the table, and then compiled for
/// longer than it runs. A set of ids that is larger than `work_mem` is not kept as a table of hashes, but read again
/// for every contact. A worker that freezes in the middle of a transaction, or whose machine is gone, holds its
/// rows no longer than others may have to wait until they take over from it.
const SESSION: &str = "set jit = off; set work_mem = '256MB'; set plan_cache_mode = force_custom_plan; \
    set idle_in_transaction_session_timeout = '10s'; \
    set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";

/// Versions before this one can corrupt a write-ahead log that two connections reset at once.
const SAFE_SQLITE: [u32; 3] = [3, 51, 3];

/// How many reading connections SQLite gets beside its one writer. Each is a thread.
const READERS: u32 = 4;

/// How many connections PostgreSQL gets.
const CONNECTIONS: u32 = 8;

impl Store {
    /// Opens `url`: `sqlite:path`, `sqlite::memory:` or `postgres://…`. A SQLite file and its folder are created.
    ///
    /// # Errors
    /// The address is not known, or the database does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let pools = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => return open_sqlite(url).await,
            Some("postgres" | "postgresql") => open_postgres(url).await?,
            // The address itself is not shown: it may hold a password.
            _ => {
                return Err(StoreError::BadUrl(
                    "write `sqlite:data/chorus.db` or `postgres://user@host/database`".to_owned(),
                ));
            }
        };
        Ok(Self { pools, marker: None, turns: None })
    }

    /// Brings the tables to this version. Says how many migrations it ran.
    ///
    /// # Errors
    /// The database is newer, was changed by hand, or fails.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                // Most of the time nothing is missing: then the one writer is left alone.
                let known =
                    sqlx::query_scalar::<_, i64>("select count(*) from _sqlx_migrations where success");
                let known = known.fetch_one(writer).await.unwrap_or(0);
                if usize::try_from(known) == Ok(SQLITE_MIGRATIONS.iter().count()) {
                    SQLITE_MIGRATIONS.run(writer).await?;
                    return Ok(0);
                }
                // One transaction around all: sqlx has no lock of its own for two processes on one file.
                let mut tx = writer.begin_with("begin immediate").await?;
                let before = sqlx::migrate::Migrate::ensure_migrations_table(&mut *tx, MIGRATIONS_TABLE);
                before.await?;
                let before = applied(&mut *tx).await?;
                SQLITE_MIGRATIONS.run_direct(None, &mut *tx, false).await?;
                let after = applied(&mut *tx).await?;
                tx.commit().await?;
                Ok(after - before)
            }
            Pools::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let before =
                    sqlx::migrate::Migrate::ensure_migrations_table(&mut *connection, MIGRATIONS_TABLE);
                before.await?;
                let before = applied(&mut *connection).await?;
                POSTGRES_MIGRATIONS.run_direct(None, &mut *connection, false).await?;
                Ok(applied(&mut *connection).await? - before)
            }
        }
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// It gives none.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.row::<(i64,)>(&sql!("select cast(1 as bigint)"), args![]).await.map(|_| ())
    }

    /// Ends all connections, after what is under way; brings the marker of a SQLite file up to date, and moves its log
    /// into the file as far as nobody reads it.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn close(&self) {
        // A database whose tables are not made yet has no identity.
        if let Err(error) = self.identity_keep().await {
            tracing::debug!(%error, "the marker is not up to date");
        }
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                if let Ok(mut connection) = writer.acquire().await
                    && let Err(error) = connection.execute("pragma wal_checkpoint(passive)").await
                {
                    tracing::warn!(%error, "the write-ahead log was not moved into the file");
                }
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// The migrations of a database's kind.
pub(crate) fn migrations(pools: &Pools) -> &'static Migrator {
    match pools {
        Pools::Sqlite { .. } => &SQLITE_MIGRATIONS,
        Pools::Postgres(_) => &POSTGRES_MIGRATIONS,
    }
}

/// Where sqlx keeps which migrations ran.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

async fn applied<M: sqlx::migrate::Migrate>(connection: &mut M) -> Result<usize, StoreError> {
    Ok(connection.list_applied_migrations(MIGRATIONS_TABLE).await?.len())
}

/// Two names for one file are two databases to SQLite, which then damages both
/// ([How to corrupt](https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file)); and two folders that
/// hold the same file would each send what is due.
fn require_one_name(file: &Path) -> Result<(), StoreError> {
    let names = std::fs::metadata(file).map_or(1, |metadata| metadata.nlink());
    if names <= 1 {
        return Ok(());
    }
    let path = file.display();
    Err(StoreError::BadInput(format!(
        "{path} has {names} names (hard links): another folder uses the very same file. Give this one its own, \
         `cp {path} {path}.own && mv {path}.own {path}`, and start Chorus again: it takes it for a copy then"
    )))
}

async fn open_sqlite(url: &str) -> Result<Store, StoreError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let in_memory = matches!(url, "sqlite::memory:" | "sqlite://:memory:");
    if !in_memory {
        create_folder(options.get_filename())?;
    }
    let file = options.get_filename().to_owned();
    if !in_memory {
        require_one_name(&file)?;
    }
    let pool = SqlitePoolOptions::new().test_before_acquire(false).idle_timeout(None).max_lifetime(None);
    let write = options.clone().pragma("cache_size", "-8192").pragma("journal_size_limit", "67108864");
    let write = if in_memory { write } else { write.journal_mode(SqliteJournalMode::Wal) };
    let writer = if in_memory { pool.clone() } else { whole(pool.clone()) };
    let writer = writer.min_connections(1).max_connections(1).connect_with(write).await?;
    check_version(&writer).await?;
    // A URL may ask for memory in other ways, too: then there is no such file.
    let marker = if in_memory { None } else { MarkerFile::beside(&file).ok().map(Arc::new) };
    let turns = marker.is_some().then(|| Arc::new(Turns::beside(&file)));
    let readers = if in_memory {
        writer.clone()
    } else {
        let read = options.pragma("cache_size", "-2048").pragma("query_only", "on");
        pool.max_connections(READERS).connect_lazy_with(read)
    };
    Ok(Store { pools: Pools::Sqlite { writer, readers }, marker, turns })
}

/// Where SQLite itself ends a transaction, because the disk is full or fails, sqlx goes on believing in it, and
/// would refuse every other one for ever: such a connection is changed for a new one.
fn whole(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.before_acquire(|connection, _| {
        Box::pin(async move {
            if connection.is_in_transaction() {
                // A rollback may still be on its way.
                connection.ping().await?;
            }
            Ok(!connection.is_in_transaction())
        })
    })
}

fn create_folder(file: &Path) -> Result<(), StoreError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .map_err(|error| StoreError::BadUrl(format!("create the folder {}: {error}", folder.display()))),
        _ => Ok(()),
    }
}

async fn check_version(pool: &SqlitePool) -> Result<(), StoreError> {
    let (version,): (String,) = sqlx::query_as("select sqlite_version()").fetch_one(pool).await?;
    if is_safe(&version) {
        return Ok(());
    }
    Err(StoreError::BadUrl(format!(
        "this is SQLite {version}, whose write-ahead log can be corrupted; build with 3.51.3 or later"
    )))
}

fn is_safe(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    numbers.as_slice() >= SAFE_SQLITE.as_slice()
}

async fn open_postgres(url: &str) -> Result<Pools, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("chorus").disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(Duration::from_secs(10));
    let pool = pool.after_connect(|connection, _| {
        Box::pin(async move { connection.execute(SESSION).await.map(|_| ()) })
    });
    Ok(Pools::Postgres(pool.connect_with(options).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_with_the_repaired_log_are_safe() {
        for (version, safe) in [
            ("3.40.1", false),
            ("3.51.2", false),
            ("3.51.3", true),
            ("3.52.0", true),
            ("4.0", true),
            ("", false),
        ] {
            assert_eq!(is_safe(version), safe, "{version}");
        }
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_itself_is_not_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(&format!("sqlite:{}", folder.path().join("full.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let Pools::Sqlite { writer, .. } = store.pools() else { unreachable!() };
        writer.acquire().await.unwrap().execute("pragma max_page_count = 1").await.unwrap();
        let long = "x".repeat(1 << 20);
        let full = store
            .execute(&sql!("insert into settings (name, value) values ('long', $1)"), args![long.as_str()]);
        assert!(full.await.unwrap_err().to_string().contains("full"));
        store
            .execute(&sql!("insert into settings (name, value) values ('short', 'x')"), args![])
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_unknown_address_is_told_without_showing_it() {
        let error = Store::open("mysql://root:hunter2@db/chorus").await.unwrap_err().to_string();
        assert!(error.contains("sqlite:data/chorus.db"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
