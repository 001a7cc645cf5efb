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
use crate::turns::Turns;
use crate::{Place, Reason, StoreError, UrlError, args, sql};

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

/// The time within which PostgreSQL must take the first connection, and the interval at which it is asked for.
const OPENED_WITHIN: Duration = Duration::from_secs(8);
const CONNECT_INTERVAL: Duration = Duration::from_millis(200);

/// The time within which any other connection to PostgreSQL must be had.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// The time that PostgreSQL gets to tell why there is no connection.
const PROBED_WITHIN: Duration = Duration::from_secs(2);

impl Database {
    /// Opens `url`: `sqlite:path`, `sqlite::memory:` or `postgres://…`. A SQLite file and its folder are created.
    /// `on_write_wait` is called with the time that each writing transaction waited before it began.
    ///
    /// # Errors
    /// The address is not known, or the database does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn open(url: &str, on_write_wait: fn(Duration)) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => open_sqlite(url, on_write_wait).await,
            Some("postgres" | "postgresql") => open_postgres(url, on_write_wait).await,
            _ => Err(UrlError::UnknownScheme.into()),
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

    /// A connection to PostgreSQL.
    pub(crate) async fn connection(&self, pool: &PgPool) -> Result<PoolConnection<Postgres>, StoreError> {
        match pool.acquire().await {
            Ok(connection) => Ok(connection),
            Err(error) => Err(without_connection(&self.place, &pool.connect_options(), error).await),
        }
    }
}

/// Two names for one file are two databases to SQLite, which then damages both
/// ([How to corrupt](https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file)); and two folders that
/// hold the same file would each send what is due.
fn require_one_name(file: &Path) -> Result<(), StoreError> {
    // A folder has as many names as folders in it, and is no database.
    let names = std::fs::metadata(file).map_or(1, |it| if it.is_file() { it.nlink() } else { 1 });
    if names <= 1 {
        return Ok(());
    }
    Err(StoreError::HardLinks { path: file.display().to_string(), names })
}

async fn open_sqlite(url: &str, on_write_wait: fn(Duration)) -> Result<Database, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(unreadable)?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let in_memory = matches!(url, "sqlite::memory:" | "sqlite://:memory:");
    let file = options.get_filename().to_owned();
    let place = Arc::new(if in_memory { Place::Memory } else { Place::File(file.clone()) });
    if !in_memory {
        create_folder(&place, &file)?;
        require_one_name(&file)?;
    }
    let pool = SqlitePoolOptions::new().test_before_acquire(false).idle_timeout(None).max_lifetime(None);
    let write = options.clone().pragma("cache_size", "-8192").pragma("journal_size_limit", "67108864");
    let write = if in_memory { write } else { write.journal_mode(SqliteJournalMode::Wal) };
    let writer = if in_memory { pool.clone() } else { whole(pool.clone()) };
    let writer = writer.min_connections(1).max_connections(1).connect_with(write).await;
    let writer = writer.map_err(|error| place.failed(error))?;
    check_version(&place, &writer).await?;
    // A URL may ask for memory in other ways, too: then there is no such file.
    let marker = if in_memory { None } else { MarkerFile::beside(&file).ok().map(Arc::new) };
    let turns = marker.is_some().then(|| Arc::new(Turns::beside(&file)));
    let readers = if in_memory {
        writer.clone()
    } else {
        let read = options.pragma("cache_size", "-2048").pragma("query_only", "on");
        pool.max_connections(READERS).connect_lazy_with(read)
    };
    Ok(Database { pools: Pools::Sqlite { writer, readers }, place, marker, turns, on_write_wait })
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

fn create_folder(place: &Place, file: &Path) -> Result<(), StoreError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(|error| place.unusable(folder, error))
        }
        _ => Ok(()),
    }
}

async fn check_version(place: &Place, pool: &SqlitePool) -> Result<(), StoreError> {
    let version = sqlx::query_as("select sqlite_version()").fetch_one(pool).await;
    let (version,): (String,) = version.map_err(|error| place.failed(error))?;
    if is_safe(&version) { Ok(()) } else { Err(StoreError::UnsafeSqlite(version)) }
}

fn is_safe(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    numbers.as_slice() >= SAFE_SQLITE.as_slice()
}

async fn open_postgres(url: &str, on_write_wait: fn(Duration)) -> Result<Database, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(unreadable)?;
    let options = options.application_name("chorus").disable_statement_logging();
    let place = Arc::new(Place::server(&options));
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECTED_WITHIN);
    let pool = pool.after_connect(|connection, _| {
        Box::pin(async move { connection.execute(SESSION).await.map(|_| ()) })
    });
    first_connection(&place, &options).await?;
    let pools = Pools::Postgres(pool.connect_lazy_with(options));
    Ok(Database { pools, place, marker: None, turns: None, on_write_wait })
}

/// Connects once, and waits a while for a server that is on its way up. A pool would report a time-out only.
async fn first_connection(place: &Place, options: &PgConnectOptions) -> Result<(), StoreError> {
    let until = Instant::now() + OPENED_WITHIN;
    loop {
        let error = match tokio::time::timeout_at(until, PgConnection::connect_with(options)).await {
            Ok(Ok(connection)) => return connection.close().await.map_err(|error| place.failed(error)),
            Ok(Err(error)) => place.failed(error),
            Err(_) => place.silent(),
        };
        if Instant::now() + CONNECT_INTERVAL > until || !error.reason().is_some_and(Reason::may_pass) {
            return Err(error);
        }
        tokio::time::sleep(CONNECT_INTERVAL).await;
    }
}

/// The error where no connection was to be had. A pool goes on trying and reports a time-out whatever the cause is: then
/// the server is asked once more, for the cause.
async fn without_connection(place: &Place, options: &PgConnectOptions, error: sqlx::Error) -> StoreError {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return place.failed(error);
    }
    match tokio::time::timeout(PROBED_WITHIN, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => {
            // What becomes of it does not matter any more.
            let _ = connection.close().await;
            place.failed(error)
        }
        Ok(Err(cause)) => place.failed(cause),
        Err(_) => place.silent(),
    }
}

fn unreadable(error: sqlx::Error) -> StoreError {
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
    async fn a_transaction_that_sqlite_ended_itself_is_not_the_last() {
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
    async fn a_refused_connection_is_told_with_its_address_and_without_its_password() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("postgres://mei:hunter2@127.0.0.1:{port}/chorus");
        let options = PgConnectOptions::from_str(&url).unwrap();
        let error = without_connection(&Place::server(&options), &options, sqlx::Error::PoolTimedOut).await;
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
    async fn an_unknown_address_is_told_without_showing_it() {
        let error = Database::open("mysql://root:hunter2@db/chorus", |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("sqlite:data/chorus.db"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
