//! The errors of firing a step.

use campaign::ChannelId;
use source::Diagnostic;
use store::{Run, RunId, StoreError};

/// The reason for which a step cannot be fired.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// The database refuses the statement.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step does not compile.
    #[error("compile the step: {0}")]
    Compile(#[from] CompileError),
    /// The files lack a step or a channel that the run needs.
    #[error("find {0} in the workspace: it was renamed or has errors; run `chorus check`")]
    Missing(Missing),
    /// The text for a contact in the audience is longer than the channel allows.
    #[error("begin the run: {0}")]
    TooLong(TooLong),
    /// A run with the same key exists already.
    #[error("fire the step: it fired at the same instant already")]
    AlreadyFired,
    /// Another run of the step was made since the person looked.
    #[error(
        "send it: run {0} of the step was made meanwhile. Nothing was sent. `chorus runs show {0}` shows that run; to \
         send once more to all, say --again"
    )]
    Raced(RunId),
    /// The step happens once, and was sent by this run.
    #[error(
        "run it: the step happens once, and went out as run {0}. Nothing was sent. `chorus send --again` sends it once \
         more to all, `--missing` to those who have not received it"
    )]
    AlreadySent(RunId),
}

/// The reason for which a step does not compile.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler found errors; the text is that of the most severe.
    #[error("{}", most_severe(.0))]
    Findings(Vec<Diagnostic>),
    /// The compiled step cannot be written as JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The compiler ended early.
    #[error("{0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Returns the message of the most severe finding.
fn most_severe(findings: &[Diagnostic]) -> &str {
    let error = findings.iter().max_by_key(|finding| finding.severity);
    error.map_or("no reason given", |finding| &finding.message)
}

/// A part of the files that a run needs and that is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A step, or its relation to the step that it follows.
    #[error("{campaign}/{step}")]
    Step {
        /// The id of the campaign.
        campaign: String,
        /// The id of the step.
        step: String,
    },
    /// A channel, by its id.
    #[error("the channel {0}")]
    Channel(ChannelId),
}

impl Missing {
    /// Names the step of a run.
    pub(crate) fn step_of(run: &Run) -> Self {
        Self::Step { campaign: run.campaign.clone(), step: run.step.clone() }
    }
}

/// A text that is too long for its network. The message quotes no contact's data.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}. {}", .0.message.split("; the first over").next().unwrap_or_default(), .0.help.as_deref().unwrap_or_default())]
pub struct TooLong(pub Diagnostic);
