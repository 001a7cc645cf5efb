//! Room on the disk of a SQLite file.

use std::path::Path;

/// Less room than this, in bytes, deserves a warning: 1 GiB.
pub(crate) const SCARCE: u64 = 1 << 30;

/// Less room than this, in bytes, stops everything soon: 100 MiB.
pub(crate) const TOO_LITTLE: u64 = 100 << 20;

/// The bytes that are free for this process where `file` lies or will lie; `None` where the system does not tell.
pub(crate) fn free(file: &Path) -> Option<u64> {
    let folder = file.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
