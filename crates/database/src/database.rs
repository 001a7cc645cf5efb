//! A database of either kind: its typed pools, and what stands beside the file of SQLite.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

use crate::Place;
use crate::marker::MarkerFile;
use crate::turns::Turns;

/// A database of either kind. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(crate) pools: Pools,
    /// Its place, for messages.
    pub(crate) place: Arc<Place>,
    /// Of a SQLite database in a file.
    pub(crate) marker: Option<Arc<MarkerFile>>,
    /// Of a SQLite database in a file.
    pub(crate) turns: Option<Arc<Turns>>,
    /// Called with the time that each writing transaction waited before it began.
    pub(crate) on_write_wait: fn(Duration),
}

/// The typed pools. In memory, `writer` and `readers` are the same single connection.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// The dialect of SQL that a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Dialect {
    /// `sqlite` or `postgres`.
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
    /// The dialect of its statements.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    pub(crate) fn turns(&self) -> Option<&Turns> {
        self.turns.as_deref()
    }

    pub(crate) fn marker(&self) -> Option<&Arc<MarkerFile>> {
        self.marker.as_ref()
    }
}
