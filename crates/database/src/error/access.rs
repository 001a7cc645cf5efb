//! The access that this process has to a SQLite file and its folder.
//!
//! No file of an open database is opened here: closing it again would cancel SQLite's locks on it
//! (<https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat, statvfs};

use super::Reason;
use super::denied::Denied;

/// Returns the reason for which an operation on a file or folder failed.
pub(super) fn io_reason(path: &Path, error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::Denied(Denied::at(path)),
        io::ErrorKind::ReadOnlyFilesystem => Reason::ReadOnlyDisk,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Reason::Full
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Reason::NoFolder(path.to_owned()),
        _ => Reason::Other(without_number(error)),
    }
}

/// Returns the text of a system error, without the number: `(os error 5)`.
pub(super) fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Finds the reason for which this process cannot write to a SQLite file: the access to the file,
/// to its log and shared memory beside it, or to the folder.
pub(super) fn inspect(file: &Path) -> Option<Reason> {
    if file.is_dir() {
        return Some(Reason::IsFolder);
    }
    let beside = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let files = [file.to_owned(), beside("-wal"), beside("-shm")];
    let files = files.iter().map(|path| (path.as_path(), Access::READ_OK | Access::WRITE_OK));
    files.chain([(folder, Access::WRITE_OK | Access::EXEC_OK)]).find_map(|(path, access)| {
        let error = io::Error::from(accessat(CWD, path, access, AtFlags::EACCESS).err()?);
        (error.kind() != io::ErrorKind::NotFound).then(|| io_reason(path, &error))
    })
}

/// Returns true if the disk of a file has no space left. SQLite reports some failures on a full
/// disk with other codes.
pub(super) fn is_disk_full(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0)
}
