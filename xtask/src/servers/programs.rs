//! The list of external programs that tests need, and the Debian packages that contain them.

/// One program that tests need.
#[derive(Debug)]
pub(super) struct RequiredProgram {
    /// The name of its executable.
    pub(super) name: &'static str,
    /// The Debian package that contains it.
    pub(super) package: &'static str,
    /// The folders where Debian installs it, with a `*` for any version; the highest version is
    /// preferred.
    pub(super) folders: &'static [&'static str],
}

const BIN: &[&str] = &["/usr/local/bin", "/usr/bin"];

const POSTGRESQL: &[&str] = &["/usr/lib/postgresql/*/bin"];

/// All programs that must be found.
pub(super) const REQUIRED_PROGRAMS: [RequiredProgram; 12] = [
    RequiredProgram { name: "postgres", package: "postgresql", folders: POSTGRESQL },
    RequiredProgram { name: "initdb", package: "postgresql", folders: POSTGRESQL },
    RequiredProgram { name: "pg_isready", package: "postgresql", folders: POSTGRESQL },
    RequiredProgram { name: "psql", package: "postgresql", folders: POSTGRESQL },
    RequiredProgram { name: "smtp-sink", package: "postfix", folders: &["/usr/sbin"] },
    RequiredProgram { name: "smtp-source", package: "postfix", folders: &["/usr/sbin"] },
    // The launcher in /usr/bin is a shell script that knows only /usr/lib.
    RequiredProgram { name: "chromium", package: "chromium", folders: &["/usr/lib/chromium", "/usr/bin"] },
    RequiredProgram { name: "chromedriver", package: "chromium-driver", folders: BIN },
    RequiredProgram { name: "sqlite3", package: "sqlite3", folders: BIN },
    RequiredProgram { name: "python3", package: "python3", folders: BIN },
    RequiredProgram { name: "wrk", package: "wrk", folders: BIN },
    RequiredProgram { name: "pip3", package: "python3-pip", folders: BIN },
];

/// The packages of fonts for the browser: Latin and Chinese letters.
pub(super) const FONTS: [&str; 2] = ["fonts-dejavu-core", "fonts-wqy-microhei"];
