//! The state of a worker, for readiness checks and pages of the same process.

use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::Journal;

/// A handle to the state of one worker. Cheap to clone; every clone shows the current state.
#[derive(Debug, Clone, Default)]
pub struct WorkerStatus(Arc<Mutex<State>>);

/// The state of a worker.
#[derive(Debug, Default)]
enum State {
    /// The worker has not begun, or is between two leases.
    #[default]
    Idle,
    /// The worker has a lease, with this journal.
    Working(Journal),
    /// The worker could not begin, for this reason, and tries again.
    Failed(String),
}

/// The reason for which a worker sends nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLease {
    /// The worker has no lease yet, or closed its last one.
    #[error("the worker has no lease")]
    None,
    /// The worker could not renew its lease: another worker may have taken it over.
    #[error("the worker could not renew its lease, and does not trust it any more")]
    Expired,
    /// The worker could not begin; it tries again every few seconds.
    #[error("the worker cannot begin: {0}")]
    Failed(String),
}

impl WorkerStatus {
    pub(crate) fn working(&self, journal: Journal) {
        self.set(State::Working(journal));
    }

    pub(crate) fn idle(&self) {
        self.set(State::Idle);
    }

    pub(crate) fn failed(&self, why: String) {
        self.set(State::Failed(why));
    }

    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Checks that the worker has a lease that no other worker can have taken over.
    ///
    /// # Errors
    /// It has none, for the reason given.
    pub fn lease(&self) -> Result<(), NoLease> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Working(journal) if journal.is_trusted() => Ok(()),
            State::Working(_) => Err(NoLease::Expired),
            State::Idle => Err(NoLease::None),
            State::Failed(why) => Err(NoLease::Failed(why.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::{LeaseId, Millis};
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn a_lease_is_valid_while_it_is_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let status = WorkerStatus::default();
        let seen = status.clone();
        assert_eq!(seen.lease(), Err(NoLease::None));
        status.failed("use the database: it is gone".to_owned());
        assert_eq!(
            seen.lease().unwrap_err().to_string(),
            "the worker cannot begin: use the database: it is gone"
        );
        let journal = Journal::create(folder.path(), LeaseId(1), Millis::EPOCH).unwrap();
        status.working(journal.clone());
        assert_eq!(seen.lease(), Err(NoLease::Expired));
        journal.trust_until(Instant::now() + Duration::from_secs(60));
        assert_eq!(seen.lease(), Ok(()));
        status.idle();
        assert_eq!(seen.lease(), Err(NoLease::None));
    }
}
