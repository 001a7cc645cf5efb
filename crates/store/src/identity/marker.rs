//! The marker file beside a SQLite database: the installation, the file, and how far the database has come.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::progress::Progress;
use super::{Behind, CopyEvidence};
use crate::StoreError;

/// The content of the marker file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Marker {
    /// The random id that also stands in the setting `installation`.
    pub(super) installation: String,
    /// The file that was last written to.
    pub(super) file: FileIdentity,
    /// How far it had come.
    pub(super) progress: Progress,
}

/// A file's identity on its machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct FileIdentity {
    /// The kernel's random id of this boot; `None` where the system has none.
    pub(super) boot: Option<String>,
    /// The device number.
    pub(super) device: u64,
    /// The inode number.
    pub(super) inode: u64,
}

/// What is compared with the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The setting `installation`.
    pub(super) installation: Option<String>,
    /// Whether the database holds any run.
    pub(super) holds_runs: bool,
    /// The open file.
    pub(super) file: FileIdentity,
    /// How far the database has come.
    pub(super) progress: Progress,
}

/// The result of comparing a database with its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    Original,
    Unmarked,
    Copy(CopyEvidence),
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
    fn is_same(&self, other: &Self) -> bool {
        let same_boot = self.boot.is_some() && self.boot == other.boot;
        self.inode == other.inode && (!same_boot || self.device == other.device)
    }
}

/// Compares a database with its marker. `name` is the name of the database's file.
pub(super) fn judge(name: &str, marker: Option<&Marker>, found: &Snapshot) -> Judgement {
    let file = name.to_owned();
    let agrees = |marker: &Marker| {
        found.installation.as_ref() == Some(&marker.installation)
            && marker.file.is_same(&found.file)
            && behind(&marker.progress, &found.progress).is_none()
    };
    let runs = |marker: &Marker| marker.progress.get("runs").copied().unwrap_or(0);
    let evidence = match (&found.installation, marker) {
        (_, Some(marker)) if agrees(marker) => return Judgement::Original,
        (_, Some(marker)) if !found.holds_runs && runs(marker) > 0 => {
            CopyEvidence::Empty { file, runs: runs(marker) }
        }
        // Without runs there is nothing to repeat.
        _ if !found.holds_runs => return Judgement::Unmarked,
        // An older version made it.
        (None, None) => return Judgement::Unmarked,
        (Some(_), None) => CopyEvidence::Alone { file },
        (installation, Some(marker)) if installation.as_ref() != Some(&marker.installation) => {
            CopyEvidence::OtherMarker { file }
        }
        (_, Some(marker)) => {
            let behind = behind(&marker.progress, &found.progress);
            match behind {
                Some(behind) if marker.file.is_same(&found.file) => CopyEvidence::Older { file, behind },
                behind => CopyEvidence::OtherFile { file, behind },
            }
        }
    };
    Judgement::Copy(evidence)
}

