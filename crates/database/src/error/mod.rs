//! Errors of a database: requests that it cannot serve, and databases that cannot serve.

mod access;
mod classify;
mod database;
mod denied;
mod input;
mod location;
mod row;

pub use database::{DatabaseError, Reason};
pub use denied::Denied;
pub use input::InputError;
pub use location::DatabaseLocation;
pub use row::RowError;

/// The side on which an error has to be fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorSide {
    /// The request: sent again unchanged, it fails again. HTTP 400, exit code 1.
    Input,
    /// The database or its address: the same request may succeed later. HTTP 503, exit code 3.
    Database,
}

/// An error of a [`Database`](crate::Database), worded to follow "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request names a value that cannot be stored or queried.
    #[error("use what was given: {0}")]
    Input(#[from] InputError),
    /// The database refuses, fails or does not answer.
    #[error("{0}")]
    Database(#[from] DatabaseError),
    /// The address in `[database] url` names no database.
    #[error("open the database: {0}")]
    Url(#[from] UrlError),
    /// The tables are not those of this version of Chorus.
    #[error("migrate {place}: {error}")]
    Schema {
        /// The location of the database.
        place: Box<DatabaseLocation>,
        /// The difference between its tables and those of this version.
        #[source]
        error: SchemaError,
    },
    /// A row holds a value that this version does not know, or lacks one that it needs.
    #[error("read a row: {0}")]
    BadRow(#[from] RowError),
    /// The SQLite file was replaced, moved or deleted while it was open: what is written to it
    /// would be lost.
    #[error("write to {0}: it was replaced, moved or deleted while Chorus was running; start Chorus again")]
    Replaced(String),
    /// The SQLite file has several names (hard links): another folder uses the very same file.
    #[error(
        "use the database {path}: it has {names} names (hard links): another folder uses the very same file. Give this \
         one its own, `cp {path} {path}.own && mv {path}.own {path}`, and start Chorus again: it takes it for a copy then"
    )]
    HardLinks {
        /// The path of the file.
        path: String,
        /// The number of its hard links.
        names: u64,
    },
    /// The SQLite library has a version that can corrupt a write-ahead log.
    #[error("use SQLite {0}: its write-ahead log can be corrupted; build with 3.51.3 or later")]
    UnsafeSqlite(String),
}

/// A database URL that names no database. The URL itself is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// The scheme of the URL is unknown.
    #[error(
        "write `sqlite:data/chorus.db` or `postgres://user@host/database` as [database] url in chorus.toml"
    )]
    UnknownScheme,
    /// The rest of the URL cannot be parsed.
    #[error("[database] url in chorus.toml cannot be read: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A database whose tables are not those of this version.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database had a migration that this version does not have.
    #[error("a newer version of Chorus has changed its tables (migration {0}); use that version")]
    Newer(i64),
    /// The database had a migration whose text is different in this version, or one that failed
    /// half-way.
    #[error(
        "its migration {0} is not the one of this version; use the version that made the database, or restore a backup"
    )]
    Changed(i64),
    /// The migrations cannot be run, for any other reason.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Returns the side on which the error has to be fixed. HTTP statuses and exit codes follow
    /// from it.
    #[must_use]
    pub fn side(&self) -> ErrorSide {
        match self {
            Self::Input(_) => ErrorSide::Input,
            Self::Database(_)
            | Self::Url(_)
            | Self::Schema { .. }
            | Self::BadRow(_)
            | Self::Replaced(_)
            | Self::HardLinks { .. }
            | Self::UnsafeSqlite(_) => ErrorSide::Database,
        }
    }

    /// Returns true if PostgreSQL ended the transaction to resolve a deadlock: it was rolled back.
    #[must_use]
    pub fn is_deadlock(&self) -> bool {
        self.reason() == Some(&Reason::Deadlock)
    }

    /// Returns the reason for which the database failed; `None` where it did not.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Database(error) => Some(error.reason()),
            _ => None,
        }
    }
}
