//! SQL statements: their text for either database, and the values for their placeholders.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Arguments, AssertSqlSafe, FromRow, SqlSafeStr, SqlStr};

use crate::{
    ContactId, DeliveryId, InputError, LeaseId, LinkId, MachineTime, Millis, RevisionId, RunId, RunName,
    SqlDialect, StoreError,
};

/// One statement for both databases, made by [`sql!`](crate::sql).
#[derive(Debug)]
pub struct Sql {
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

/// Assembles a statement from texts that both databases share, from `{ sqlite: "…", postgres: "…"
/// }` where the dialects differ, and from `[batch $N as NAME: column type, …]`, the head of a
/// common table expression that reads the rows of [`batch`] in argument N. Values never stand in
/// the text.
#[macro_export]
macro_rules! sql {
    (@ [$($s:tt)*] [$($p:tt)*]) => {
        $crate::Sql { sqlite: concat!($($s)*), postgres: concat!($($p)*) }
    };
    (@ [$($s:tt)*] [$($p:tt)*] { sqlite: $a:literal, postgres: $b:literal } $($rest:tt)*) => {
        $crate::sql!(@ [$($s)* $a,] [$($p)* $b,] $($rest)*)
    };
    (@ [$($s:tt)*] [$($p:tt)*] [batch $n:literal as $name:ident: $first:ident $ft:ident $(, $column:ident $t:ident)*] $($rest:tt)*) => {
        $crate::sql!(
            @
            [$($s)* stringify!($name), " as materialized (select ", $crate::batch_column!($first $ft), $(", ", $crate::batch_column!($column $t),)* " from json_each($", $n, ")) ",]
            [$($p)* stringify!($name), " as materialized (select * from jsonb_to_recordset(cast($", $n, " as jsonb)) as t(", stringify!($first), " ", stringify!($ft), $(", ", stringify!($column), " ", stringify!($t),)* ")) ",]
            $($rest)*
        )
    };
    (@ [$($s:tt)*] [$($p:tt)*] $shared:ident!() $($rest:tt)*) => {
        $crate::sql!(@ [$($s)* $shared!(),] [$($p)* $shared!(),] $($rest)*)
    };
    (@ [$($s:tt)*] [$($p:tt)*] $shared:ident!($with:literal) $($rest:tt)*) => {
        $crate::sql!(@ [$($s)* $shared!($with),] [$($p)* $shared!($with),] $($rest)*)
    };
    (@ [$($s:tt)*] [$($p:tt)*] $text:literal $($rest:tt)*) => {
        $crate::sql!(@ [$($s)* $text,] [$($p)* $text,] $($rest)*)
    };
    ($($all:tt)+) => {
        $crate::sql!(@ [] [] $($all)+)
    };
}

/// The SQLite expression that reads one column of a batch from JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! batch_column {
    ($column:ident jsonb) => {
        concat!("value -> '", stringify!($column), "' as ", stringify!($column))
    };
    ($column:ident $t:ident) => {
        concat!("value ->> '", stringify!($column), "' as ", stringify!($column))
    };
}

/// A statement that either database can run.
pub trait Statement: Send {
    /// Returns the text in `dialect`, and true if the statement should stay prepared.
    fn text(self, dialect: SqlDialect) -> (SqlStr, bool);
}

impl Statement for &'static Sql {
    fn text(self, dialect: SqlDialect) -> (SqlStr, bool) {
        let text = match dialect {
            SqlDialect::Sqlite => self.sqlite,
            SqlDialect::Postgres => self.postgres,
        };
        (SqlStr::from_static(text), true)
    }
}

/// A statement assembled at run time from fixed fragments and placeholders, for the dialect of the
/// database that runs it. It is not kept prepared.
#[derive(Debug)]
pub struct Assembled(pub String);

impl Statement for Assembled {
    fn text(self, _: SqlDialect) -> (SqlStr, bool) {
        (AssertSqlSafe(self.0).into_sql_str(), false)
    }
}

/// A value for a placeholder of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// A `bigint`, or null.
    Int(Option<i64>),
    /// A `double precision`, never null.
    Real(f64),
    /// A `text`, or null.
    Text(Option<String>),
}

/// Makes the list of values for a statement, in the order of its placeholders.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Arg::from($value)),*] };
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<MachineTime> for Arg {
    fn from(time: MachineTime) -> Self {
        Self::Int(Some(time.micros()))
    }
}

impl From<Millis> for Arg {
    fn from(time: Millis) -> Self {
        Self::Int(Some(time.as_millisecond()))
    }
}

impl From<Option<Millis>> for Arg {
    fn from(time: Option<Millis>) -> Self {
        Self::Int(time.map(Millis::as_millisecond))
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

/// Replaces NUL by U+FFFD. PostgreSQL stores no NUL in a text, so neither database gets one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Writes rows as one JSON argument, for `[batch …]` in [`sql!`](crate::sql).
///
/// # Errors
/// A row cannot be written as JSON.
pub fn batch<T: Serialize>(rows: &[T]) -> Result<Arg, StoreError> {
    let mut json = Vec::with_capacity(64 * rows.len());
    rows.serialize(&mut serde_json::Serializer::with_formatter(&mut json, NulFree))
        .map_err(InputError::Json)?;
    let json = String::from_utf8(json).map_err(serde::ser::Error::custom).map_err(InputError::Json)?;
    Ok(Arg::Text(Some(json)))
}

/// Writes ids as one JSON argument, for `[batch N as NAME: id bigint]`: each once, in ascending
/// order, because rows are locked in that order.
///
/// # Errors
/// An id cannot be written as JSON.
pub fn batch_of_ids<T: Serialize + Ord>(ids: impl IntoIterator<Item = T>) -> Result<Arg, StoreError> {
    #[derive(Serialize)]
    struct Id<T> {
        id: T,
    }
    let ids: BTreeSet<T> = ids.into_iter().collect();
    batch(&ids.into_iter().map(|id| Id { id }).collect::<Vec<_>>())
}

/// A compact JSON formatter that writes U+FFFD in the place of NUL.
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

/// Binds the values to the placeholders, in their order.
pub(crate) fn bind<A: Arguments>(args: Vec<Arg>) -> sqlx::Result<A>
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

/// A type that can be read from a row of either database.
pub trait Readable: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Readable for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