/// The first high-water mark that the database has not reached: messages and runs before the others.
fn behind(marked: &Progress, found: &Progress) -> Option<Behind> {
    let reached = |what: &str| found.get(what).copied().unwrap_or(0);
    let first = ["sent", "runs"].into_iter().chain(super::progress::TABLES);
    let lower = |what: &&str| marked.get(*what).is_some_and(|marked| reached(what) < *marked);
    let what = first.into_iter().find(lower)?;
    Some(Behind { what: what.to_owned(), marked: marked.get(what).copied()?, found: reached(what) })
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
    pub(super) fn set_replaced(&self, is_replaced: bool) {
        self.is_replaced.store(is_replaced, Ordering::Relaxed);
    }

    /// # Errors
    /// What is written would be lost: the open file has no name any more.
    pub(crate) fn require_in_place(&self) -> Result<(), StoreError> {
        if self.is_replaced.load(Ordering::Relaxed) {
            return Err(StoreError::Replaced(self.name()));
        }
        Ok(())
    }

    /// The marker.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the database's file.
    pub(super) fn name(&self) -> String {
        self.database.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The open file. `None` where another file has taken its name since, or none has it.
    pub(super) fn open_file(&self) -> io::Result<Option<FileIdentity>> {
        match FileIdentity::of(&self.database) {
            Ok(now) => Ok((now == self.file).then_some(now)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the marker. `None` where there is none; an inner `None` where it cannot be understood.
    pub(super) fn read(&self) -> io::Result<Option<Option<Marker>>> {
        match fs::read(&self.path) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json).ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the marker as a whole, and returns when it is on the disk.
    pub(super) fn write(&self, marker: &Marker) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(boot: &str, device: u64, inode: u64) -> FileIdentity {
        FileIdentity { boot: Some(boot.to_owned()), device, inode }
    }

    fn progress(runs: i64, sent: i64) -> Progress {
        Progress::from([("runs".to_owned(), runs), ("sent".to_owned(), sent)])
    }

    fn marker() -> Marker {
        Marker { installation: "a".to_owned(), file: file("b1", 1, 7), progress: progress(2, 300) }
    }

    fn found(edit: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let Marker { installation, file, progress } = marker();
        let mut found = Snapshot { installation: Some(installation), holds_runs: true, file, progress };
        edit(&mut found);
        found
    }

    fn judged(marker: Option<&Marker>, found: &Snapshot) -> Judgement {
        judge("chorus.db", marker, found)
    }

    fn says(marker: Option<&Marker>, found: &Snapshot) -> String {
        match judged(marker, found) {
            Judgement::Copy(evidence) => evidence.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_file_that_the_marker_names_is_the_original_however_much_further_it_is() {
        let marker = marker();
        assert_eq!(judged(Some(&marker), &found(|_| {})), Judgement::Original);
        assert_eq!(
            judged(Some(&marker), &found(|found| found.progress = progress(5, 301))),
            Judgement::Original
        );
    }

    #[test]
    fn an_older_content_in_place_is_a_copy() {
        let said = says(Some(&marker()), &found(|found| found.progress = progress(2, 120)));
        assert!(said.contains("older copy") && said.contains("300 messages sent, now 120"), "{said}");
        let said = says(Some(&marker()), &found(|found| found.progress = progress(1, 300)));
        assert!(said.contains("2 runs, now 1"), "{said}");
        let said = says(Some(&marker()), &found(|found| found.progress.clear()));
        assert!(said.contains("now 0"), "{said}");
    }

    #[test]
    fn another_file_is_a_copy_even_when_it_is_not_behind() {
        let said = says(Some(&marker()), &found(|found| found.file.inode = 8));
        assert!(said.contains("not the file") && !said.contains("now"), "{said}");
        let said = says(Some(&marker()), &found(|found| found.file.device = 2));
        assert!(said.contains("not the file"), "{said}");
        let older = found(|found| (found.file.inode, found.progress) = (8, progress(2, 1)));
        let said = says(Some(&marker()), &older);
        assert!(said.contains("not the file") && said.contains("300 messages sent, now 1"), "{said}");
    }

    #[test]
    fn a_device_number_that_changed_over_a_boot_is_no_copy() {
        assert_eq!(
            judged(Some(&marker()), &found(|found| found.file = file("b2", 2, 7))),
            Judgement::Original
        );
        let other = found(|found| found.file = file("b2", 1, 8));
        assert!(matches!(judged(Some(&marker()), &other), Judgement::Copy(_)));
        let older = found(|found| (found.file, found.progress) = (file("b2", 2, 7), progress(2, 0)));
        assert!(matches!(judged(Some(&marker()), &older), Judgement::Copy(_)));
    }

    #[test]
    fn a_file_without_its_marker_was_copied_alone() {
        let said = says(None, &found(|_| {}));
        assert!(said.contains("without the rest of its folder") && said.contains("chorus.db-wal"), "{said}");
    }

    #[test]
    fn what_an_older_version_made_has_neither_and_is_marked() {
        assert_eq!(judged(None, &found(|found| found.installation = None)), Judgement::Unmarked);
        let said = says(Some(&marker()), &found(|found| found.installation = None));
        assert!(said.contains("belongs to another database"), "{said}");
    }

    #[test]
    fn the_marker_of_another_installation_is_evidence() {
        let said = says(Some(&marker()), &found(|found| found.installation = Some("z".to_owned())));
        assert!(said.contains("belongs to another database"), "{said}");
    }

    #[test]
    fn a_boot_that_cannot_be_read_is_an_error_and_no_other_boot() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(boot(&folder.path().join("missing")).unwrap(), None);
        boot(folder.path()).unwrap_err();
    }

    #[test]
    fn an_empty_database_in_the_place_of_one_with_runs_is_no_new_one() {
        let empty = found(|found| {
            found.holds_runs = false;
            found.progress.clear();
        });
        let said = says(Some(&marker()), &empty);
        assert!(said.contains("is empty") && said.contains("with 2 runs"), "{said}");
    }

    #[test]
    fn a_database_without_runs_is_never_a_copy_where_none_was_before() {
        let mut before = marker();
        (before.installation, before.progress) = ("before".to_owned(), Progress::new());
        for edit in [
            (|found| found.file.inode = 9) as fn(&mut Snapshot),
            |found| found.progress.clear(),
            |found| found.installation = None,
        ] {
            let found = found(|found| {
                found.holds_runs = false;
                edit(found);
            });
            assert_eq!(judged(Some(&before), &found), Judgement::Unmarked);
            assert_eq!(judged(None, &found), Judgement::Unmarked);
        }
    }

    #[test]
    fn marks_that_this_version_does_not_know_are_left_alone() {
        let mut newer = marker();
        newer.progress.insert("people".to_owned(), 9);
        assert_eq!(judged(Some(&newer), &found(|_| {})), Judgement::Original);
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
