//! How a statement is said to either database: its text, its values, a transaction to say it in.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, FromRow, Postgres, SqlSafeStr, SqlStr, Sqlite, Transaction};

pub(crate) use crate::pools::Dialect;
use crate::pools::Pools;
use crate::turns::Turns;
use crate::{
    ContactId, DeliveryId, InputError, LeaseId, LinkId, Place, Reason, RevisionId, RunId, RunName, Store,
    StoreError,
};

/// One statement for both databases. Made by [`sql!`](crate::sql::sql).
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// Puts a statement together from texts that both databases share, from `{ sqlite: "…", postgres: "…" }`
/// where the dialects differ, and from `[batch $N as NAME: column type, …]`, the head of a common table
/// expression that reads the rows of [`batch`] in argument N. Values never stand in the text.
macro_rules! sql {
    (@ [$($s:tt)*] [$($p:tt)*]) => {
        $crate::sql::Sql { sqlite: concat!($($s)*), postgres: concat!($($p)*) }
    };
    (@ [$($s:tt)*] [$($p:tt)*] { sqlite: $a:literal, postgres: $b:literal } $($rest:tt)*) => {
        $crate::sql::sql!(@ [$($s)* $a,] [$($p)* $b,] $($rest)*)
    };
    (@ [$($s:tt)*] [$($p:tt)*] [batch $n:literal as $name:ident: $first:ident $ft:ident $(, $column:ident $t:ident)*] $($rest:tt)*) => {
        $crate::sql::sql!(
            @
            [$($s)* stringify!($name), " as materialized (select ", $crate::sql::field!($first $ft), $(", ", $crate::sql::field!($column $t),)* " from json_each($", $n, ")) ",]
            [$($p)* stringify!($name), " as materialized (select * from jsonb_to_recordset(cast($", $n, " as jsonb)) as t(", stringify!($first), " ", stringify!($ft), $(", ", stringify!($column), " ", stringify!($t),)* ")) ",]
            $($rest)*
        )
    };
    (@ [$($s:tt)*] [$($p:tt)*] $shared:ident!() $($rest:tt)*) => {
        $crate::sql::sql!(@ [$($s)* $shared!(),] [$($p)* $shared!(),] $($rest)*)
    };
    (@ [$($s:tt)*] [$($p:tt)*] $shared:ident!($with:literal) $($rest:tt)*) => {
        $crate::sql::sql!(@ [$($s)* $shared!($with),] [$($p)* $shared!($with),] $($rest)*)
    };
    (@ [$($s:tt)*] [$($p:tt)*] $text:literal $($rest:tt)*) => {
        $crate::sql::sql!(@ [$($s)* $text,] [$($p)* $text,] $($rest)*)
    };
    ($($all:tt)+) => {
        $crate::sql::sql!(@ [] [] $($all)+)
    };
}

/// One column of a batch, as SQLite reads it out of JSON.
macro_rules! field {
    ($column:ident jsonb) => {
        concat!("value -> '", stringify!($column), "' as ", stringify!($column))
    };
    ($column:ident $t:ident) => {
        concat!("value ->> '", stringify!($column), "' as ", stringify!($column))
    };
}

pub(crate) use {field, sql};

/// A statement that can be told to either database.
pub(crate) trait Statement: Send {
    /// Its text, and whether it is worth keeping prepared.
    fn text(self, dialect: Dialect) -> (SqlStr, bool);
}

impl Statement for &'static Sql {
    fn text(self, dialect: Dialect) -> (SqlStr, bool) {
        let text = match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        };
        (SqlStr::from_static(text), true)
    }
}

/// A statement that was put together from fixed fragments and placeholders, for the dialect at hand.
pub(crate) struct Assembled(pub(crate) String);

impl Statement for Assembled {
    fn text(self, _: Dialect) -> (SqlStr, bool) {
        (AssertSqlSafe(self.0).into_sql_str(), false)
    }
}

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Arg {
    Int(Option<i64>),
    Real(f64),
    Text(Option<String>),
}

/// The values of a statement, in the order of their placeholders.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(without_nul(value)))
    }
}

impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(without_nul))
    }
}

macro_rules! arg_from_id {
    ($($id:ident),*) => {$(
        impl From<$id> for Arg {
            fn from(id: $id) -> Self {
                Self::Int(Some(id.0))
            }
        }
        impl From<Option<$id>> for Arg {
            fn from(id: Option<$id>) -> Self {
                Self::Int(id.map(|id| id.0))
            }
        }
    )*};
}
arg_from_id!(ContactId, DeliveryId, LeaseId, LinkId, RevisionId, RunId, RunName);

