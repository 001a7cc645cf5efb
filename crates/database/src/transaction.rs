//! Transactions and single statements, run on either database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::database::{Database, Pools};
use crate::statement::{Arg, Readable, Statement, bind};
use crate::turns::Turns;
use crate::{Dialect, Place, StoreError};

/// A transaction that may write. Dropped without `commit`, it never happened.
pub struct Tx {
    open: Open,
    place: Arc<Place>,
}

enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Open {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn execute(&mut self, sql: impl Statement, args: Vec<Arg>) -> sqlx::Result<u64> {
        let (text, keep) = sql.text(self.dialect());
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
    }

    async fn rows<T: Readable>(&mut self, sql: impl Statement, args: Vec<Arg>) -> sqlx::Result<Vec<T>> {
        let (text, keep) = sql.text(self.dialect());
        match self {
            Self::Sqlite(tx) => {
                let query = sqlx::query_as_with(text, bind::<SqliteArguments>(args)?).persistent(keep);
                query.fetch_all(&mut **tx).await
            }
            Self::Postgres(tx) => {
                let query = sqlx::query_as_with(text, bind::<PgArguments>(args)?).persistent(keep);
                query.fetch_all(&mut **tx).await
            }
        }
    }
}

impl Tx {
    /// The dialect of its statements.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.open.dialect()
    }

    /// Runs a statement and says how many rows it touched.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn execute(&mut self, sql: impl Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        self.open.execute(sql, args).await.map_err(|error| self.place.failed(error))
    }

    /// Runs a statement that only PostgreSQL needs, whose writers are many: a lock.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn lock(&mut self, sql: &'static str) -> Result<(), StoreError> {
        if let Open::Postgres(tx) = &mut self.open {
            sqlx::query(sql).execute(&mut **tx).await.map_err(|error| self.place.failed(error))?;
        }
        Ok(())
    }

    /// Runs a statement and reads its rows.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn rows<T: Readable>(
        &mut self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, StoreError> {
        self.open.rows(sql, args).await.map_err(|error| self.place.failed(error))
    }

    /// Runs a statement and reads its first row.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn row<T: Readable>(
        &mut self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Makes it so.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn commit(self) -> Result<(), StoreError> {
        let committed = match self.open {
            Open::Sqlite(tx) => tx.commit().await,
            Open::Postgres(tx) => tx.commit().await,
        };
        committed.map_err(|error| self.place.failed(error))
    }
}

/// PostgreSQL ends one of two transactions that wait for each other: that one is begun again.
#[macro_export]
macro_rules! again_if_deadlocked {
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
/// The time that a writer waits for SQLite's lock before it says so.
const SOON: Duration = Duration::from_millis(25);

impl Database {
    /// Between two pieces of a long work: lets others write who wait for SQLite's one lock.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn let_others_write(&self) {
        if let Some(turns) = self.turns() {
            turns.let_others().await;
        }
    }

    /// Begins a writing transaction. SQLite takes its write lock at once: a transaction that reads first and
    /// asks later is refused whatever the busy timeout says.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let asked = Instant::now();
        let begun = self.begin_in_turn().await;
        (self.on_write_wait)(asked.elapsed());
        begun
    }

    async fn begin_in_turn(&self) -> Result<Tx, StoreError> {
        self.marker().map_or(Ok(()), |place| place.require_in_place())?;
        let open = match self.pools() {
            Pools::Sqlite { writer, .. } => {
                let mut begun = std::pin::pin!(writer.begin_with("begin immediate"));
                let begun = match tokio::time::timeout(SOON, &mut begun).await {
                    Ok(begun) => begun,
                    Err(_) => {
                        let _waiting = self.turns().map(Turns::wait);
                        begun.await
                    }
                };
                begun.map(Open::Sqlite)
            }
            Pools::Postgres(pool) => {
                let connection = self.connection(pool).await?;
                Transaction::begin(connection, None).await.map(Open::Postgres)
            }
        };
        let place = Arc::clone(self.place());
        open.map(|open| Tx { open, place }).map_err(|error| self.place().failed(error))
    }

    /// Reads rows outside any transaction.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn rows<T: Readable>(&self, sql: impl Statement, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        let (text, keep) = sql.text(self.dialect());
        let failed = |error| self.place().failed(error);
        match self.pools() {
            Pools::Sqlite { readers, .. } => {
                let args = bind::<SqliteArguments>(args).map_err(failed)?;
                sqlx::query_as_with(text, args).persistent(keep).fetch_all(readers).await.map_err(failed)
            }
            Pools::Postgres(pool) => {
                let args = bind::<PgArguments>(args).map_err(failed)?;
                let mut connection = self.connection(pool).await?;
                let query = sqlx::query_as_with(text, args).persistent(keep);
                query.fetch_all(&mut *connection).await.map_err(failed)
            }
        }
    }

    /// Reads the first row outside any transaction.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn row<T: Readable>(
        &self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement that only PostgreSQL needs outside any transaction: `analyze`, say.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn maintain(&self, sql: &'static str) -> Result<(), StoreError> {
        if let Pools::Postgres(pool) = self.pools() {
            let mut connection = self.connection(pool).await?;
            sqlx::query(sql).execute(&mut *connection).await.map_err(|error| self.place().failed(error))?;
        }
        Ok(())
    }

    /// Writes by one statement, which is its own transaction, and says how many rows it touched.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn execute(&self, sql: impl Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(sql, args).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
