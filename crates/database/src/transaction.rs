//! Transactions and single statements, run on either database.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Postgres, SqlStr, Sqlite, Transaction};

use crate::database::{Database, Pools};
use crate::statement::{Arg, Readable, Statement, bind};
use crate::write_queue::WriteQueue;
use crate::{DatabaseLocation, SqlDialect, StoreError};

/// A future on the heap. The compiler makes the code of a plain `async fn` again in every crate
/// that awaits it, sqlx's included; that of a boxed future is made once, here.
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A transaction that may write. Dropping it without `commit` rolls it back.
pub struct Tx {
    open: OpenTx,
    place: Arc<DatabaseLocation>,
}

enum OpenTx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// The rows of one statement, as the database's library has them.
enum FetchedRows {
    Sqlite(Vec<SqliteRow>),
    Postgres(Vec<PgRow>),
}

impl FetchedRows {
    fn read<T: Readable>(self) -> sqlx::Result<Vec<T>> {
        match self {
            Self::Sqlite(rows) => rows.iter().map(T::from_row).collect(),
            Self::Postgres(rows) => rows.iter().map(T::from_row).collect(),
        }
    }
}

impl OpenTx {
    fn dialect(&self) -> SqlDialect {
        match self {
            Self::Sqlite(_) => SqlDialect::Sqlite,
            Self::Postgres(_) => SqlDialect::Postgres,
        }
    }

    fn execute(&mut self, text: SqlStr, keep: bool, args: Vec<Arg>) -> BoxFuture<'_, sqlx::Result<u64>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite(tx) => {
                    let query = sqlx::query_with(text, bind::<SqliteArguments>(args)?).persistent(keep);
                    query.execute(&mut **tx).await?.rows_affected()
                }
                Self::Postgres(tx) => {
                    let query = sqlx::query_with(text, bind::<PgArguments>(args)?).persistent(keep);
                    query.execute(&mut **tx).await?.rows_affected()
                }
            })
        })
    }

    fn fetch(
        &mut self,
        text: SqlStr,
        keep: bool,
        args: Vec<Arg>,
    ) -> BoxFuture<'_, sqlx::Result<FetchedRows>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite(tx) => {
                    let query = sqlx::query_with(text, bind::<SqliteArguments>(args)?).persistent(keep);
                    FetchedRows::Sqlite(query.fetch_all(&mut **tx).await?)
                }
                Self::Postgres(tx) => {
                    let query = sqlx::query_with(text, bind::<PgArguments>(args)?).persistent(keep);
                    FetchedRows::Postgres(query.fetch_all(&mut **tx).await?)
                }
            })
        })
    }
}

impl Tx {
    /// Returns the dialect in which this transaction takes statements.
    #[must_use]
    pub fn dialect(&self) -> SqlDialect {
        self.open.dialect()
    }

    /// Runs a statement and returns the number of rows that it inserted, updated or deleted.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn execute(&mut self, sql: impl Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        let (text, keep) = sql.text(self.dialect());
        self.open.execute(text, keep, args).await.map_err(|error| self.place.failed(error))
    }

    /// Runs a statement on PostgreSQL only: a lock, which SQLite does not need because it has one
    /// writer.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn lock(&mut self, sql: &'static str) -> Result<(), StoreError> {
        if let OpenTx::Postgres(tx) = &mut self.open {
            sqlx::query(sql).execute(&mut **tx).await.map_err(|error| self.place.failed(error))?;
        }
        Ok(())
    }

    /// Runs a statement and reads its rows.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn rows<T: Readable>(
        &mut self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, StoreError> {
        let (text, keep) = sql.text(self.dialect());
        let fetched = self.open.fetch(text, keep, args).await;
        fetched.and_then(FetchedRows::read).map_err(|error| self.place.failed(error))
    }

    /// Runs a statement and reads its first row; `None` where it has no row.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn row<T: Readable>(
        &mut self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.commit_boxed().await
    }

    fn commit_boxed(self) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async move {
            let committed = match self.open {
                OpenTx::Sqlite(tx) => tx.commit().await,
                OpenTx::Postgres(tx) => tx.commit().await,
            };
            committed.map_err(|error| self.place.failed(error))
        })
    }
}

