//! Errors of a run that was asked for by hand.

use crate::output::wrong;

/// Makes "cannot …" of an error; an error of the database stays as it is.
pub(super) fn cannot(error: scheduler::FireError) -> anyhow::Error {
    match error {
        scheduler::FireError::Store(error) => error.into(),
        error => wrong(format!("cannot {error}")),
    }
}