/// PostgreSQL keeps no NUL in a text, so neither database gets one: it becomes U+FFFD.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Rows as one JSON argument, for `[batch …]` in [`sql!`](crate::sql::sql).
pub(crate) fn batch<T: Serialize>(rows: &[T]) -> Result<Arg, StoreError> {
    let mut json = Vec::with_capacity(64 * rows.len());
    rows.serialize(&mut serde_json::Serializer::with_formatter(&mut json, NulFree))
        .map_err(InputError::Json)?;
    let json = String::from_utf8(json).map_err(serde::ser::Error::custom).map_err(InputError::Json)?;
    Ok(Arg::Text(Some(json)))
}

/// Ids as one JSON argument, for `[batch N as NAME: id bigint]`: each once, in their order, because rows are locked in
/// it.
pub(crate) fn ids<T: Serialize + Ord>(ids: impl IntoIterator<Item = T>) -> Result<Arg, StoreError> {
    #[derive(Serialize)]
    struct Id<T> {
        id: T,
    }
    let ids: BTreeSet<T> = ids.into_iter().collect();
    batch(&ids.into_iter().map(|id| Id { id }).collect::<Vec<_>>())
}

/// JSON as usual, with U+FFFD in the place of NUL.
struct NulFree;

impl Formatter for NulFree {
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(0) => writer.write_all(b"\\ufffd"),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }
}

fn bind<A: Arguments>(args: Vec<Arg>) -> sqlx::Result<A>
where
    for<'t> Option<i64>: sqlx::Encode<'t, A::Database> + sqlx::Type<A::Database>,
    for<'t> Option<String>: sqlx::Encode<'t, A::Database> + sqlx::Type<A::Database>,
    for<'t> f64: sqlx::Encode<'t, A::Database> + sqlx::Type<A::Database>,
{
    let mut bound = A::default();
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::Real(value) => bound.add(value),
            Arg::Text(value) => bound.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

/// What can be read from a row of either database.
pub(crate) trait Readable:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Readable for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A transaction that may write. Dropped without `commit`, it never happened.
pub(crate) struct Tx {
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
    pub(crate) fn dialect(&self) -> Dialect {
        self.open.dialect()
    }

    /// Runs a statement and says how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: impl Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        self.open.execute(sql, args).await.map_err(|error| self.place.failed(error))
    }

    /// Runs a statement that only PostgreSQL needs, whose writers are many: a lock.
    pub(crate) async fn lock(&mut self, sql: &'static str) -> Result<(), StoreError> {
        if let Open::Postgres(tx) = &mut self.open {
            sqlx::query(sql).execute(&mut **tx).await.map_err(|error| self.place.failed(error))?;
        }
        Ok(())
    }

    /// Runs a statement and reads its rows.
    pub(crate) async fn rows<T: Readable>(
        &mut self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, StoreError> {
        self.open.rows(sql, args).await.map_err(|error| self.place.failed(error))
    }

    /// Runs a statement and reads its first row.
    pub(crate) async fn row<T: Readable>(
        &mut self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let committed = match self.open {
            Open::Sqlite(tx) => tx.commit().await,
            Open::Postgres(tx) => tx.commit().await,
        };
        committed.map_err(|error| self.place.failed(error))
    }
}

/// PostgreSQL ends one of two transactions that wait for each other: that one is begun again.
macro_rules! again_if_deadlocked {
    ($once:expr) => {{
        let mut tries = 0;
        loop {
            match $once.await {
                Err(error) if tries < 3 && $crate::sql::is_deadlock(&error) => tries += 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use again_if_deadlocked;

/// Whether a transaction was ended for the sake of another: nothing of it happened.
pub(crate) fn is_deadlock(error: &StoreError) -> bool {
    error.reason() == Some(&Reason::Deadlock)
}

/// The time that a writer waits for SQLite's lock before it says so.
const SOON: Duration = Duration::from_millis(25);

impl Store {
    /// Between two pieces of a long work: lets others write who wait for SQLite's one lock.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn let_others_write(&self) {
        if let Some(turns) = self.turns() {
            turns.let_others().await;
        }
    }

    /// Begins a writing transaction. SQLite takes its write lock at once: a transaction that reads first and
    /// asks later is refused whatever the busy timeout says.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        let asked = Instant::now();
        let begun = self.begin_in_turn().await;
        telemetry::writer_waited(asked.elapsed());
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
    pub(crate) async fn rows<T: Readable>(
        &self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, StoreError> {
        let (text, keep) = sql.text(self.pools().dialect());
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
    pub(crate) async fn row<T: Readable>(
        &self,
        sql: impl Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Writes by one statement, which is its own transaction, and says how many rows it touched.
    pub(crate) async fn execute(&self, sql: impl Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(sql, args).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
