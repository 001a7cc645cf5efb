//! The location of a database, as messages show it: a file, or a host, port and name.

use std::fmt;
use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

/// The location of a database. It holds no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A SQLite database in memory.
    Memory,
    /// A SQLite database in a file.
    File(PathBuf),
    /// A database on a PostgreSQL server.
    Server {
        /// The host with its port, or the folder of the Unix socket.
        address: String,
        /// The name of the database.
        database: String,
        /// The role that logs in.
        user: String,
    },
}

impl DatabaseLocation {
    pub(crate) fn server(options: &PgConnectOptions) -> Self {
        let (host, port) = (options.get_host(), options.get_port());
        let address = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        let user = options.get_username().to_owned();
        // PostgreSQL's rule: without a name, the database has the name of the role.
        let database = options.get_database().unwrap_or(&user).to_owned();
        Self::Server { address, database, user }
    }

    /// Returns the path of the SQLite file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            Self::Memory | Self::Server { .. } => None,
        }
    }
}

impl fmt::Display for DatabaseLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("the database in memory"),
            Self::File(file) => write!(f, "the database {}", file.display()),
            Self::Server { address, database, .. } => {
                write!(f, "the PostgreSQL database {database} at {address}")
            }
        }
    }
}
