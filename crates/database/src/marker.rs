//! The marker file beside a SQLite database: the installation, the file, and how far the database has come.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;

/// High-water marks by name: the highest number given in each table, and `sent`, the messages counted as sent.
/// None of them ever falls. A migration that rebuilds a table keeps its row in `sqlite_sequence`.
pub(crate) type Progress = BTreeMap<String, i64>;

/// The content of the marker file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Marker {
    /// The random id that also stands in the setting `installation`.
    pub(crate) installation: String,
    /// The file that was last written to.
    pub(crate) file: FileIdentity,
    /// Its progress.
    pub(crate) progress: Progress,
}

/// A file's identity on its machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FileIdentity {
    /// The kernel's random id of this boot; `None` where the system has none.
    pub(crate) boot: Option<String>,
    /// The device number.
    pub(crate) device: u64,
    /// The inode number.
    pub(crate) inode: u64,
}

/// The place of the marker of an open database.
#[derive(Debug)]
pub(crate) struct MarkerFile {
    database: PathBuf,
    path: PathBuf,
    /// The file as it was when it was opened.
    file: FileIdentity,
    /// True while another file has the name of the open one, or none has it: what is written would be lost.
    is_replaced: AtomicBool,
}

/// The kernel's id of this boot; `None` where the system has no such file. One that cannot be read now, because no file
/// can be opened, say, is an error: without it every database would seem to be another.
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

    /// Whether both name the same file. A device number may change at a boot, because it counts devices in the
    /// order in which they are found: it is compared within one boot only.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same_boot = self.boot.is_some() && self.boot == other.boot;
        self.inode == other.inode && (!same_boot || self.device == other.device)
    }
}

impl MarkerFile {
    /// The marker of the database in `file`, which is open: `chorus.db.marker` beside `chorus.db`.
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

    /// Remembers that another file has the name of the open one, or none has it, and that it has its name again.
    pub(crate) fn set_replaced(&self, is_replaced: bool) {
        self.is_replaced.store(is_replaced, Ordering::Relaxed);
    }

    /// # Errors
    /// The open file has no name any more, so that everything written would be lost.
    pub(crate) fn require_in_place(&self) -> Result<(), StoreError> {
        if self.is_replaced.load(Ordering::Relaxed) {
            return Err(StoreError::Replaced(self.name()));
        }
        Ok(())
    }

    /// The marker.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the database's file.
    pub(crate) fn name(&self) -> String {
        self.database.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The open file. `None` where another file has taken its name since, or none has it.
    pub(crate) fn open_file(&self) -> io::Result<Option<FileIdentity>> {
        match FileIdentity::of(&self.database) {
            Ok(now) => Ok((now == self.file).then_some(now)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the marker. `None` where there is none; an inner `None` where it cannot be understood.
    pub(crate) fn read(&self) -> io::Result<Option<Option<Marker>>> {
        match fs::read(&self.path) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json).ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the marker as a whole, and returns when it is on the disk.
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

/// Opens and locks a file that is about to be renamed, against other processes that do the same. The lock may come
/// when the file already has its new name: then it is another file's turn.
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

/// Values that tests of markers begin with.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) fn file(boot: &str, device: u64, inode: u64) -> FileIdentity {
        FileIdentity { boot: Some(boot.to_owned()), device, inode }
    }

    pub(crate) fn progress(runs: i64, sent: i64) -> Progress {
        Progress::from([("runs".to_owned(), runs), ("sent".to_owned(), sent)])
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
    fn a_boot_that_cannot_be_read_is_an_error_and_no_other_boot() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(boot(&folder.path().join("missing")).unwrap(), None);
        boot(folder.path()).unwrap_err();
    }

    #[test]
    fn it_is_written_whole_by_two_at_once_and_only_its_owner_reads_it() {
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
