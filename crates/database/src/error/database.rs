//! A database that refused, failed or is away: where it is, why, and what to do.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use super::{Denied, Place};

/// A failure of the database. Its text says what, where, why and what to do.
#[derive(Debug)]
pub struct DatabaseError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    place: Place,
    reason: Reason,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a database failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// SQLite: a file or folder that this process may not write.
    Denied(Denied),
    /// SQLite: the file system is mounted read-only.
    ReadOnlyDisk,
    /// SQLite: the file can be read only, for a reason that the file system does not tell.
    ReadOnlyFile,
    /// SQLite: a folder has the name of the file.
    IsFolder,
    /// SQLite: the folder of the file cannot be made, because a file has the name of one.
    NoFolder(PathBuf),
    /// SQLite: the file cannot be opened, for a reason that the file system does not tell.
    CannotOpen,
    /// SQLite: the file was moved or deleted while it was open.
    Moved,
    /// SQLite: the file is another kind of file.
    NotADatabase,
    /// The disk is full: that of the file, or the server's.
    Full,
    /// The disk reports errors.
    DiskFailed,
    /// The content is damaged.
    Damaged,
    /// Another process holds a lock for longer than this one waits.
    Locked,
    /// Two transactions waited for each other, and this one was ended.
    Deadlock,
    /// PostgreSQL: nobody listens at the address.
    Refused,
    /// PostgreSQL: no answer came in time.
    NoAnswer,
    /// PostgreSQL: the name of the host has no address.
    UnknownHost,
    /// PostgreSQL: the connection ended.
    ConnectionLost,
    /// PostgreSQL: what answers there is something else.
    NotPostgres,
    /// PostgreSQL: it starts or stops just now.
    Starting,
    /// PostgreSQL: TLS cannot be agreed on, with the library's words.
    Tls(String),
    /// PostgreSQL: the password is wrong.
    WrongPassword,
    /// PostgreSQL: the role may not log in from here, with the server's words.
    LoginRefused(String),
    /// PostgreSQL: the server has no database of this name.
    NoSuchDatabase,
    /// PostgreSQL: it has as many connections as it takes.
    TooManyConnections,
    /// PostgreSQL: the role lacks a privilege, with the server's words.
    Privilege(String),
    /// PostgreSQL: it takes no writes, because it is a standby, say.
    ReadOnlyServer,
    /// All connections of this process are in use.
    Busy,
    /// The store was closed.
    Closed,
    /// Anything else, in the database's words.
    Other(String),
}

impl Reason {
    /// True of a server that may be on its way up.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Refused | Self::Starting | Self::TooManyConnections)
    }
}

impl DatabaseError {
    pub(crate) fn new(
        place: &Place,
        reason: Reason,
        cause: impl Into<Option<Box<dyn Error + Send + Sync>>>,
    ) -> Self {
        Self(Box::new(Failure { place: place.clone(), reason, cause: cause.into() }))
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The database.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Where and why, without what to do: "use the database data/chorus.db: the disk is full".
    #[must_use]
    pub fn problem(&self) -> String {
        format!("use {}: {}", self.0.place, self.why())
    }

    /// What to do; `None` where nobody can tell.
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
                Place::Server { .. } => "make room on the server's disk".to_owned(),
                _ => "make room on it".to_owned(),
            },
            Reason::DiskFailed => "look into the log of the system (`dmesg`) for its reports".to_owned(),
            Reason::Damaged => "put a backup in its place, as docs/copying.md says".to_owned(),
            Reason::Locked => match &self.0.place {
                Place::File(file) => format!("end that process: `fuser {}` lists them", file.display()),
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
            Place::Server { database, .. } => {
                format!("create it, `createdb {database}`, or set another [database] url in chorus.toml")
            }
            _ => "set another [database] url in chorus.toml".to_owned(),
        }
    }

    fn why(&self) -> String {
        let user = match &self.0.place {
            Place::Server { user, .. } => user.as_str(),
            _ => "",
        };
        match &self.0.reason {
            Reason::Denied(denied) if self.0.place.file() == Some(&denied.path) => denied.of("it"),
            Reason::Denied(denied) => denied.to_string(),
            Reason::ReadOnlyDisk => "its file system is mounted read-only".to_owned(),
            Reason::ReadOnlyFile => "it can be read only".to_owned(),
            Reason::IsFolder => "it is a folder".to_owned(),
            Reason::NoFolder(path) => format!("{} is no folder", path.display()),
            Reason::CannotOpen => "it cannot be opened".to_owned(),
            Reason::Moved => "it was moved or deleted while it was open".to_owned(),
            Reason::NotADatabase => "the file is not a SQLite database".to_owned(),
            Reason::Full => match &self.0.place {
                Place::Server { .. } => "the server's disk is full".to_owned(),
                _ => "the disk is full".to_owned(),
            },
            Reason::DiskFailed => "the disk cannot be read or written".to_owned(),
            Reason::Damaged => "its content is damaged".to_owned(),
            Reason::Locked => "it is locked by another process".to_owned(),
            Reason::Deadlock => "another transaction was in the way".to_owned(),
            Reason::Refused => "the connection is refused: nobody listens there".to_owned(),
            Reason::NoAnswer => "the server does not answer".to_owned(),
            Reason::NotPostgres => "what answers there is no PostgreSQL server".to_owned(),
            Reason::UnknownHost => "the name of the host has no address".to_owned(),
            Reason::ConnectionLost => "the connection was lost".to_owned(),
            Reason::Starting => "the server is starting or stopping".to_owned(),
            Reason::Tls(said) => format!("no TLS connection can be made: {said}"),
            Reason::WrongPassword => format!("the password of the role {user} is wrong"),
            Reason::LoginRefused(said) => format!("the server does not let the role {user} in: {said}"),
            Reason::NoSuchDatabase => "the server has no such database".to_owned(),
            Reason::TooManyConnections => "the server takes no more connections".to_owned(),
            Reason::Privilege(said) => format!("the role {user} may not do this: {said}"),
            Reason::ReadOnlyServer => "the server takes no writes: it is a standby, or read-only".to_owned(),
            Reason::Busy => "all its connections are in use".to_owned(),
            Reason::Closed => "it is closed already".to_owned(),
            Reason::Other(said) => said.clone(),
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
