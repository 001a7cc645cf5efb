//! The kind of database that a test or benchmark runs on.

/// The database that the processes under test share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestDatabase<'a> {
    /// SQLite, in a file of the workspace.
    Sqlite,
    /// A new database on the PostgreSQL server at this URL, whose user may create databases.
    Postgres(&'a str),
}
