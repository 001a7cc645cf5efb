//! The status of the files in force, for readiness.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// The time at which the files in force were read and, if newer ones could not be used, the reason.
/// Cheap to clone; all clones share the state.
#[derive(Debug, Clone)]
pub(crate) struct FilesStatus(Arc<Mutex<FilesState>>);

#[derive(Debug)]
struct FilesState {
    read_at: Timestamp,
    refused: Option<String>,
}

/// The error that changed files cannot be used, so that older ones stay in force.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}; those read at {} stay in force: `chorus check` shows what is wrong", .read_at.strftime("%Y-%m-%dT%H:%M:%SZ"))]
pub(crate) struct FilesRefused {
    why: String,
    read_at: Timestamp,
}

impl FilesStatus {
    /// Creates the status of files that were read at `now` and are in force.
    pub(crate) fn read_at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(FilesState { read_at: now, refused: None })))
    }

    /// Records that files read at `now` are in force.
    pub(super) fn accepted(&self, now: Timestamp) {
        *self.lock() = FilesState { read_at: now, refused: None };
    }

    /// Records the reason why changed files cannot be used, so that the previous ones stay in
    /// force.
    pub(super) fn refused(&self, why: impl Into<String>) {
        self.lock().refused = Some(why.into());
    }

    /// Returns the time at which the files in force were read, or an error if they were changed
    /// since and cannot be used.
    pub(crate) fn check(&self) -> Result<Timestamp, FilesRefused> {
        let state = self.lock();
        match &state.refused {
            None => Ok(state.read_at),
            Some(why) => Err(FilesRefused { why: why.clone(), read_at: state.read_at }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FilesState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
