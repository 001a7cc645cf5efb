//! Errors of a database: a request that it cannot serve, or a database that cannot serve.

mod access;
mod classify;
mod database;
mod denied;
mod input;
mod place;
mod row;

pub use database::{DatabaseError, Reason};
pub use denied::Denied;
pub use input::InputError;
pub use place::Place;
pub use row::RowError;

/// The side on which an error has to be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request: sent again unchanged, it fails again. HTTP 400, exit code 1.
    Input,
    /// The database or its address: the same request may succeed later. HTTP 503, exit code 3.
    Database,
}

/// An error of a [`Database`](crate::Database), worded to follow "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What was to be stored or asked cannot be.
    #[error("use what was given: {0}")]
    Input(#[from] InputError),
    /// The database refused, failed or is away.
    #[error("{0}")]
    Database(#[from] DatabaseError),
    /// The address in `[database] url` names no database.
    #[error("open the database: {0}")]
    Url(#[from] UrlError),
    /// The tables are not those of this version.
    #[error("migrate {place}: {error}")]
    Schema {
        /// The database.
        place: Box<Place>,
        /// The difference.
        #[source]
        error: SchemaError,
    },
    /// A row holds what this version does not know.
    #[error("read a row: {0}")]
    BadRow(#[from] RowError),
    /// The SQLite file was replaced, moved or deleted while it was open: what is written to it would be lost.
    #[error("write to {0}: it was replaced, moved or deleted while Chorus was running; start Chorus again")]
    Replaced(String),
    /// The SQLite file has several names (hard links): another folder uses the very same file.
    #[error(
        "use the database {path}: it has {names} names (hard links): another folder uses the very same file. Give this \
         one its own, `cp {path} {path}.own && mv {path}.own {path}`, and start Chorus again: it takes it for a copy then"
    )]
    HardLinks {
        /// The file.
        path: String,
        /// The number of its names.
        names: u64,
    },
    /// The SQLite library can corrupt a write-ahead log.
    #[error("use SQLite {0}: its write-ahead log can be corrupted; build with 3.51.3 or later")]
    UnsafeSqlite(String),
}

/// An address that names no database. The address itself is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// The scheme is none that Chorus knows.
    #[error(
        "write `sqlite:data/chorus.db` or `postgres://user@host/database` as [database] url in chorus.toml"
    )]
    UnknownScheme,
    /// The rest of the address cannot be read.
    #[error("[database] url in chorus.toml cannot be read: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A database whose tables are not those of this version.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It had a migration that this version does not have.
    #[error("a newer version of Chorus has changed its tables (migration {0}); use that version")]
    Newer(i64),
    /// It had a migration whose text is another one in this version.
    #[error(
        "its migration {0} is not the one of this version; use the version that made the database, or restore a backup"
    )]
    Changed(i64),
    /// The migrations cannot be run for another reason.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// The side on which the error has to be mended. HTTP statuses and exit codes follow from it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Input(_) => Fault::Input,
            Self::Database(_)
            | Self::Url(_)
            | Self::Schema { .. }
            | Self::BadRow(_)
            | Self::Replaced(_)
            | Self::HardLinks { .. }
            | Self::UnsafeSqlite(_) => Fault::Database,
        }
    }

    /// True of a transaction that was ended for the sake of another: nothing of it happened.
    #[must_use]
    pub fn is_deadlock(&self) -> bool {
        self.reason() == Some(&Reason::Deadlock)
    }

    /// The reason for which the database failed; `None` where it did not.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Database(error) => Some(error.reason()),
            _ => None,
        }
    }
}
