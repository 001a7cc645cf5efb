//! Conversion of errors of a manual run.

use terminal::output::user_error;

/// Turns an error into a user error of the form "cannot …"; a store error stays as it is.
pub(super) fn cannot(error: scheduler::FireError) -> anyhow::Error {
    match error {
        scheduler::FireError::Store(error) => error.into(),
        error => user_error(format!("cannot {error}")),
    }
}
