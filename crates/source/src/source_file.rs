//! [`SourceFile`]: the text of a file while it is read, and the findings in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::{Field, Located};

/// Maximum number of findings of one file; more would bury the first.
const MAX_FINDINGS: usize = 100;

/// A file while it is read, with its findings so far.
#[derive(Debug)]
pub struct SourceFile {
    /// Path relative to the workspace.
    pub file: PathBuf,
    /// The complete text of the file.
    pub text: String,
    findings: RefCell<BTreeSet<Diagnostic>>,
    /// Byte ranges of the lines that are not TOML; other findings there would only repeat that.
    unreadable: RefCell<Vec<Range<usize>>>,
    has_errors: Cell<bool>,
}

impl SourceFile {
    /// Creates a file without findings; `file` is its path relative to the workspace.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, text: String) -> Self {
        Self {
            file: file.into(),
            text,
            findings: RefCell::default(),
            unreadable: RefCell::default(),
            has_errors: Cell::new(false),
        }
    }

    /// Adds a finding of severity `Error` about the bytes `at`, or about the file as a whole.
    pub fn error(
        &self,
        code: &'static str,
        at: impl Into<Option<Range<usize>>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.has_errors.set(true);
        self.add(Diagnostic::error(code, &self.file, message).at(at).help(help));
    }

    /// Adds a finding of severity `Warning` about the bytes `at`, or about the file as a whole.
    pub fn warning(
        &self,
        code: &'static str,
        at: impl Into<Option<Range<usize>>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Diagnostic::warning(code, &self.file, message).at(at).help(help));
    }

    /// Adds the finding that the text at `span` is not TOML, once for each line.
    pub fn syntax_error(&self, span: Range<usize>, message: String) {
        let line = self.lines_of(&span);
        let is_reported =
            self.unreadable.borrow().iter().any(|other| other.start < line.end && line.start < other.end);
        if !is_reported {
            self.error(
                "not-toml",
                span,
                message,
                "Texts stand in \"quotes\", lists in [brackets], one key on each line.",
            );
        }
        self.unreadable.borrow_mut().push(line);
    }

    fn add(&self, finding: Diagnostic) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MAX_FINDINGS {
            findings.insert(finding);
        }
    }

    /// Returns the value of a required key. Reports an absent key at the table `owner`, with
    /// `example` as the fix.
    pub fn require<'f, T>(
        &self,
        field: &'f Field<T>,
        key: &str,
        example: &str,
        owner: Option<&Range<usize>>,
    ) -> Option<&'f Located<T>> {
        if matches!(field, Field::Absent) {
            let message = format!("`{key}` is missing");
            self.error("missing-key", owner.cloned(), message, format!("Add a line such as `{example}`."));
        }
        field.get()
    }

    /// Returns the value of `outcome`, or reports its error at `at` with the message `{what}:
    /// {error}`.
    pub fn ok_or_report<T, E: std::fmt::Display>(
        &self,
        code: &'static str,
        at: &Range<usize>,
        outcome: Result<T, E>,
        what: &str,
        help: &str,
    ) -> Option<T> {
        outcome.map_err(|error| self.error(code, at.clone(), format!("{what}: {error}"), help)).ok()
    }

    /// Returns the byte range in the file of `inner`, a range of the decoded text `value`: exact
    /// when the text is written without escapes, else the range of the whole value.
    #[must_use]
    pub fn span_within(&self, value: &Located<String>, inner: Range<usize>) -> Range<usize> {
        let span = &value.span;
        let raw = self.text.get(span.clone()).unwrap_or_default();
        // The value stands behind one or three quotes; a line break right after three quotes is
        // dropped.
        match raw.find(value.value.as_str()) {
            Some(offset) if offset <= 5 && !value.value.is_empty() => {
                span.start + offset + inner.start..span.start + offset + inner.end
            }
            _ => span.clone(),
        }
    }

    /// Returns true if any finding so far is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.has_errors.get()
    }

    /// Returns true if any finding so far has this code.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.findings.borrow().iter().any(|finding| finding.code == code)
    }

    /// Returns true if the text has TOML syntax errors, which may hide a key that seems to be
    /// missing.
    #[must_use]
    pub fn has_syntax_errors(&self) -> bool {
        !self.unreadable.borrow().is_empty()
    }

    /// Moves the findings to `to`, together with the file's text as changed by `transform`.
    pub fn report_into(self, to: &mut Diagnostics, transform: impl FnOnce(String) -> String) {
        let findings = self.findings.into_inner();
        let full = findings.len() >= MAX_FINDINGS;
        let unreadable = self.unreadable.into_inner();
        to.extend(findings.into_iter().filter(|finding| is_worth_reporting(finding, &unreadable)));
        if full {
            let message =
                format!("there are more than {MAX_FINDINGS} findings in this file; the rest is not shown");
            // An error may be among the findings that are not shown.
            let make = if self.has_errors.get() { Diagnostic::error } else { Diagnostic::warning };
            to.push(make("more-findings", self.file.clone(), message).help("Fix these first."));
        }
        to.add_source(&self.file, || transform(self.text));
    }

    /// Returns the byte range of the lines that `span` touches, the last line break included.
    fn lines_of(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let end = self.text.get(span.end..).and_then(|after| after.find('\n'));
        start..end.map_or(self.text.len(), |at| span.end + at) + 1
    }
}

/// Codes of findings about missing things that a syntax error may only hide.
const HIDDEN_BY_SYNTAX_ERRORS: [&str; 5] =
    ["unknown-fact", "unknown-part", "unknown-step", "fact-not-said", "not-translated"];

/// Returns false for findings that a syntax error may have caused: those about missing things,
/// without a place, or on a line that is not TOML.
fn is_worth_reporting(finding: &Diagnostic, unreadable: &[Range<usize>]) -> bool {
    if unreadable.is_empty() || finding.code == "not-toml" {
        return true;
    }
    let overlaps = |span: &Range<usize>| {
        unreadable.iter().any(|bad| span.start < bad.end && bad.start < span.end.max(span.start + 1))
    };
    !finding.code.starts_with("missing")
        && !HIDDEN_BY_SYNTAX_ERRORS.contains(&finding.code)
        && finding.span.as_ref().is_some_and(|span| !overlaps(span))
}
