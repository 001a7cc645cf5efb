//! What is wrong, said once and with its place.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use source::{Diagnostic, Severity};

/// A text that findings point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, relative to the workspace.
    pub(super) file: PathBuf,
    /// The template's text.
    pub(super) text: String,
    /// The file around it, if the text is only a value in it.
    host: Option<Rc<str>>,
}

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: PathBuf,
    span: Option<Range<usize>>,
}

impl Source {
    /// A file of its own.
    #[must_use]
    pub fn file(file: &Path, text: String) -> Self {
        Self { file: file.to_owned(), text, host: None }
    }

    /// A value in the file whose text is `host`.
    pub(super) fn value(file: &Path, text: String, host: &Rc<str>) -> Self {
        Self { file: file.to_owned(), text, host: Some(Rc::clone(host)) }
    }

    /// The place of some bytes of the text.
    #[must_use]
    pub fn at(&self, range: Range<usize>) -> Place {
        let Some(host) = &self.host else {
            return Place { file: self.file.clone(), span: Some(range) };
        };
        let wanted = self.text.get(range).filter(|part| !part.is_empty());
        let start = wanted.and_then(|part| host.find(part).map(|start| start..start + part.len()));
        Place { file: self.file.clone(), span: start }
    }

    /// The place of the tag at `line` and `column`, both counted from 1, in characters, or of what is there.
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

    /// The place of the first line of `made` that also stands in this text.
    pub(super) fn line_of(&self, made: &str) -> Option<Place> {
        let line = made.trim();
        let start = (line.len() > 3).then(|| self.text.find(line))??;
        Some(self.at(start..start + line.len()))
    }

    /// The file as a whole.
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
    /// A file as a whole.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_owned(), span: None }
    }

    /// A finding here.
    #[must_use]
    pub fn finding(self, severity: Severity, code: &'static str, message: String, help: &str) -> Diagnostic {
        let help = (!help.is_empty()).then(|| help.to_owned());
        Diagnostic { severity, code, message, file: self.file, span: self.span, help }
    }
}

/// The most findings of one compilation.
const MAX_FINDINGS: usize = 100;

/// All findings of one compilation, each once.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Diagnostic>);

impl Findings {
    /// Something that must be put right.
    pub(super) fn error(&mut self, code: &'static str, message: String, place: Place, help: &str) {
        self.push(Severity::Error, code, message, place, help);
    }

    /// Something to know.
    pub(super) fn warning(&mut self, code: &'static str, message: String, place: Place, help: &str) {
        self.push(Severity::Warning, code, message, place, help);
    }

    /// Whether nothing must be put right.
    pub(super) fn are_harmless(&self) -> bool {
        self.0.iter().all(|finding| finding.severity < Severity::Error)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether there are so many that more would help nobody. An error is among them then: warnings are few.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_FINDINGS && !self.are_harmless()
    }

    /// In the order of the files.
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
    fn points_at_tags_in_characters() {
        let source = Source::file(Path::new("t.md"), "é\nab 春 {{{x}}} {{y}}".into());
        assert_eq!(source.tag(2, 6).span, Some(10..17));
        assert_eq!(source.tag(9, 9).span, Some(23..23));
    }

    #[test]
    fn points_into_the_file_around_a_value() {
        let host: Rc<str> = "subject = \"Hi {{fcts.a}}\"".into();
        let source = Source::value(Path::new("c.toml"), "Hi {{fcts.a}}".into(), &host);
        assert_eq!(source.tag(1, 4).span, Some(14..24));
    }
}
