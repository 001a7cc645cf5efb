//! The database of a trial.

/// The database that the processes of a trial share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database<'a> {
    /// A file in the workspace.
    Sqlite,
    /// A new database of the server at this URL, whose user may make one.
    Postgres(&'a str),
}
