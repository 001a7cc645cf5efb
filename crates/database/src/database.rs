//! The handle to a database: its typed pools, and the files that stand beside a SQLite file.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

use crate::DatabaseLocation;
use crate::marker::MarkerFile;
use crate::write_queue::WriteQueue;

/// A handle to an open SQLite or PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(crate) pools: Pools,
    /// The location that error messages show.
    pub(crate) place: Arc<DatabaseLocation>,
    /// The marker file; `None` for PostgreSQL and for SQLite in memory.
    pub(crate) marker: Option<Arc<MarkerFile>>,
    /// The queue of writing processes; `None` for PostgreSQL and for SQLite in memory.
    pub(crate) write_queue: Option<Arc<WriteQueue>>,
    /// Called with the time that each writing transaction waited before it began.
    pub(crate) on_write_wait: fn(Duration),
}

/// The connection pools of a database. In memory, `writer` and `readers` are the same single
/// connection.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// The dialect of SQL that a database understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlDialect {
    /// The SQL of SQLite 3.51.3 and later.
    Sqlite,
    /// The SQL of PostgreSQL.
    Postgres,
}

impl SqlDialect {
    /// Returns the name: `sqlite` or `postgres`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.dialect().as_str()).finish()
    }
}

impl Database {
    /// Returns the dialect in which this database takes statements.
    #[must_use]
    pub fn dialect(&self) -> SqlDialect {
        match self.pools {
            Pools::Sqlite { .. } => SqlDialect::Sqlite,
            Pools::Postgres(_) => SqlDialect::Postgres,
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    pub(crate) fn place(&self) -> &Arc<DatabaseLocation> {
        &self.place
    }

    pub(crate) fn write_queue(&self) -> Option<&WriteQueue> {
        self.write_queue.as_deref()
    }

    pub(crate) fn marker(&self) -> Option<&Arc<MarkerFile>> {
        self.marker.as_ref()
    }
}
