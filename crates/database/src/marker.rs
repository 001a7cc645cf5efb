//! The marker file beside a SQLite database. It names the installation and the file, and holds
//! high-water marks, so that a copy or an older state of the database can be detected.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;

/// High-water marks by name: the highest row number given in each table, and `sent`, the number of
/// messages counted as sent. None of them ever falls. A migration that rebuilds a table keeps its
/// row in `sqlite_sequence`.
pub(crate) type TableMarks = BTreeMap<String, i64>;

/// The content of the marker file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Marker {
    /// The random id that also stands in the setting `installation`.
    pub(crate) installation: String,
    /// The identity of the database file that was last written to.
    pub(crate) file: FileIdentity,
    /// The high-water marks of that database.
    pub(crate) progress: TableMarks,
}

/// The identity of a file on its machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FileIdentity {
    /// The kernel's random id of this boot; `None` where the system has none.
    pub(crate) boot: Option<String>,
    /// The number of the device that holds the file.
    pub(crate) device: u64,
    /// The inode number of the file, unique on its device.
    pub(crate) inode: u64,
}

/// The marker file of an open database: its path, and the identity of the database file.
#[derive(Debug)]
pub(crate) struct MarkerFile {
    database: PathBuf,
    path: PathBuf,
    /// The identity of the database file when it was opened.
    file: FileIdentity,
    /// True while another file, or no file, has the name of the open one: what is written would be
    /// lost.
    is_replaced: AtomicBool,
}

/// Reads the kernel's id of this boot; `None` where the system has no such file. An id that cannot
/// be read now, because no file can be opened for example, is an error: without it every database
/// would seem to be another one.
fn boot(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(id) => Ok(Some(id.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl FileIdentity {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let boot = boot(Path::new("/proc/sys/kernel/random/boot_id"))?;
        Ok(Self { boot, device: metadata.dev(), inode: metadata.ino() })
    }

    /// Returns true if both name the same file. Device numbers are compared only within one boot:
    /// they count devices in the order in which they are found, and may change at the next boot.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same_boot = self.boot.is_some() && self.boot == other.boot;
        self.inode == other.inode && (!same_boot || self.device == other.device)
    }
}

impl MarkerFile {
    /// Makes the marker file of the open database in `file`: `chorus.db.marker` for `chorus.db`.
    /// Nothing is read or written but the identity of `file`.
    pub(crate) fn beside(file: &Path) -> io::Result<Self> {
        let database = fs::canonicalize(file)?;
        let mut path = database.clone().into_os_string();
        path.push(".marker");
        Ok(Self {
            file: FileIdentity::of(&database)?,
            path: path.into(),
            database,
            is_replaced: AtomicBool::new(false),
        })
    }

    /// Sets whether another file, or no file, has the name of the open one.
    pub(crate) fn set_replaced(&self, is_replaced: bool) {
        self.is_replaced.store(is_replaced, Ordering::Relaxed);
    }

    /// Checks that the open file still has its name.
    ///
    /// # Errors
    /// It has not, so that everything written to it would be lost.
    pub(crate) fn require_in_place(&self) -> Result<(), StoreError> {
        if self.is_replaced.load(Ordering::Relaxed) {
            return Err(StoreError::Replaced(self.name()));
        }
        Ok(())
    }

    /// Returns the path of the marker file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file name of the database, without its folder.
    pub(crate) fn name(&self) -> String {
        self.database.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the identity of the open database file; `None` where another file, or no file, has
    /// its name now.
    pub(crate) fn open_file(&self) -> io::Result<Option<FileIdentity>> {
        match FileIdentity::of(&self.database) {
            Ok(now) => Ok((now == self.file).then_some(now)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the marker; `None` where there is none, an inner `None` where its content cannot be
    /// parsed.
    pub(crate) fn read(&self) -> io::Result<Option<Option<Marker>>> {
        match fs::read(&self.path) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json).ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the marker atomically, and returns when it is on the disk.
    pub(crate) fn write(&self, marker: &Marker) -> io::Result<()> {
        let mut unnamed = self.path.clone().into_os_string();
        unnamed.push(".new");
        let unnamed = PathBuf::from(unnamed);
        let mut file = lock(&unnamed)?;
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(marker)?)?;
        file.sync_all()?;
        fs::rename(&unnamed, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

/// Opens and locks a temporary file that is about to be renamed, against other processes that do
/// the same. Where another process renamed the file before the lock was granted, a new file is
/// opened.
fn lock(path: &Path) -> io::Result<File> {
    loop {
        let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        file.lock()?;
        let own = file.metadata()?;
        match fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (own.dev(), own.ino()) => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

/// Sample markers for tests.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) fn file(boot: &str, device: u64, inode: u64) -> FileIdentity {
        FileIdentity { boot: Some(boot.to_owned()), device, inode }
    }

    pub(crate) fn progress(runs: i64, sent: i64) -> TableMarks {
        TableMarks::from([("runs".to_owned(), runs), ("sent".to_owned(), sent)])
    }

    pub(crate) fn marker() -> Marker {
        Marker { installation: "a".to_owned(), file: file("b1", 1, 7), progress: progress(2, 300) }
    }
}

#[cfg(test)]
mod tests {
    use super::sample::*;
    use super::*;

    #[test]
    fn a_boot_id_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(boot(&folder.path().join("missing")).unwrap(), None);
        boot(folder.path()).unwrap_err();
    }

    #[test]
    fn concurrent_writes_are_atomic_and_only_the_owner_can_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("chorus.db");
        fs::write(&database, "").unwrap();
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let database = &database;
                scope.spawn(move || {
                    let place = MarkerFile::beside(database).unwrap();
                    for round in 0..50 {
                        let progress = progress(writer, round);
                        place.write(&Marker { progress, ..marker() }).unwrap();
                        assert!(matches!(place.read().unwrap(), Some(Some(_))));
                    }
                });
            }
        });
        let metadata = fs::metadata(folder.path().join("chorus.db.marker")).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }
}
