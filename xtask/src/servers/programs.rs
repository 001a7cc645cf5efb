//! The outside programs that tests need, and Debian's packages of them.

/// One program that tests need.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The name of its executable.
    pub(super) name: &'static str,
    /// The Debian package that has it.
    pub(super) package: &'static str,
    /// Folders where Debian keeps it, a `*` standing for any version; later versions are better.
    pub(super) folders: &'static [&'static str],
}

const BIN: &[&str] = &["/usr/local/bin", "/usr/bin"];

const POSTGRESQL: &[&str] = &["/usr/lib/postgresql/*/bin"];

/// Every program.
pub(super) const WANTED: [Wanted; 12] = [
    Wanted { name: "postgres", package: "postgresql", folders: POSTGRESQL },
    Wanted { name: "initdb", package: "postgresql", folders: POSTGRESQL },
    Wanted { name: "pg_isready", package: "postgresql", folders: POSTGRESQL },
    Wanted { name: "psql", package: "postgresql", folders: POSTGRESQL },
    Wanted { name: "smtp-sink", package: "postfix", folders: &["/usr/sbin"] },
    Wanted { name: "smtp-source", package: "postfix", folders: &["/usr/sbin"] },
    // The launcher in /usr/bin is a shell script that knows only /usr/lib.
    Wanted { name: "chromium", package: "chromium", folders: &["/usr/lib/chromium", "/usr/bin"] },
    Wanted { name: "chromedriver", package: "chromium-driver", folders: BIN },
    Wanted { name: "sqlite3", package: "sqlite3", folders: BIN },
    Wanted { name: "python3", package: "python3", folders: BIN },
    Wanted { name: "wrk", package: "wrk", folders: BIN },
    Wanted { name: "pip3", package: "python3-pip", folders: BIN },
];

/// The packages of fonts for the browser: Latin and Chinese letters.
pub(super) const FONTS: [&str; 2] = ["fonts-dejavu-core", "fonts-wqy-microhei"];
