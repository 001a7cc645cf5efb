//! Findings as text for people: file, line, caret and fix.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Diagnostics, Severity, position};

impl Diagnostics {
    /// Returns the findings as text, sorted by file and place and separated by empty lines.
    /// `colour` adds ANSI colours.
    #[must_use]
    pub fn to_text(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let texts: Vec<_> = self.iter().map(|finding| self.finding_to_text(finding, &renderer)).collect();
        texts.join("\n\n")
    }

    fn finding_to_text(&self, finding: &Diagnostic, renderer: &Renderer) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(without_control_characters(&finding.message)).id(finding.code);
        let place = self.sources.get(&finding.file).zip(finding.span.as_ref());
        let path = without_control_characters(&finding.file.display().to_string());
        let group = match place {
            Some((text, span)) => {
                let caret = AnnotationKind::Primary.span(position::first_line(text, span));
                title.element(Snippet::source(text.as_str()).path(path).annotation(caret))
            }
            None => title.element(Origin::path(path)),
        };
        renderer.render(&[with_help(group, finding)])
    }
}

fn with_help<'a>(group: Group<'a>, finding: &'a Diagnostic) -> Group<'a> {
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(without_control_characters(help))),
        None => group,
    }
}

/// Replaces control characters other than line breaks: a file must not control the terminal it is
/// shown on.
fn without_control_characters(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(false))
    }
}
