//! Opening and closing a database.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, Postgres};
use tokio::time::Instant;

use crate::database::{Database, Pools};
use crate::marker::MarkerFile;
use crate::write_queue::WriteQueue;
use crate::{DatabaseLocation, Reason, StoreError, UrlError, args, sql};

/// Session settings for every connection to PostgreSQL.
///
/// - `plan_cache_mode`, `jit`: a generic plan knows neither the run nor the limit. PostgreSQL then
///   assumes a tenth of the table, and compiles the plan for longer than it runs.
/// - `work_mem`: a set of ids that is larger is not kept as a hash table, but read again for every
///   contact.
/// - The time-outs: a worker that freezes in the middle of a transaction, or whose machine is gone,
///   holds its rows no longer than other workers have to wait until they take over from it.
const POSTGRES_SESSION: &str = "set jit = off; set work_mem = '256MB'; set plan_cache_mode = force_custom_plan; \
    set idle_in_transaction_session_timeout = '10s'; \
    set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";

/// The lowest version of SQLite that is used. Earlier ones can corrupt a write-ahead log that two
/// connections reset at the same time.
const MIN_SQLITE_VERSION: [u32; 3] = [3, 51, 3];

/// The number of reading connections to SQLite beside its one writer. Each is a thread.
const SQLITE_READERS: u32 = 4;

/// The maximum number of connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 8;

/// The time within which PostgreSQL must accept the first connection.
const FIRST_CONNECTION_TIMEOUT: Duration = Duration::from_secs(8);
/// The interval at which the first connection is tried again.
const CONNECT_INTERVAL: Duration = Duration::from_millis(200);

/// The time within which the pool must hand out any other connection to PostgreSQL.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that PostgreSQL gets to report why there is no connection.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

impl Database {
    /// Opens `url`: `sqlite:path`, `sqlite::memory:` or `postgres://…`. A SQLite file and its
    /// folder are created. `on_write_wait` is called with the time that each writing transaction
    /// waited before it began.
    ///
    /// # Errors
    /// The scheme of the URL is not known, or the database does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn open(url: &str, on_write_wait: fn(Duration)) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => open_sqlite(url, on_write_wait).await,
            Some("postgres" | "postgresql") => open_postgres(url, on_write_wait).await,
            _ => Err(UrlError::UnknownScheme.into()),
        }
    }

    /// Runs a trivial query, to find out whether the database answers.
    ///
    /// # Errors
    /// It does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.row::<(i64,)>(&sql!("select cast(1 as bigint)"), args![]).await.map(|_| ())
    }

    /// Closes all connections when their current statements are done. Updates the marker of a
    /// SQLite file, and moves its write-ahead log into the file as far as no connection reads it.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn close(&self) {
        // A database whose tables do not exist yet has no identity.
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

    /// Takes a connection to PostgreSQL from its pool.
    pub(crate) async fn connection(&self, pool: &PgPool) -> Result<PoolConnection<Postgres>, StoreError> {
        match pool.acquire().await {
            Ok(connection) => Ok(connection),
            Err(error) => Err(connection_error(&self.place, &pool.connect_options(), error).await),
        }
    }
}

/// Refuses a SQLite file that has several names (hard links). SQLite takes them for two databases,
/// and damages both ([How to
/// corrupt](https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file)); and two
/// folders that hold the same file would each send what is due.
fn require_one_name(file: &Path) -> Result<(), StoreError> {
    // The link count of a folder is that of its subfolders; a folder is reported later, as no
    // database.
    let names = std::fs::metadata(file).map_or(1, |it| if it.is_file() { it.nlink() } else { 1 });
    if names <= 1 {
        return Ok(());
    }
    Err(StoreError::HardLinks { path: file.display().to_string(), names })
}

async fn open_sqlite(url: &str, on_write_wait: fn(Duration)) -> Result<Database, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(invalid_url)?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let in_memory = matches!(url, "sqlite::memory:" | "sqlite://:memory:");
    let file = options.get_filename().to_owned();
    let place =
        Arc::new(if in_memory { DatabaseLocation::Memory } else { DatabaseLocation::File(file.clone()) });
    if !in_memory {
        create_folder(&place, &file)?;
        require_one_name(&file)?;
    }
    let pool = SqlitePoolOptions::new().test_before_acquire(false).idle_timeout(None).max_lifetime(None);
    let write = options.clone().pragma("cache_size", "-8192").pragma("journal_size_limit", "67108864");
    // What is deleted is overwritten: an erased contact must not be found in the file.
    let write = write.pragma("secure_delete", "on");
    let write = if in_memory { write } else { write.journal_mode(SqliteJournalMode::Wal) };
    let writer = if in_memory { pool.clone() } else { discard_stuck(pool.clone()) };
    let writer = writer.min_connections(1).max_connections(1).connect_with(write).await;
    let writer = writer.map_err(|error| place.failed(error))?;
    check_version(&place, &writer).await?;
    // A URL can name a database in memory in other ways, too: then there is no such file.
    let marker = if in_memory { None } else { MarkerFile::beside(&file).ok().map(Arc::new) };
    let write_queue = marker.is_some().then(|| Arc::new(WriteQueue::beside(&file)));
    let readers = if in_memory {
        writer.clone()
    } else {
        let read = options.pragma("cache_size", "-2048").pragma("query_only", "on");
        pool.max_connections(SQLITE_READERS).connect_lazy_with(read)
    };
    Ok(Database { pools: Pools::Sqlite { writer, readers }, place, marker, write_queue, on_write_wait })
}

