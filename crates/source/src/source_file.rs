//! A file that is being read: its text and the findings in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::{Field, Located};

/// As many findings as one file may have; more would bury the first.
const MOST: usize = 100;

/// A file that is being read, with the findings in it so far.
#[derive(Debug)]
pub struct SourceFile {
    /// Relative to the workspace.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    findings: RefCell<BTreeSet<Diagnostic>>,
    /// Where the text is not TOML: findings there would only repeat that in other words.
    unreadable: RefCell<Vec<Range<usize>>>,
    has_errors: Cell<bool>,
}

impl SourceFile {
    /// A file without findings yet; `file` is its path relative to the workspace.
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
        self.note(Diagnostic::error(code, &self.file, message).at(at).help(help));
    }

    /// Adds a finding of severity `Warning`.
    pub fn warning(
        &self,
        code: &'static str,
        at: impl Into<Option<Range<usize>>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Diagnostic::warning(code, &self.file, message).at(at).help(help));
    }

    /// Adds the finding that the text at `span` is not TOML, once for each line.
    pub fn syntax_error(&self, span: Range<usize>, message: String) {
        let line = self.lines_of(&span);
        let told =
            self.unreadable.borrow().iter().any(|other| other.start < line.end && line.start < other.end);
        if !told {
            self.error(
                "not-toml",
                span,
                message,
                "Texts stand in \"quotes\", lists in [brackets], one key on each line.",
            );
        }
        self.unreadable.borrow_mut().push(line);
    }

    fn note(&self, finding: Diagnostic) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MOST {
            findings.insert(finding);
        }
    }

    /// The value of a key that must be there; a finding about the table at `owner` if it is not.
    pub fn need<'f, T>(
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

    /// The outcome of reading a value of this file, or a finding that says why it cannot be read.
    pub fn take<T, E: std::fmt::Display>(
        &self,
        code: &'static str,
        at: &Range<usize>,
        outcome: Result<T, E>,
        what: &str,
        help: &str,
    ) -> Option<T> {
        outcome.map_err(|error| self.error(code, at.clone(), format!("{what}: {error}"), help)).ok()
    }

    /// Where `inner`, a range of the decoded text `value`, stands in the file: exact when the text is
    /// written without escapes, else the whole value.
    #[must_use]
    pub fn inside(&self, value: &Located<String>, inner: Range<usize>) -> Range<usize> {
        let span = &value.span;
        let raw = self.text.get(span.clone()).unwrap_or_default();
        // A text is cut from its quotes: one or three on each side, a first line break after three is dropped.
        match raw.find(value.value.as_str()) {
            Some(offset) if offset <= 5 && !value.value.is_empty() => {
                span.start + offset + inner.start..span.start + offset + inner.end
            }
            _ => span.clone(),
        }
    }

    /// True if any finding so far is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.has_errors.get()
    }

    /// True if any finding so far has this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.findings.borrow().iter().any(|finding| finding.code == code)
    }

    /// True if the text is not TOML in places, so that a missing key may only be hidden.
    #[must_use]
    pub fn is_garbled(&self) -> bool {
        !self.unreadable.borrow().is_empty()
    }

    /// Hands the findings over, with the text that `shown` makes of the file's.
    pub fn hand_over(self, to: &mut Diagnostics, shown: impl FnOnce(String) -> String) {
        let findings = self.findings.into_inner();
        let full = findings.len() >= MOST;
        let unreadable = self.unreadable.into_inner();
        to.extend(findings.into_iter().filter(|finding| is_worth_telling(finding, &unreadable)));
        if full {
            let message = format!("there are more than {MOST} findings in this file; the rest is not shown");
            // An error may be among the rest.
            let make = if self.has_errors.get() { Diagnostic::error } else { Diagnostic::warning };
            to.push(make("more-findings", self.file.clone(), message).help("Mend these first."));
        }
        to.add_source(&self.file, || shown(self.text));
    }

    /// From the start of the first line of `span` to the end of its last.
    fn lines_of(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let end = self.text.get(span.end..).and_then(|after| after.find('\n'));
        start..end.map_or(self.text.len(), |at| span.end + at) + 1
    }
}

/// Findings that something is nowhere to be found.
const HIDEABLE: [&str; 5] =
    ["unknown-fact", "unknown-part", "unknown-step", "fact-not-said", "not-translated"];

/// In a file that is not TOML in places, what is missing may only be hidden, and what stands there is not
/// what was meant.
fn is_worth_telling(finding: &Diagnostic, unreadable: &[Range<usize>]) -> bool {
    if unreadable.is_empty() || finding.code == "not-toml" {
        return true;
    }
    let told = |span: &Range<usize>| {
        unreadable.iter().any(|bad| span.start < bad.end && bad.start < span.end.max(span.start + 1))
    };
    !finding.code.starts_with("missing")
        && !HIDEABLE.contains(&finding.code)
        && finding.span.as_ref().is_some_and(|span| !told(span))
}
