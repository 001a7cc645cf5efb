//! The classification of sqlx's errors by reason.
//!
//! SQLite's result codes: <https://www.sqlite.org/rescode.html>; the lower eight bits are the
//! primary code. PostgreSQL's SQLSTATEs:
//! <https://www.postgresql.org/docs/15/errcodes-appendix.html>.

use std::io;
use std::path::Path;

use sqlx::error::DatabaseError as SqlxDatabaseError;
use sqlx::migrate::MigrateError;

use super::access::{inspect, io_reason, is_disk_full, without_number};
use super::{DatabaseError, DatabaseLocation, InputError, Reason, RowError, SchemaError, StoreError};

impl DatabaseLocation {
    /// Converts an error of sqlx.
    pub(crate) fn failed(&self, error: sqlx::Error) -> StoreError {
        let error = match error {
            sqlx::Error::ColumnDecode { index, source } => {
                return RowError::Column { column: index, error: source }.into();
            }
            error => error,
        };
        let reason = match &error {
            sqlx::Error::Database(answer) if self.is_input(&**answer) => {
                return refused_input(answer.message().to_owned(), error);
            }
            sqlx::Error::Encode(cause) => return refused_input(cause.to_string(), error),
            sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_) => return RowError::Shape(error.into()).into(),
            sqlx::Error::Database(answer) => self.reason_of(&**answer),
            sqlx::Error::Io(cause) => self.reason_of_io(cause),
            sqlx::Error::Tls(cause) => Reason::Tls(cause.to_string()),
            sqlx::Error::Protocol(_) if self.file().is_none() => Reason::NotPostgres,
            sqlx::Error::PoolTimedOut => Reason::Busy,
            sqlx::Error::PoolClosed => Reason::Closed,
            sqlx::Error::WorkerCrashed => Reason::ConnectionLost,
            sqlx::Error::Configuration(cause) => Reason::Other(cause.to_string()),
            other => Reason::Other(other.to_string()),
        };
        DatabaseError::new(self, reason, Some(error.into())).into()
    }

    /// Makes the error for a server that did not answer in time.
    pub(crate) fn no_answer(&self) -> StoreError {
        DatabaseError::new(self, Reason::NoAnswer, None).into()
    }

    /// Makes the error for a lock that was not released in time.
    pub(crate) fn locked(&self) -> StoreError {
        DatabaseError::new(self, Reason::Locked, None).into()
    }

    /// Makes the error for a file or folder of the database that cannot be used.
    pub(crate) fn unusable(&self, path: &Path, error: io::Error) -> StoreError {
        DatabaseError::new(self, io_reason(path, &error), Some(error.into())).into()
    }

    /// Converts the error of migrations that cannot be run.
    pub(crate) fn not_migrated(&self, error: MigrateError) -> StoreError {
        let error = match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                return self.failed(error);
            }
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                SchemaError::Newer(version)
            }
            MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
                SchemaError::Changed(version)
            }
            other => SchemaError::Other(other.into()),
        };
        StoreError::Schema { place: Box::new(self.clone()), error }
    }

    /// Returns true if the database refuses the values of the statement, so that the request is at
    /// fault.
    fn is_input(&self, answer: &dyn SqlxDatabaseError) -> bool {
        let code = answer.code().unwrap_or_default();
        match self {
            // The classes of data exceptions, violated constraints and program limits.
            Self::Server { .. } => matches!(code.get(..2), Some("22" | "23" | "54")),
            // TOOBIG, CONSTRAINT, MISMATCH, RANGE.
            Self::File(_) | Self::Memory => matches!(primary(&code), Some(18 | 19 | 20 | 25)),
        }
    }

    fn reason_of(&self, answer: &dyn SqlxDatabaseError) -> Reason {
        let code = answer.code().unwrap_or_default();
        match self {
            Self::Server { .. } => reason_of_sqlstate(&code, answer.message()),
            Self::File(_) | Self::Memory => reason_of_result_code(&code, answer.message(), self.file()),
        }
    }

    fn reason_of_io(&self, error: &io::Error) -> Reason {
        if let Some(file) = self.file() {
            return io_reason(file, error);
        }
        match error.kind() {
            // Where the Unix socket does not exist, no server listens.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Reason::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Reason::NoAnswer
            }
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Reason::ConnectionLost,
            // The standard library has no kind for a host name without an address.
            _ if error.to_string().contains("failed to lookup address") => Reason::UnknownHost,
            _ => Reason::Other(without_number(error)),
        }
    }
}

fn refused_input(message: String, cause: sqlx::Error) -> StoreError {
    InputError::Refused { message, cause: cause.into() }.into()
}

