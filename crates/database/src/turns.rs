//! Turns of several processes that write to one SQLite file.
//!
//! SQLite has one lock for writers and no queue: who finds it taken looks again after some milliseconds, and a process
//! that does a long work in pieces takes it again before that. So everybody who waits for the lock holds a shared lock
//! of a file beside the database while they wait, and who works in pieces looks between two of them whether anybody does.
//! The kernel takes the locks back from a process that dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most that a long work waits for others between two pieces, and the interval at which it looks.
const PATIENCE: Duration = Duration::from_millis(150);
const LOOK: Duration = Duration::from_millis(2);

/// The file beside the database. Without it, because the folder is read-only, say, everybody does as they did.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Locked while anybody in this process waits; how many do.
    waiting: Mutex<(Option<File>, usize)>,
    /// By which it is asked whether anybody waits.
    asking: Mutex<Option<File>>,
}

impl Turns {
    /// Opens the file `<database>-waiting`.
    pub(crate) fn beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-waiting");
        let path = PathBuf::from(name);
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).ok()
        };
        Self { waiting: Mutex::new((open(), 0)), asking: Mutex::new(open()) }
    }

    /// Says that somebody waits for the lock, until the answer is dropped.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, count) = &mut *waiting;
        if *count == 0
            && let Some(file) = file
        {
            // Whoever asks holds the other lock for an instant only.
            let _ = file.lock_shared();
        }
        *count += 1;
        Waiting(self)
    }

    /// Between two pieces of a long work: waits while others wait, but not for ever.
    pub(crate) async fn let_others(&self) {
        let mut waited = Duration::ZERO;
        while waited < PATIENCE && self.somebody_waits() {
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    fn somebody_waits(&self) -> bool {
        let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &*asking else { return false };
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

/// Somebody who waits.
pub(crate) struct Waiting<'a>(&'a Turns);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, count) = &mut *waiting;
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
    async fn a_long_work_waits_while_another_process_waits() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("chorus.db");
        // Two files opened are to the kernel as two processes.
        let (here, there) = (Turns::beside(&database), Turns::beside(&database));
        assert!(!here.somebody_waits());
        let (first, second) = (there.wait(), there.wait());
        assert!(here.somebody_waits());
        drop(first);
        assert!(here.somebody_waits(), "one of two waits still");
        drop(second);
        assert!(!here.somebody_waits());
        let own = here.wait();
        assert!(here.somebody_waits(), "somebody of this process counts, too");
        here.let_others().await;
        drop(own);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_obstacle() {
        let turns = Turns::beside(Path::new("/nowhere/at/all/chorus.db"));
        let waiting = turns.wait();
        assert!(!turns.somebody_waits());
        drop(waiting);
    }
}
