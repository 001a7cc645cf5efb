//! Free space on the disk of a SQLite file.

use std::path::Path;

/// Free space in bytes below which a warning is given: 1 GiB.
pub(crate) const WARN_BELOW_BYTES: u64 = 1 << 30;

/// Free space in bytes below which checks fail, because writes will soon fail: 100 MiB.
pub(crate) const MIN_FREE_BYTES: u64 = 100 << 20;

/// Returns the bytes that this process can use on the disk of `file`, which need not exist; `None`
/// if the system does not report them.
pub(crate) fn free_bytes(file: &Path) -> Option<u64> {
    let folder = file.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
