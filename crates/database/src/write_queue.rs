//! The write queue: lets several processes take turns in writing to one SQLite file.
//!
//! SQLite has one lock for writers and no queue: a process that finds it taken tries again after
//! some milliseconds, and a process that does long work in pieces takes it again before that. So
//! every process that waits for the lock holds a shared lock on a file beside the database while it
//! waits, and a process that works in pieces checks between two pieces whether any other holds one.
//! The kernel releases the locks of a process that dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The longest time that long work waits for other writers between two pieces.
const MAX_YIELD: Duration = Duration::from_millis(150);
/// The interval at which long work checks whether other writers still wait.
const YIELD_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The lock file beside the database, opened twice. Where it cannot be opened, because the folder
/// is read-only for example, no process yields and SQLite's own retries decide.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    /// The file that holds the shared lock while a writer of this process waits, and their number.
    waiters: Mutex<(Option<File>, usize)>,
    /// A second handle of the file, on which an exclusive lock is tried to find out whether any
    /// writer waits.
    probe: Mutex<Option<File>>,
}

impl WriteQueue {
    /// Opens the file `<database>-waiting`, and creates it if it is missing.
    pub(crate) fn beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-waiting");
        let path = PathBuf::from(name);
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).ok()
        };
        Self { waiters: Mutex::new((open(), 0)), probe: Mutex::new(open()) }
    }

    /// Registers a writer that waits for SQLite's lock, until the guard is dropped.
    pub(crate) fn wait(&self) -> WaitGuard<'_> {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, count) = &mut *waiters;
        if *count == 0
            && let Some(file) = file
        {
            // A process that probes holds the exclusive lock only for an instant.
            let _ = file.lock_shared();
        }
        *count += 1;
        WaitGuard(self)
    }

    /// Waits, between two pieces of long work, while other writers wait, but at most [`MAX_YIELD`].
    pub(crate) async fn yield_to_waiters(&self) {
        let mut waited = Duration::ZERO;
        while waited < MAX_YIELD && self.has_waiter() {
            tokio::time::sleep(YIELD_POLL_INTERVAL).await;
            waited += YIELD_POLL_INTERVAL;
        }
    }

    /// Returns true if a writer of any process, this one included, waits for the lock.
    fn has_waiter(&self) -> bool {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &*probe else { return false };
        match file.try_lock() {
            Ok(()) => {
                let _ = file.unlock();
                false
            }
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(_)) => false,
        }
    }
}

/// The registration of one waiting writer; dropping it removes the writer from the queue.
pub(crate) struct WaitGuard<'a>(&'a WriteQueue);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let mut waiters = self.0.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, count) = &mut *waiters;
        *count -= 1;
        if *count == 0
            && let Some(file) = file
        {
            let _ = file.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_work_yields_while_another_process_waits() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("chorus.db");
        // To the kernel, two open files are the same as two processes.
        let (here, there) = (WriteQueue::beside(&database), WriteQueue::beside(&database));
        assert!(!here.has_waiter());
        let (first, second) = (there.wait(), there.wait());
        assert!(here.has_waiter());
        drop(first);
        assert!(here.has_waiter(), "one of two still waits");
        drop(second);
        assert!(!here.has_waiter());
        let own = here.wait();
        assert!(here.has_waiter(), "a writer of this process counts, too");
        here.yield_to_waiters().await;
        drop(own);
    }

    #[test]
    fn a_folder_that_cannot_be_written_disables_the_queue() {
        let write_queue = WriteQueue::beside(Path::new("/nowhere/at/all/chorus.db"));
        let waiting = write_queue.wait();
        assert!(!write_queue.has_waiter());
        drop(waiting);
    }
}
