//! The time limit of questions to the database, and the errors where it does not answer.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;

/// The longest that the database is waited for.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A question that the database did not answer as it should.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum NoAnswer {
    /// It refused or went away.
    #[error("failed to {0}")]
    Failed(Arc<StoreError>),
    /// It took a small row too slowly.
    #[error("a small row could not be written within {} s", ANSWER_LIMIT.as_secs())]
    NotWritten,
    /// It answered too slowly.
    #[error("no answer within {} s", ANSWER_LIMIT.as_secs())]
    Late,
}

impl From<StoreError> for NoAnswer {
    fn from(error: StoreError) -> Self {
        Self::Failed(Arc::new(error))
    }
}