/// Evaluates a future again, up to three times, where PostgreSQL ended its transaction to resolve a
/// deadlock.
#[macro_export]
macro_rules! retry_on_deadlock {
    ($once:expr) => {{
        let mut tries = 0;
        loop {
            match $once.await {
                Err(error) if tries < 3 && $crate::StoreError::is_deadlock(&error) => tries += 1,
                done => break done,
            }
        }
    }};
}

/// The time that a writer waits for SQLite's lock before it registers in the [`WriteQueue`].
const ANNOUNCE_WAIT_AFTER: Duration = Duration::from_millis(25);

impl Database {
    /// Lets other processes write that wait for SQLite's one lock, for at most 150 ms. Long work
    /// calls it between two pieces. Does nothing on PostgreSQL.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn yield_writer(&self) {
        if let Some(write_queue) = self.write_queue() {
            write_queue.yield_to_waiters().await;
        }
    }

    /// Begins a writing transaction. SQLite takes its write lock at once: a transaction that reads
    /// first and asks for the lock later is refused, whatever the busy timeout is.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let started = Instant::now();
        let begun = self.begin_boxed().await;
        (self.on_write_wait)(started.elapsed());
        begun
    }

    fn begin_boxed(&self) -> BoxFuture<'_, Result<Tx, StoreError>> {
        Box::pin(self.begin_queued())
    }

    async fn begin_queued(&self) -> Result<Tx, StoreError> {
        self.marker().map_or(Ok(()), |place| place.require_in_place())?;
        let open = match self.pools() {
            Pools::Sqlite { writer, .. } => {
                let mut begun = std::pin::pin!(writer.begin_with("begin immediate"));
                let begun = match tokio::time::timeout(ANNOUNCE_WAIT_AFTER, &mut begun).await {
                    Ok(begun) => begun,
                    Err(_) => {
                        let _waiting = self.write_queue().map(WriteQueue::wait);
                        begun.await
                    }
                };
                begun.map(OpenTx::Sqlite)
            }
            Pools::Postgres(pool) => {
                let connection = self.connection(pool).await?;
                Transaction::begin(connection, None).await.map(OpenTx::Postgres)
            }
        };
        let place = Arc::clone(self.place());
        open.map(|open| Tx { open, place }).map_err(|error| self.place().failed(error))
    }

    /// Reads rows outside any transaction.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn rows<T: Readable>(&self, sql: impl Statement, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        let (text, keep) = sql.text(self.dialect());
        self.fetch(text, keep, args).await?.read().map_err(|error| self.place().failed(error))
    }

    fn fetch(
        &self,
        text: SqlStr,
        keep: bool,
        args: Vec<Arg>,
    ) -> BoxFuture<'_, Result<FetchedRows, StoreError>> {
        Box::pin(async move {
            let failed = |error| self.place().failed(error);
            Ok(match self.pools() {
                Pools::Sqlite { readers, .. } => {
                    let args = bind::<SqliteArguments>(args).map_err(failed)?;
                    let query = sqlx::query_with(text, args).persistent(keep);
                    FetchedRows::Sqlite(query.fetch_all(readers).await.map_err(failed)?)
                }
                Pools::Postgres(pool) => {
                    let args = bind::<PgArguments>(args).map_err(failed)?;
                    let mut connection = self.connection(pool).await?;
                    let query = sqlx::query_with(text, args).persistent(keep);
                    FetchedRows::Postgres(query.fetch_all(&mut *connection).await.map_err(failed)?)
                }
            })
        })
    }

    /// Reads the first row outside any transaction; `None` where there is no row.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn row<T: Readable>(
        &self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement outside any transaction, on PostgreSQL only: `analyze` for example.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn maintain(&self, sql: &'static str) -> Result<(), StoreError> {
        if let Pools::Postgres(pool) = self.pools() {
            let mut connection = self.connection(pool).await?;
            sqlx::query(sql).execute(&mut *connection).await.map_err(|error| self.place().failed(error))?;
        }
        Ok(())
    }

    /// Runs one statement in its own transaction, and returns the number of rows that it inserted,
    /// updated or deleted.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost.
    pub async fn execute(&self, sql: impl Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let changed = tx.execute(sql, args).await?;
        tx.commit().await?;
        Ok(changed)
    }
}
