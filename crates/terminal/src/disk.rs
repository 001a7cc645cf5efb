//! The files that commands read and write, and the free space on the disk of a SQLite file.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::output::user_error;

/// Free space in bytes below which a warning is given: 1 GiB.
pub const WARN_BELOW_BYTES: u64 = 1 << 30;

/// Free space in bytes below which checks fail, because writes will soon fail: 100 MiB.
pub const MIN_FREE_BYTES: u64 = 100 << 20;

/// Returns the bytes that this process can use on the disk of `file`, which need not exist; `None`
/// if the system does not report them.
pub fn free_bytes(file: &Path) -> Option<u64> {
    let folder = file.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Opens a file that the user named.
///
/// # Errors
/// Returns an error that says in words why the file cannot be read.
pub fn open(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path).map_err(|error| cannot("read", path, &error))?;
    if path.is_dir() {
        return Err(cannot("read", path, &ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Creates a file that the user named, or empties it.
///
/// # Errors
/// Returns an error that says in words why the file cannot be written.
pub fn create(path: &Path) -> anyhow::Result<File> {
    if is_database(path) {
        return Err(user_error(format!(
            "cannot write {}: it is a database; name another file",
            path.display()
        )));
    }
    let mut options = File::options();
    // Files that Chorus writes have people in them: only their owner may read them.
    options.create(true).truncate(true).write(true).mode(0o600);
    options.open(path).map_err(|error| cannot("write", path, &error))
}

/// Creates a folder that the user named, with those above it, unless it exists.
///
/// # Errors
/// Returns an error that says in words why the folder cannot be created.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).map_err(|error| cannot("make the folder", path, &error))
}

/// Returns true if a file is a SQLite database, by its first bytes.
fn is_database(path: &Path) -> bool {
    let mut start = [0; 16];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok();
    is_read && start == *b"SQLite format 3\0"
}

/// Returns true if two paths lead to one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| path.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
    id(one).is_some_and(|id_of_one| Some(id_of_one) == id(other))
}

/// Returns an error about a path that the user named.
fn cannot(verb: &str, path: &Path, error: &Error) -> anyhow::Error {
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    user_error(match (error.kind(), folder) {
        (ErrorKind::NotFound, Some(folder)) => {
            format!("cannot {verb} {shown}: there is no folder {}", folder.display())
        }
        (ErrorKind::NotFound, None) => format!("cannot {verb} {shown}: there is no such file"),
        (ErrorKind::PermissionDenied, _) => {
            format!("cannot {verb} {shown}: its permissions do not allow it to this user")
        }
        (ErrorKind::IsADirectory, _) => format!("cannot {verb} {shown}: it is a folder; name a file"),
        (ErrorKind::NotADirectory | ErrorKind::AlreadyExists, _) => {
            format!("cannot {verb} {shown}: there is a file where a folder is needed; name another folder")
        }
        _ => format!("cannot {verb} {shown}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("people.csv"), "email").unwrap();
        let text = |result: anyhow::Result<()>| result.unwrap_err().to_string();
        let reads = |name: &str| text(open(&path(name)).map(|_| ()));
        assert!(reads("nothing.csv").ends_with("nothing.csv: there is no such file"));
        assert!(reads("").ends_with("it is a folder; name a file"));
        assert!(reads("no/people.csv").contains("there is no folder "));
        assert!(text(create(&path("no/out.csv")).map(|_| ())).contains("there is no folder "));
        assert!(text(create_folder(&path("people.csv"))).contains("name another folder"));
        assert!(open(&path("people.csv")).is_ok() && create(&path("out.csv")).is_ok());
        assert!(create_folder(&path("a/b")).is_ok());
    }
}
