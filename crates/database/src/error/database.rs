//! The error of a database that refused, failed or does not answer: its location, the reason, and
//! advice.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use super::{DatabaseLocation, Denied};

/// A failure of the database. Its text names the location and the reason, and says what to do.
#[derive(Debug)]
pub struct DatabaseError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    place: DatabaseLocation,
    reason: Reason,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The reason for which a database failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// SQLite: a file or folder that this process may not write.
    Denied(Denied),
    /// SQLite: the file system is mounted read-only.
    ReadOnlyDisk,
    /// SQLite: the file can only be read, for a reason that the file system does not show.
    ReadOnlyFile,
    /// SQLite: a folder has the name of the file.
    IsFolder,
    /// SQLite: the folder of the file cannot be created, because a file has its name.
    NoFolder(PathBuf),
    /// SQLite: the file cannot be opened, for a reason that the file system does not show.
    CannotOpen,
    /// SQLite: the file was moved or deleted while it was open.
    Moved,
    /// SQLite: the file is no database.
    NotADatabase,
    /// The disk of the file, or of the server, is full.
    Full,
    /// The disk reports errors.
    DiskFailed,
    /// The content of the database is damaged.
    Damaged,
    /// Another process holds a lock for longer than this one waits.
    Locked,
    /// Two transactions waited for each other, and this one was ended.
    Deadlock,
    /// PostgreSQL: no server listens at the address.
    Refused,
    /// PostgreSQL: no answer came in time.
    NoAnswer,
    /// PostgreSQL: the host name has no address.
    UnknownHost,
    /// PostgreSQL: the connection ended.
    ConnectionLost,
    /// PostgreSQL: the server that answers is no PostgreSQL server.
    NotPostgres,
    /// PostgreSQL: the server is starting or stopping.
    Starting,
    /// PostgreSQL: no TLS connection can be made; the text is the library's message.
    Tls(String),
    /// PostgreSQL: the password is wrong.
    WrongPassword,
    /// PostgreSQL: the role may not log in from here; the text is the server's message.
    LoginRefused(String),
    /// PostgreSQL: the server has no database of this name.
    NoSuchDatabase,
    /// PostgreSQL: the server has as many connections as it allows.
    TooManyConnections,
    /// PostgreSQL: the role lacks a privilege; the text is the server's message.
    Privilege(String),
    /// PostgreSQL: the server takes no writes, because it is a standby for example.
    ReadOnlyServer,
    /// All connections of this process are in use.
    Busy,
    /// The connections of this process were closed before.
    Closed,
    /// Any other reason; the text is the database's message.
    Other(String),
}

impl Reason {
    /// Returns true if the server may be starting, so that a later attempt can succeed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Refused | Self::Starting | Self::TooManyConnections)
    }
}

impl DatabaseError {
    pub(crate) fn new(
        place: &DatabaseLocation,
        reason: Reason,
        cause: impl Into<Option<Box<dyn Error + Send + Sync>>>,
    ) -> Self {
        Self(Box::new(Failure { place: place.clone(), reason, cause: cause.into() }))
    }

    /// Returns the reason of the failure.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// Returns the location of the database.
    #[must_use]
    pub fn place(&self) -> &DatabaseLocation {
        &self.0.place
    }

    /// Returns the message without the advice: "use the database data/chorus.db: the disk is full".
    #[must_use]
    pub fn problem(&self) -> String {
        format!("use {}: {}", self.0.place, self.description())
    }