/// Returns the primary result code of SQLite: the lower eight bits of an extended one.
fn primary(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// The extended result code SQLITE_READONLY_DBMOVED.
const READONLY_DBMOVED: &str = "1032";

fn reason_of_result_code(code: &str, message: &str, file: Option<&Path>) -> Reason {
    let inspected = || file.and_then(inspect);
    let is_full = || file.is_some_and(is_disk_full);
    match primary(code) {
        // BUSY, LOCKED, PROTOCOL: another process took too long with its locks.
        Some(5 | 6 | 15) => Reason::Locked,
        Some(8) if code == READONLY_DBMOVED => Reason::Moved,
        // PERM, READONLY, AUTH.
        Some(3 | 8 | 23) => inspected().unwrap_or(Reason::ReadOnlyFile),
        // IOERR: a full disk causes some of its kinds.
        Some(10) if is_full() => Reason::Full,
        Some(10) => inspected().unwrap_or(Reason::DiskFailed),
        // CORRUPT.
        Some(11) => Reason::Damaged,
        // FULL.
        Some(13) => Reason::Full,
        // CANTOPEN.
        Some(14) => inspected().unwrap_or_else(|| if is_full() { Reason::Full } else { Reason::CannotOpen }),
        // NOTADB.
        Some(26) => Reason::NotADatabase,
        _ => Reason::Other(message.to_owned()),
    }
}

fn reason_of_sqlstate(code: &str, message: &str) -> Reason {
    match code {
        "28P01" => Reason::WrongPassword,
        "28000" => Reason::LoginRefused(message.to_owned()),
        "3D000" => Reason::NoSuchDatabase,
        "53300" => Reason::TooManyConnections,
        // disk_full, and the limit of a temporary file.
        "53100" | "53400" => Reason::Full,
        "57P03" => Reason::Starting,
        // The server shuts down, or it ended a session that was idle for too long.
        "57P01" | "57P02" | "25P03" | "57P05" => Reason::ConnectionLost,
        "25006" => Reason::ReadOnlyServer,
        "42501" => Reason::Privilege(message.to_owned()),
        "40P01" => Reason::Deadlock,
        "55P03" => Reason::Locked,
        "58030" => Reason::DiskFailed,
        "XX001" | "XX002" => Reason::Damaged,
        _ if code.starts_with("08") => Reason::ConnectionLost,
        _ => Reason::Other(message.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorSide;

    #[test]
    fn result_codes_of_sqlite_have_their_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chorus.db");
        for (code, reason) in [
            ("5", Reason::Locked),
            ("261", Reason::Locked),
            ("6", Reason::Locked),
            ("8", Reason::ReadOnlyFile),
            ("1032", Reason::Moved),
            ("10", Reason::DiskFailed),
            ("778", Reason::DiskFailed),
            ("11", Reason::Damaged),
            ("13", Reason::Full),
            ("14", Reason::CannotOpen),
            ("26", Reason::NotADatabase),
            ("1", Reason::Other("no such table: runs".to_owned())),
        ] {
            assert_eq!(reason_of_result_code(code, "no such table: runs", Some(&file)), reason, "{code}");
        }
        assert_eq!(reason_of_result_code("14", "", Some(folder.path())), Reason::IsFolder);
    }

    #[test]
    fn states_of_postgresql_have_their_reasons() {
        for (code, reason) in [
            ("28P01", Reason::WrongPassword),
            ("28000", Reason::LoginRefused("message".to_owned())),
            ("3D000", Reason::NoSuchDatabase),
            ("53300", Reason::TooManyConnections),
            ("53100", Reason::Full),
            ("57P03", Reason::Starting),
            ("57P01", Reason::ConnectionLost),
            ("08006", Reason::ConnectionLost),
            ("25006", Reason::ReadOnlyServer),
            ("42501", Reason::Privilege("message".to_owned())),
            ("40P01", Reason::Deadlock),
            ("42P01", Reason::Other("message".to_owned())),
        ] {
            assert_eq!(reason_of_sqlstate(code, "message"), reason, "{code}");
        }
    }

    #[test]
    fn a_server_that_cannot_be_reached_has_the_reason_of_the_system_error() {
        let place = DatabaseLocation::Server {
            address: "db:5432".to_owned(),
            database: "chorus".to_owned(),
            user: "mei".to_owned(),
        };
        let reason = |kind: io::ErrorKind| place.reason_of_io(&io::Error::from(kind));
        assert_eq!(reason(io::ErrorKind::ConnectionRefused), Reason::Refused);
        assert_eq!(reason(io::ErrorKind::TimedOut), Reason::NoAnswer);
        assert_eq!(reason(io::ErrorKind::UnexpectedEof), Reason::ConnectionLost);
        let unknown = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(place.reason_of_io(&unknown), Reason::UnknownHost);
        let error = place.failed(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        assert_eq!(
            error.to_string(),
            "use the PostgreSQL database chorus at db:5432: the connection is refused: no server listens there; \
             start PostgreSQL, or set the right host and port as [database] url"
        );
        assert_eq!(error.side(), ErrorSide::Database);
    }

    #[test]
    fn a_refused_value_is_the_fault_of_the_request() {
        let error = DatabaseLocation::Memory.failed(sqlx::Error::Encode("too long".into()));
        assert_eq!(error.side(), ErrorSide::Input);
        assert_eq!(error.to_string(), "use what was given: the database does not take it: too long");
    }
}
