//! The two databases behind one `Store`.

/// A database of either kind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {}

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
}

impl Store {
    /// Opens `url`: `sqlite:path`, `sqlite::memory:` or `postgres://…`. A SQLite file and its folder are created.
    ///
    /// # Errors
    /// The address is not known, or the database does not answer.
    pub async fn open(_url: &str) -> Result<Self, StoreError> {
        todo!()
    }

    /// Brings the tables to this version. Says how many migrations it ran.
    ///
    /// # Errors
    /// The database is newer, was changed by hand, or fails.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        todo!()
    }

    /// Ends all connections, after what is under way; truncates SQLite's log.
    pub async fn close(&self) {
        todo!()
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn dialect(&self) -> &'static str {
        todo!()
    }
}