    /// Returns what to do about it; `None` where that is not known.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        Some(match &self.0.reason {
            Reason::Denied(denied) => denied.advice(),
            Reason::ReadOnlyDisk => {
                "mount it for writing, or set another [database] url in chorus.toml".to_owned()
            }
            Reason::ReadOnlyFile | Reason::CannotOpen => {
                "make the file and its folder writable for Chorus".to_owned()
            }
            Reason::IsFolder | Reason::NoFolder(_) | Reason::NotADatabase => {
                "set another [database] url in chorus.toml".to_owned()
            }
            Reason::Moved => "start Chorus again".to_owned(),
            Reason::Full => match &self.0.place {
                DatabaseLocation::Server { .. } => "make room on the server's disk".to_owned(),
                _ => "make room on it".to_owned(),
            },
            Reason::DiskFailed => "look into the log of the system (`dmesg`) for its reports".to_owned(),
            Reason::Damaged => "put a backup in its place, as docs/copying.md says".to_owned(),
            Reason::Locked => match &self.0.place {
                DatabaseLocation::File(file) => {
                    format!("end that process: `fuser {}` lists them", file.display())
                }
                _ => "end its transaction: pg_stat_activity lists them".to_owned(),
            },
            Reason::Refused => {
                "start PostgreSQL, or set the right host and port as [database] url".to_owned()
            }
            Reason::NoAnswer => "check the host and the port, and firewalls on the way".to_owned(),
            Reason::NotPostgres => "set the right host and port as [database] url in chorus.toml".to_owned(),
            Reason::UnknownHost => "set the right host as [database] url in chorus.toml".to_owned(),
            Reason::Starting => "try again in a minute".to_owned(),
            Reason::Tls(_) => "check its certificate, or set `sslmode` in [database] url".to_owned(),
            Reason::WrongPassword => "set the right one as [database] url in chorus.toml".to_owned(),
            Reason::LoginRefused(_) => "create the role, or allow it in pg_hba.conf".to_owned(),
            Reason::NoSuchDatabase => self.create_database(),
            Reason::TooManyConnections => {
                "raise max_connections, or end other programs' connections".to_owned()
            }
            Reason::Privilege(_) => "grant it to the role".to_owned(),
            Reason::ReadOnlyServer => "set the primary server as [database] url in chorus.toml".to_owned(),
            Reason::Busy => "try again; if it stays so, give the database a faster disk".to_owned(),
            Reason::ConnectionLost | Reason::Deadlock => "try again".to_owned(),
            Reason::Closed | Reason::Other(_) => return None,
        })
    }

    fn create_database(&self) -> String {
        match &self.0.place {
            DatabaseLocation::Server { database, .. } => {
                format!("create it, `createdb {database}`, or set another [database] url in chorus.toml")
            }
            _ => "set another [database] url in chorus.toml".to_owned(),
        }
    }

    /// Returns the reason as a clause.
    fn description(&self) -> String {
        let user = match &self.0.place {
            DatabaseLocation::Server { user, .. } => user.as_str(),
            _ => "",
        };
        match &self.0.reason {
            Reason::Denied(denied) if self.0.place.file() == Some(&denied.path) => denied.message_for("it"),
            Reason::Denied(denied) => denied.to_string(),
            Reason::ReadOnlyDisk => "its file system is mounted read-only".to_owned(),
            Reason::ReadOnlyFile => "it can only be read".to_owned(),
            Reason::IsFolder => "it is a folder".to_owned(),
            Reason::NoFolder(path) => format!("{} is no folder", path.display()),
            Reason::CannotOpen => "it cannot be opened".to_owned(),
            Reason::Moved => "it was moved or deleted while it was open".to_owned(),
            Reason::NotADatabase => "the file is not a SQLite database".to_owned(),
            Reason::Full => match &self.0.place {
                DatabaseLocation::Server { .. } => "the server's disk is full".to_owned(),
                _ => "the disk is full".to_owned(),
            },
            Reason::DiskFailed => "the disk cannot be read or written".to_owned(),
            Reason::Damaged => "its content is damaged".to_owned(),
            Reason::Locked => "it is locked by another process".to_owned(),
            Reason::Deadlock => "another transaction was in the way".to_owned(),
            Reason::Refused => "the connection is refused: no server listens there".to_owned(),
            Reason::NoAnswer => "the server does not answer".to_owned(),
            Reason::NotPostgres => "what answers there is no PostgreSQL server".to_owned(),
            Reason::UnknownHost => "the name of the host has no address".to_owned(),
            Reason::ConnectionLost => "the connection was lost".to_owned(),
            Reason::Starting => "the server is starting or stopping".to_owned(),
            Reason::Tls(message) => format!("no TLS connection can be made: {message}"),
            Reason::WrongPassword => format!("the password of the role {user} is wrong"),
            Reason::LoginRefused(message) => format!("the server does not let the role {user} in: {message}"),
            Reason::NoSuchDatabase => "the server has no such database".to_owned(),
            Reason::TooManyConnections => "the server takes no more connections".to_owned(),
            Reason::Privilege(message) => format!("the role {user} may not do this: {message}"),
            Reason::ReadOnlyServer => "the server takes no writes: it is a standby, or read-only".to_owned(),
            Reason::Busy => "all its connections are in use".to_owned(),
            Reason::Closed => "it is closed already".to_owned(),
            Reason::Other(message) => message.clone(),
        }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem())?;
        self.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}
