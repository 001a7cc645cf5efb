//! Findings for programs: a stable form.

use serde::Serialize;

use super::{Diagnostic, Diagnostics, Severity, place};

/// One finding as JSON.
#[derive(Serialize)]
struct Entry<'a> {
    file: String,
    /// From 1; null when it is about the file as a whole, or its text is not known.
    line: Option<usize>,
    /// From 1, in characters.
    column: Option<usize>,
    severity: Severity,
    code: &'a str,
    message: &'a str,
    help: Option<&'a str>,
}

impl Diagnostics {
    /// The findings as a JSON array of objects with `file`, `line`, `column`, `severity`, `code`, `message`
    /// and `help`, by file and place. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let entries =
            self.iter().map(|finding| serde_json::to_value(self.entry(finding)).unwrap_or_default());
        serde_json::Value::Array(entries.collect())
    }

    fn entry<'a>(&self, finding: &'a Diagnostic) -> Entry<'a> {
        let source = self.sources.get(&finding.file);
        let place =
            source.zip(finding.span.as_ref()).map(|(text, span)| place::line_and_column(text, span.start));
        Entry {
            file: finding.file.display().to_string(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            severity: finding.severity,
            code: finding.code,
            message: &finding.message,
            help: finding.help.as_deref(),
        }
    }
}
