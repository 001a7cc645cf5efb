//! Which reading of the files is in force, for readiness.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// The reading in force and, where a newer one could not be used, why. Cheap to clone; every clone shows the present
/// state.
#[derive(Debug, Clone)]
pub(crate) struct FilesStatus(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    read_at: Timestamp,
    refused: Option<String>,
}

/// The files were changed and cannot be used; older ones stay in force.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}; those read at {} stay in force: `chorus check` shows what is wrong", .read_at.strftime("%Y-%m-%dT%H:%M:%SZ"))]
pub(crate) struct FilesRefused {
    why: String,
    read_at: Timestamp,
}

impl FilesStatus {
    /// The first reading, which is in force.
    pub(crate) fn read_at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Reading { read_at: now, refused: None })))
    }

    /// A new reading is in force.
    pub(super) fn accepted(&self, now: Timestamp) {
        *self.lock() = Reading { read_at: now, refused: None };
    }

    /// A new reading cannot be used: the one before stays in force.
    pub(super) fn refused(&self, why: impl Into<String>) {
        self.lock().refused = Some(why.into());
    }

    /// When the files in force were read; as an error, with the reason, where they were changed since and cannot be
    /// used.
    pub(crate) fn check(&self) -> Result<Timestamp, FilesRefused> {
        let reading = self.lock();
        match &reading.refused {
            None => Ok(reading.read_at),
            Some(why) => Err(FilesRefused { why: why.clone(), read_at: reading.read_at }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
