//! What is wrong with a file, where, and what to do: all of it at once.

mod json;
mod place;
mod render;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

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

impl Diagnostic {
    /// Something that holds a campaign back, about `file` as a whole.
    #[must_use]
    pub fn error(code: &'static str, file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: file.into(),
            span: None,
            help: None,
        }
    }

    /// Something worth knowing, about `file` as a whole.
    #[must_use]
    pub fn warning(code: &'static str, file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, file, message) }
    }

    /// The same, about these bytes of the file.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Range<usize>>>) -> Self {
        self.span = span.into();
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What findings are ordered by: file, then place, the worse first.
    fn rank(&self) -> impl Ord + '_ {
        let start = self.span.as_ref().map(|span| span.start);
        let end = self.span.as_ref().map(|span| span.end);
        (&self.file, start, Reverse(self.severity), self.code, &self.message, end, &self.help)
    }
}

impl Ord for Diagnostic {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Diagnostic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All findings of a workspace, with the text of the files they point into.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    findings: BTreeSet<Diagnostic>,
    sources: BTreeMap<PathBuf, String>,
}

impl Diagnostics {
    /// No findings yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding, unless the very same is there.
    pub fn push(&mut self, finding: Diagnostic) {
        self.findings.insert(finding);
    }

    /// Takes over the findings and sources of `other`.
    pub fn merge(&mut self, other: Self) {
        self.sources.extend(other.sources);
        self.extend(other.findings);
    }

    /// Gives the text of `file`, so that a finding in it can be shown with its line. `text` is only called
    /// when a finding points into the file and its text is not known yet. Texts that hold secrets must be
    /// masked before, byte for byte.
    pub fn add_source(&mut self, file: &Path, text: impl FnOnce() -> String) {
        // The least of all findings in the file, as they are ordered.
        let least = Diagnostic::error("", file, "");
        let wanted = self.findings.range(least..).next().is_some_and(|finding| finding.file == file);
        if wanted && !self.sources.contains_key(file) {
            self.sources.insert(file.to_owned(), text());
        }
    }

    /// Every finding, by file and place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.findings.iter()
    }

    /// The findings that hold something back, by file and place.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// The findings worth knowing, by file and place.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// Whether anything holds something back.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many findings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.findings.len()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, findings: T) {
        self.findings.extend(findings);
    }
}

#[cfg(test)]
mod tests;
