//! The access of this process to a SQLite file and its folder.
//!
//! No file of an open database is opened here: closing it again would take SQLite's locks from it
//! (<https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat, statvfs};

use super::Reason;
use super::denied::Denied;

/// The reason for which an operation on a file or folder failed.
pub(super) fn of_io(path: &Path, error: &io::Error) -> Reason {
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

/// The text of an error of the system, without `(os error 5)`.
pub(super) fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Looks for what keeps this process from writing to a SQLite file: the file, one of those beside it, or the folder.
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
        (error.kind() != io::ErrorKind::NotFound).then(|| of_io(path, &error))
    })
}

/// True if nobody can write more to the disk on which a file is: SQLite calls some of its failures there by other names.
pub(super) fn is_disk_full(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0)
}
