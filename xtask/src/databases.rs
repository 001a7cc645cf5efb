//! The databases that something is tried on.

use ::tests::Database;

/// One kind of database, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Databases {
    Sqlite,
    Postgres,
    Both,
}

impl Databases {
    pub(crate) fn has_sqlite(self) -> bool {
        self != Self::Postgres
    }

    pub(crate) fn has_postgres(self) -> bool {
        self != Self::Sqlite
    }

    /// Their names, with where they are; `server` is the URL of a PostgreSQL.
    pub(crate) fn named(self, server: &str) -> Vec<(&'static str, Database<'_>)> {
        let mut named = Vec::new();
        if self.has_sqlite() {
            named.push(("SQLite", Database::Sqlite));
        }
        if self.has_postgres() {
            named.push(("PostgreSQL", Database::Postgres(server)));
        }
        named
    }
}
