//! The choice of databases on the command line.

use ::tests::TestDatabase;

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

    /// Returns the chosen databases with their names; `server` is the URL of a PostgreSQL.
    pub(crate) fn named(self, server: &str) -> Vec<(&'static str, TestDatabase<'_>)> {
        let mut named = Vec::new();
        if self.has_sqlite() {
            named.push(("SQLite", TestDatabase::Sqlite));
        }
        if self.has_postgres() {
            named.push(("PostgreSQL", TestDatabase::Postgres(server)));
        }
        named
    }
}
