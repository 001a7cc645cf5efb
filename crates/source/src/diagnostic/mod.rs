//! Findings about files: severity, place, message and fix, collected so that all are reported at
//! once.

mod json;
mod position;
mod render;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A warning, which blocks nothing.
    Warning,
    /// An error, which keeps the campaign from running.
    Error,
}

/// One finding about a file, with its place and fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// `Error` if the finding keeps a campaign from running, else `Warning`.
    pub severity: Severity,
    /// A stable name of the rule, such as `unknown-key` or `fact-not-said`.
    pub code: &'static str,
    /// The problem in a marketer's words, with the offending value.
    pub message: String,
    /// Path of the file, relative to the workspace.
    pub file: PathBuf,
    /// Byte range in the file; `None` when the finding is about the file as a whole.
    pub span: Option<Range<usize>>,
    /// The fix, as a sentence for the marketer.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Creates an error about `file` as a whole.
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

    /// Creates a warning about `file` as a whole.
    #[must_use]
    pub fn warning(code: &'static str, file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, file, message) }
    }

    /// Sets the byte range in the file that the finding is about.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Range<usize>>>) -> Self {
        self.span = span.into();
        self
    }

    /// Sets the fix shown with the finding.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the sort key: files of the workspace's own folder before those in folders, since an
    /// error in its settings may cause others; then file and place, errors before warnings.
    fn sort_key(&self) -> impl Ord + '_ {
        let start = self.span.as_ref().map(|span| span.start);
        let end = self.span.as_ref().map(|span| span.end);
        let is_in_folder = self.file.components().count() > 1;
        (is_in_folder, &self.file, start, Reverse(self.severity), self.code, &self.message, end, &self.help)
    }
}

impl Ord for Diagnostic {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(&other.sort_key())
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
    /// Creates a collection without findings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding unless an equal one is there.
    pub fn push(&mut self, finding: Diagnostic) {
        self.findings.insert(finding);
    }

    /// Adds the findings and sources of `other`.
    pub fn merge(&mut self, other: Self) {
        self.sources.extend(other.sources);
        self.extend(other.findings);
    }

    /// Sets the text of `file`, so that a finding in it can be shown with its line. `text` is
    /// called only when the file has a finding and its text is not set yet. A text with secrets
    /// must be masked first, with every byte offset unchanged.
    pub fn add_source(&mut self, file: &Path, text: impl FnOnce() -> String) {
        // Sorts before every other finding of the file.
        let least = Diagnostic::error("", file, "");
        let wanted = self.findings.range(least..).next().is_some_and(|finding| finding.file == file);
        if wanted && !self.sources.contains_key(file) {
            self.sources.insert(file.to_owned(), text());
        }
    }

    /// Returns the findings about one file, with its text.
    #[must_use]
    pub fn of_file(&self, file: &Path) -> Self {
        let sources = self.sources.get_key_value(file).map(|(file, text)| (file.clone(), text.clone()));
        Self {
            findings: self.findings.iter().filter(|finding| finding.file == file).cloned().collect(),
            sources: sources.into_iter().collect(),
        }
    }

    /// Iterates over all findings, sorted by file and place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.findings.iter()
    }

    /// Iterates over the errors, sorted by file and place.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Iterates over the warnings, sorted by file and place.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// Returns true if any finding is an error.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Returns true if there are no findings.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the number of findings, warnings included.
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
