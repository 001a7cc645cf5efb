//! The findings of a compilation, each with its place in a file.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use source::{Diagnostic, Severity};

/// A text that findings refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path of the file, relative to the workspace.
    pub(super) file: PathBuf,
    /// The text of the template.
    pub(super) text: String,
    /// The text of the file that contains it, if the template is only a value in that file.
    host: Option<Rc<str>>,
}

/// The place of a finding: a file, or a range of bytes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: PathBuf,
    span: Option<Range<usize>>,
}

impl Source {
    /// Returns a source that is a whole file.
    #[must_use]
    pub fn file(file: &Path, text: String) -> Self {
        Self { file: file.to_owned(), text, host: None }
    }

    /// Returns a source that is a value in a file whose text is `host`.
    pub(super) fn value(file: &Path, text: String, host: &Rc<str>) -> Self {
        Self { file: file.to_owned(), text, host: Some(Rc::clone(host)) }
    }

    /// Returns the place of a range of bytes of the text.
    #[must_use]
    pub fn at(&self, range: Range<usize>) -> Place {
        let Some(host) = &self.host else {
            return Place { file: self.file.clone(), span: Some(range) };
        };
        let wanted = self.text.get(range).filter(|part| !part.is_empty());
        let start = wanted.and_then(|part| host.find(part).map(|start| start..start + part.len()));
        Place { file: self.file.clone(), span: start }
    }

    /// Returns the place of the tag at `line` and `column`, or of the character there if there is
    /// no tag. Both count from 1, in characters.
    pub(super) fn tag(&self, line: usize, column: usize) -> Place {
        let start = self.offset(line, column);
        let rest = &self.text[start..];
        let lead = rest.len() - rest.trim_start().len();
        let (start, rest) = (start + lead, &rest[lead..]);
        let length = if rest.starts_with("{{") { rest.find("}}").map(|end| end + 2) } else { None };
        let brace = |end: usize| usize::from(rest[end..].starts_with('}'));
        let length =
            length.map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), |end| end + brace(end));
        self.at(start..start + length)
    }

    /// Returns the place of the first occurrence of `made`, without surrounding white space, in the
    /// text.
    pub(super) fn line_of(&self, made: &str) -> Option<Place> {
        let line = made.trim();
        let start = (line.len() > 3).then(|| self.text.find(line))??;
        Some(self.at(start..start + line.len()))
    }

    /// Returns the file as a whole.
    pub(super) fn whole(&self) -> Place {
        Place { file: self.file.clone(), span: None }
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let mut start = 0;
        for _ in 1..line {
            start = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline + 1);
        }
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(offset, _)| offset)
    }
}

impl Place {
    /// Returns the place of a whole file.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_owned(), span: None }
    }

    /// Returns a finding at this place.
    #[must_use]
    pub fn finding(self, severity: Severity, code: &'static str, message: String, help: &str) -> Diagnostic {
        let help = (!help.is_empty()).then(|| help.to_owned());
        Diagnostic { severity, code, message, file: self.file, span: self.span, help }
    }
}

/// The maximum number of findings of one compilation.
const MAX_FINDINGS: usize = 100;

/// The findings of one compilation, without duplicates.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Diagnostic>);

impl Findings {
    /// Adds an error, which prevents the campaign from running.
    pub(super) fn error(&mut self, code: &'static str, message: String, place: Place, help: &str) {
        self.push(Severity::Error, code, message, place, help);
    }

    /// Adds a warning, which does not.
    pub(super) fn warning(&mut self, code: &'static str, message: String, place: Place, help: &str) {
        self.push(Severity::Warning, code, message, place, help);
    }

    /// Returns true if no finding is an error.
    pub(super) fn has_no_errors(&self) -> bool {
        self.0.iter().all(|finding| finding.severity < Severity::Error)
    }

    /// Returns the number of findings.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns true if the maximum number is reached and one of the findings is an error. Further
    /// ones are dropped then. Warnings alone are too few to reach it.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_FINDINGS && !self.has_no_errors()
    }

    /// Returns the findings in the order of files and places.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        self.0.sort_by(|a, b| (&a.file, start(a)).cmp(&(&b.file, start(b))));
        self.0
    }

    fn push(&mut self, severity: Severity, code: &'static str, message: String, place: Place, help: &str) {
        if self.is_full() {
            return;
        }
        let help = (!help.is_empty()).then(|| help.to_owned());
        let finding = Diagnostic { severity, code, message, file: place.file, span: place.span, help };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}

fn start(finding: &Diagnostic) -> usize {
    finding.span.as_ref().map_or(0, |span| span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_located_by_line_and_character() {
        let source = Source::file(Path::new("t.md"), "é\nab 春 {{{x}}} {{y}}".into());
        assert_eq!(source.tag(2, 6).span, Some(10..17));
        assert_eq!(source.tag(9, 9).span, Some(23..23));
    }

    #[test]
    fn values_are_located_in_their_file() {
        let host: Rc<str> = "subject = \"Hi {{fcts.a}}\"".into();
        let source = Source::value(Path::new("c.toml"), "Hi {{fcts.a}}".into(), &host);
        assert_eq!(source.tag(1, 4).span, Some(14..24));
    }
}
