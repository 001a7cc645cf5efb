//! What can go wrong with a database.

/// What can go wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or went away.
    #[error("use the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The migrations do not fit the database.
    #[error("migrate the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The address names no database that Chorus knows.
    #[error("open the database: {0}")]
    BadUrl(String),
    /// A row holds what this version does not know.
    #[error("read a row: {0}")]
    BadRow(String),
    /// What was to be stored or asked cannot be; says what to change.
    #[error("use what was given: {0}")]
    BadInput(String),
    /// The SQLite file was replaced, moved or deleted while it was open: what is written to it would be lost.
    #[error("write to {0}: it was replaced, moved or deleted while Chorus was running; start Chorus again")]
    Replaced(String),
    /// The marker beside a SQLite file cannot be read or written.
    #[error("keep {0} beside the database: {1}")]
    Marker(String, #[source] std::io::Error),
}
