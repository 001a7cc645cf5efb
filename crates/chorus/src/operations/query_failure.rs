//! The timeout of database queries for metrics and readiness, and their errors.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;

/// Timeout of a database query.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why a database query failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum QueryFailure {
    /// The database returned an error.
    #[error("failed to {0}")]
    Failed(Arc<StoreError>),
    /// A write was not committed within [`QUERY_TIMEOUT`].
    #[error("a small row could not be written within {} s", QUERY_TIMEOUT.as_secs())]
    WriteTimeout,
    /// A query was not answered within [`QUERY_TIMEOUT`].
    #[error("no answer within {} s", QUERY_TIMEOUT.as_secs())]
    ReadTimeout,
}

impl From<StoreError> for QueryFailure {
    fn from(error: StoreError) -> Self {
        Self::Failed(Arc::new(error))
    }
}
