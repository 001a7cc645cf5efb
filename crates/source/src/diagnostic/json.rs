//! Findings as JSON in a stable form, for programs.

use serde::Serialize;

use super::{Diagnostic, Diagnostics, Severity, position};

/// The JSON object of one finding.
#[derive(Serialize)]
struct JsonFinding<'a> {
    file: String,
    /// Line number from 1; null when the finding is about the whole file or its text is unknown.
    line: Option<usize>,
    /// Column from 1, counted in characters; null when `line` is.
    column: Option<usize>,
    severity: Severity,
    code: &'a str,
    message: &'a str,
    help: Option<&'a str>,
}

impl Diagnostics {
    /// Returns the findings as a JSON array of objects with `file`, `line`, `column`, `severity`,
    /// `code`, `message` and `help`, sorted by file and place. Lines and columns count from 1,
    /// columns in characters.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let entries =
            self.iter().map(|finding| serde_json::to_value(self.json_finding(finding)).unwrap_or_default());
        serde_json::Value::Array(entries.collect())
    }

    fn json_finding<'a>(&self, finding: &'a Diagnostic) -> JsonFinding<'a> {
        let source = self.sources.get(&finding.file);
        let place =
            source.zip(finding.span.as_ref()).map(|(text, span)| position::line_and_column(text, span.start));
        JsonFinding {
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
