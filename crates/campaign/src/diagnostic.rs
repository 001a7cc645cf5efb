//! What is wrong with a file, where, and what to do: all of it at once.

use std::ops::Range;
use std::path::PathBuf;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is held back.
    Warning,
    /// The campaign does not run.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// A stable name of the rule, such as `unknown-key` or `fact-not-said`.
    pub code: &'static str,
    /// What is wrong, in a marketer's words, with the value that is.
    pub message: String,
    /// The file, relative to the workspace.
    pub file: PathBuf,
    /// Bytes in the file that it is about; `None` when it is about the file as a whole.
    pub span: Option<Range<usize>>,
    /// What to do.
    pub help: Option<String>,
}

/// All findings of a workspace, with the text of the files they point into.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    findings: Vec<Diagnostic>,
    sources: std::collections::BTreeMap<PathBuf, String>,
}