/// Makes the pool replace a connection that is still in a transaction. Where SQLite itself ends a
/// transaction, because the disk is full or fails, sqlx still counts it as open, and would refuse
/// every later transaction of the connection.
fn discard_stuck(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.before_acquire(|connection, _| {
        Box::pin(async move {
            if connection.is_in_transaction() {
                // A rollback may still be queued; the ping waits for it.
                connection.ping().await?;
            }
            Ok(!connection.is_in_transaction())
        })
    })
}

fn create_folder(place: &DatabaseLocation, file: &Path) -> Result<(), StoreError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(|error| place.unusable(folder, error))
        }
        _ => Ok(()),
    }
}

async fn check_version(place: &DatabaseLocation, pool: &SqlitePool) -> Result<(), StoreError> {
    let version = sqlx::query_as("select sqlite_version()").fetch_one(pool).await;
    let (version,): (String,) = version.map_err(|error| place.failed(error))?;
    if is_safe(&version) { Ok(()) } else { Err(StoreError::UnsafeSqlite(version)) }
}

fn is_safe(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    numbers.as_slice() >= MIN_SQLITE_VERSION.as_slice()
}

async fn open_postgres(url: &str, on_write_wait: fn(Duration)) -> Result<Database, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(invalid_url)?;
    let options = options.application_name("chorus").disable_statement_logging();
    let place = Arc::new(DatabaseLocation::server(&options));
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
    let pool = pool.after_connect(|connection, _| {
        Box::pin(async move { connection.execute(POSTGRES_SESSION).await.map(|_| ()) })
    });
    first_connection(&place, &options).await?;
    let pools = Pools::Postgres(pool.connect_lazy_with(options));
    Ok(Database { pools, place, marker: None, write_queue: None, on_write_wait })
}

/// Connects once, and retries while the server is starting, up to [`FIRST_CONNECTION_TIMEOUT`]. A
/// pool would report only a time-out, without the cause.
async fn first_connection(place: &DatabaseLocation, options: &PgConnectOptions) -> Result<(), StoreError> {
    let until = Instant::now() + FIRST_CONNECTION_TIMEOUT;
    loop {
        let error = match tokio::time::timeout_at(until, PgConnection::connect_with(options)).await {
            Ok(Ok(connection)) => return connection.close().await.map_err(|error| place.failed(error)),
            Ok(Err(error)) => place.failed(error),
            Err(_) => place.no_answer(),
        };
        if Instant::now() + CONNECT_INTERVAL > until || !error.reason().is_some_and(Reason::is_transient) {
            return Err(error);
        }
        tokio::time::sleep(CONNECT_INTERVAL).await;
    }
}

/// Returns the error for a pool that handed out no connection. A pool retries and reports a
/// time-out, whatever the cause: then one more connection is tried, to learn the cause.
async fn connection_error(
    place: &DatabaseLocation,
    options: &PgConnectOptions,
    error: sqlx::Error,
) -> StoreError {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return place.failed(error);
    }
    match tokio::time::timeout(PROBE_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => {
            // Whether it closes without an error does not matter.
            let _ = connection.close().await;
            place.failed(error)
        }
        Ok(Err(cause)) => place.failed(cause),
        Err(_) => place.no_answer(),
    }
}

fn invalid_url(error: sqlx::Error) -> StoreError {
    let cause = match error {
        sqlx::Error::Configuration(cause) => cause,
        other => other.into(),
    };
    UrlError::Unreadable(cause).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

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
    async fn a_transaction_can_begin_after_sqlite_ended_one_itself() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&format!("sqlite:{}", folder.path().join("full.db").display()), |_| {})
            .await
            .unwrap();
        database.migrate().await.unwrap();
        let Pools::Sqlite { writer, .. } = database.pools() else { unreachable!() };
        writer.acquire().await.unwrap().execute("pragma max_page_count = 1").await.unwrap();
        let long = "x".repeat(1 << 20);
        let full = database
            .execute(&sql!("insert into settings (name, value) values ('long', $1)"), args![long.as_str()]);
        assert!(full.await.unwrap_err().to_string().contains("full"));
        database
            .execute(&sql!("insert into settings (name, value) values ('short', 'x')"), args![])
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_refused_connection_is_reported_with_its_address_and_without_its_password() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("postgres://mei:hunter2@127.0.0.1:{port}/chorus");
        let options = PgConnectOptions::from_str(&url).unwrap();
        let error =
            connection_error(&DatabaseLocation::server(&options), &options, sqlx::Error::PoolTimedOut).await;
        assert_eq!(error.reason(), Some(&Reason::Refused));
        let text = error.to_string();
        assert!(text.contains(&format!("chorus at 127.0.0.1:{port}")) && !text.contains("hunter2"), "{text}");
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_written_is_found_before_anything_depends_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("full.db").display());
        let database = Database::open(&url, |_| {}).await.unwrap();
        database.migrate().await.unwrap();
        database.require_writable(Millis::new(1)).await.unwrap();
        let Pools::Sqlite { writer, .. } = database.pools() else { unreachable!() };
        writer.acquire().await.unwrap().execute("pragma query_only = on").await.unwrap();
        let error = database.require_writable(Millis::new(2)).await.unwrap_err();
        assert_eq!(error.reason(), Some(&Reason::ReadOnlyFile), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_scheme_is_reported_without_showing_the_address() {
        let error = Database::open("mysql://root:hunter2@db/chorus", |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("sqlite:data/chorus.db"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
