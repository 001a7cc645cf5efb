//! Why a step cannot be fired.

use campaign::ChannelId;
use source::Diagnostic;
use store::{Run, RunId, StoreError};

/// Why a step cannot be fired.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step does not compile.
    #[error("compile the step: {0}")]
    Compile(#[from] CompileError),
    /// The files do not have what the run needs any more.
    #[error("find {0} in the workspace: it was renamed or has errors; run `chorus check`")]
    Missing(Missing),
    /// For somebody in the audience it says more than the channel takes.
    #[error("begin the run: {0}")]
    TooLong(TooLong),
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

/// The reason for which a step does not compile.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The findings, of which the text tells the gravest.
    #[error("{}", gravest(.0))]
    Findings(Vec<Diagnostic>),
    /// The compiled step cannot be written as JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The compiler ended early.
    #[error("{0}")]
    Task(#[from] tokio::task::JoinError),
}

/// The message of the gravest of these findings.
fn gravest(findings: &[Diagnostic]) -> &str {
    let error = findings.iter().max_by_key(|finding| finding.severity);
    error.map_or("no reason given", |finding| &finding.message)
}

/// Something that a run needs and the files do not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A step, or its place after another.
    #[error("{campaign}/{step}")]
    Step {
        /// The id of its campaign.
        campaign: String,
        /// Its id.
        step: String,
    },
    /// A channel.
    #[error("the channel {0}")]
    Channel(ChannelId),
}

impl Missing {
    /// The step of a run.
    pub(crate) fn step_of(run: &Run) -> Self {
        Self::Step { campaign: run.campaign.clone(), step: run.step.clone() }
    }
}

/// A text that is too long for its network. Its own text shows no words of anybody's.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}. {}", .0.message.split("; the first over").next().unwrap_or_default(), .0.help.as_deref().unwrap_or_default())]
pub struct TooLong(pub Diagnostic);
