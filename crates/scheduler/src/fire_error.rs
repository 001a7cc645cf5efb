//! Why a step cannot be fired.

use store::{RunId, StoreError};

/// Why a step cannot be fired.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step does not compile; the findings say why.
    #[error("compile the step: {0}")]
    Compile(String),
    /// The files do not have what the run needs any more.
    #[error("find {0} in the workspace: it was renamed or has errors; run `chorus check`")]
    Missing(String),
    /// For somebody in the audience it says more than the channel takes.
    #[error("begin the run: {0}")]
    TooLong(String),
    /// A run with the same key is there already.
    #[error("fire the step: it fired at this very instant already")]
    Again,
    /// Another run of the step was made since the person looked.
    #[error(
        "send it: run {0} of the step was made meanwhile. Nothing was sent. `chorus runs show {0}` shows that run; to \
         send once more to everybody, say --again"
    )]
    Raced(RunId),
    /// A step that happens once went out.
    #[error(
        "run it: the step happens once, and went out as run {0}. Nothing was sent. `chorus send --again` sends it once \
         more to everybody, `--missing` to those who have not got it"
    )]
    WentOut(RunId),
}

/// The message of the gravest of these findings.
pub(crate) fn first_message(findings: &[campaign::Diagnostic]) -> String {
    let error = findings.iter().max_by_key(|finding| finding.severity);
    error.map_or_else(|| "no reason given".to_owned(), |finding| finding.message.clone())
}
