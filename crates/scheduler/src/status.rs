//! A worker's state, for others in its process to look at.

use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::Journal;

/// The state of one worker. Cheap to clone; every clone shows the present state.
#[derive(Debug, Clone, Default)]
pub struct WorkerStatus(Arc<Mutex<State>>);

/// What a worker is at.
#[derive(Debug, Default)]
enum State {
    /// It has not begun, or is between two leases.
    #[default]
    Between,
    /// It works under a lease, with this journal.
    Working(Journal),
    /// It could not begin, and tries again.
    Failed(String),
}

/// Why a worker sends nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLease {
    /// It has no lease yet, or gave its last one back.
    #[error("the worker has no lease")]
    None,
    /// It could not renew its lease: another worker may have taken it over.
    #[error("the worker could not renew its lease, and does not trust it any more")]
    Expired,
    /// It could not begin; it tries again every few seconds.
    #[error("the worker cannot begin: {0}")]
    Failed(String),
}

impl WorkerStatus {
    pub(crate) fn working(&self, journal: Journal) {
        self.set(State::Working(journal));
    }

    pub(crate) fn between(&self) {
        self.set(State::Between);
    }

    pub(crate) fn failed(&self, why: String) {
        self.set(State::Failed(why));
    }

    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether the worker holds a lease that nobody else can have taken over.
    ///
    /// # Errors
    /// It holds none, for this reason.
    pub fn lease(&self) -> Result<(), NoLease> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Working(journal) if journal.is_trusted() => Ok(()),
            State::Working(_) => Err(NoLease::Expired),
            State::Between => Err(NoLease::None),
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
    fn a_lease_counts_while_it_is_trusted() {
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
        journal.trust(Instant::now() + Duration::from_secs(60));
        assert_eq!(seen.lease(), Ok(()));
        status.between();
        assert_eq!(seen.lease(), Err(NoLease::None));
    }
}
