//! A database of either kind: its typed pools, and what stands beside the file of SQLite.

use std::sync::Arc;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

use crate::Place;
use crate::identity::MarkerFile;
use crate::turns::Turns;

/// A database of either kind. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) pools: Pools,
    /// Its place, for messages.
    pub(crate) place: Arc<Place>,
    /// Of a SQLite database in a file.
    pub(crate) marker: Option<Arc<MarkerFile>>,
    /// Of a SQLite database in a file.
    pub(crate) turns: Option<Arc<Turns>>,
}

/// The typed pools. In memory, `writer` and `readers` are the same single connection.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.dialect()).finish()
    }
}

impl Pools {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl Store {
    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn dialect(&self) -> &'static str {
        match self.pools.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
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
