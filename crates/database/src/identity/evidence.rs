//! The evidence that a database is a copy, and its text for people.

use std::fmt;

/// The evidence that a database is a copy. `Display` writes it as a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyEvidence {
    /// SQLite: the file has an installation's id, and there is no marker beside it.
    MissingMarker {
        /// The name of the database's file.
        file: String,
    },
    /// SQLite: the marker names another file.
    OtherFile {
        /// The name of the database's file.
        file: String,
        /// The mark that shows that it is also older, if it is.
        shortfall: Option<Shortfall>,
    },
    /// SQLite: the file is the same, its content is older.
    Older {
        /// The name of the database's file.
        file: String,
        /// The mark that shows that it is older.
        shortfall: Shortfall,
    },
    /// SQLite: the marker names another installation.
    OtherMarker {
        /// The name of the database's file.
        file: String,
    },
    /// SQLite: the database holds no runs, and the marker names one that does.
    Empty {
        /// The name of the database's file.
        file: String,
        /// The number of runs according to the marker.
        runs: i64,
    },
    /// SQLite: the content of the marker cannot be parsed.
    BadMarker {
        /// The name of the database's file.
        file: String,
    },
    /// SQLite: another file, or no file, has the database's name while it is open.
    Replaced {
        /// The name of the database's file.
        file: String,
    },
    /// PostgreSQL: the database was last used on another cluster.
    OtherServer,
    /// PostgreSQL: the cluster is the same and on another timeline.
    OtherTimeline,
    /// PostgreSQL: the database was another one of the same cluster.
    OtherDatabase,
    /// PostgreSQL: the database is the same and its tables were created again.
    OtherTables,
}

/// A high-water mark that a database has not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The name of the mark: `sent`, or a table.
    pub name: String,
    /// The value of the mark in the marker.
    pub marked: i64,
    /// The value of the mark in the database, which is lower.
    pub found: i64,
}

impl fmt::Display for CopyEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingMarker { file } => write!(
                f,
                "{file} was copied without the rest of its folder: {file}.marker is not beside it. Without \
                 {file}-wal, what was written last is missing"
            ),
            Self::OtherFile { file, shortfall: None } => write!(
                f,
                "{file} is not the file that {file}.marker names: the folder was copied or restored, or the file \
                 was replaced"
            ),
            Self::OtherFile { file, shortfall: Some(shortfall) } => write!(
                f,
                "{file} is not the file that {file}.marker names, and it is older ({shortfall}): a copy was put in \
                 its place"
            ),
            Self::Older { file, shortfall } => {
                write!(f, "{file} holds an older copy of itself ({shortfall})")
            }
            Self::OtherMarker { file } => {
                write!(f, "{file}.marker belongs to another database than {file}")
            }
            Self::Empty { file, runs } => write!(
                f,
                "{file} is empty, and {file}.marker names a database with {runs} {}: it was moved or deleted. Put it \
                 back; a new database does not know who got what",
                if *runs == 1 { "run" } else { "runs" }
            ),
            Self::BadMarker { file } => {
                write!(f, "{file}.marker cannot be read, and so nothing shows that {file} is no copy")
            }
            Self::Replaced { file } => {
                write!(f, "{file} was replaced, moved or deleted while Chorus was running")
            }
            Self::OtherServer => f.write_str(
                "the database was last used on another PostgreSQL cluster: it was restored from a dump, or the \
                 cluster was upgraded",
            ),
            Self::OtherTimeline => f.write_str(
                "the PostgreSQL cluster has begun a new timeline: it was recovered to a point in time, or a \
                 standby was promoted",
            ),
            Self::OtherDatabase => f.write_str(
                "the database was last used as another database of this PostgreSQL cluster: it was made from a \
                 template or restored from a dump",
            ),
            Self::OtherTables => {
                f.write_str("the tables of the database were made again: it was restored from a dump")
            }
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, marked, found } = self;
        let ending = if *marked == 1 { "" } else { "s" };
        match name.as_str() {
            "sent" => write!(f, "it had {marked} message{ending} sent, now {found}"),
            "runs" => write!(f, "it had {marked} run{ending}, now {found}"),
            table => write!(f, "the highest number in {table} was {marked}, now {found}"),
        }
    }
}
