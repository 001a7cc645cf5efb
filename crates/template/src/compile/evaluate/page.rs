//! Where a template writes: text in one language, with limits.

use message::escape;
use serde_json::Value;

use crate::expression::text;

/// The language of a template's text: what a constant must be escaped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compile) enum Dialect {
    /// Text as it is: subjects, `email.txt`.
    Plain,
    /// HTML and MJML.
    Html,
    /// Markdown.
    Markdown,
    /// JSON.
    Json,
}

/// The most that a template may write, in bytes.
pub(in crate::compile) const MAX_OUTPUT: usize = 2 << 20;

/// What has been written.
#[derive(Debug)]
pub(super) struct Page {
    dialect: Dialect,
    text: String,
    quotes: Quotes,
    /// True while the next value stands in a code span of Markdown, where nothing is escaped.
    in_code: bool,
}

/// The output would be longer than [`MAX_OUTPUT`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Full;

impl Page {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, text: String::new(), quotes: Quotes::default(), in_code: false }
    }

    /// An empty page that goes on where this one is: inside the same JSON string, if in one.
    pub(super) fn continued(&self) -> Self {
        Self { quotes: self.quotes, ..Self::new(self.dialect) }
    }

    /// Writes text as it is.
    pub(super) fn raw(&mut self, text: &str) -> Result<(), Full> {
        if self.text.len() + text.len() > MAX_OUTPUT {
            return Err(Full);
        }
        if self.dialect == Dialect::Json {
            self.quotes.read(text);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Looks whether a code span is open that ends in `ahead`, the template's own text after the next value.
    pub(super) fn look_ahead<'t>(&mut self, ahead: impl Iterator<Item = &'t str>) {
        self.in_code = false;
        if self.dialect != Dialect::Markdown {
            return;
        }
        let paragraph = self.text.rfind("\n\n").map_or(&*self.text, |end| &self.text[end..]);
        if paragraph.contains('`') {
            let ahead: String = ahead.collect();
            self.in_code = is_in_code(paragraph, ahead.split("\n\n").next().unwrap_or_default());
        }
    }

    /// Writes a value as the language needs it.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), Full> {
        let said = text(value);
        let mut escaped = String::with_capacity(said.len());
        match self.dialect {
            Dialect::Plain => return self.raw(&said),
            // A backtick in it would end the code.
            Dialect::Markdown if self.in_code && !said.contains('`') => return self.raw(&said),
            Dialect::Html => escape::html(&said, &mut escaped),
            Dialect::Markdown => {
                // Whether a line starts here decides what is special.
                let line = self.text.rfind('\n').map_or(&*self.text, |newline| &self.text[newline + 1..]);
                if !line.trim().is_empty() {
                    escaped.push('x');
                }
                let lead = escaped.len();
                escape::markdown(&said, &mut escaped);
                escaped.drain(..lead);
            }
            Dialect::Json if self.quotes.inside() => escape::json(&said, &mut escaped),
            Dialect::Json => escaped = value.to_string(),
        }
        self.raw(&escaped)
    }

    /// Whether what comes next is the first on its line.
    pub(super) fn is_at_line_start(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Returns true if the place between two texts of one paragraph is in a code span (CommonMark §6.1): a run of backticks
/// before it has a run of the same length after it, and none before.
fn is_in_code(before: &str, after: &str) -> bool {
    let runs = |text: &str| {
        let mut runs = Vec::new();
        let mut at = 0;
        while let Some(start) = text[at..].find('`').map(|found| at + found) {
            let end = text[start..].find(|c| c != '`').map_or(text.len(), |length| start + length);
            runs.push((start, end - start));
            at = end;
        }
        runs
    };
    let (opened, closing) = (runs(before), runs(after));
    let mut index = 0;
    while let Some((start, mut length)) = opened.get(index).copied() {
        // The first of a run that was escaped is text.
        let slashes = before[..start].len() - before[..start].trim_end_matches('\\').len();
        length -= slashes % 2;
        match opened.iter().skip(index + 1).position(|(_, other)| *other == length) {
            _ if length == 0 => index += 1,
            Some(closed) => index += closed + 2,
            None if closing.iter().any(|(_, other)| *other == length) => return true,
            None => index += 1,
        }
    }
    false
}

/// Whether a place in JSON is inside a string.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::compile) struct Quotes {
    inside: bool,
    escaped: bool,
}

impl Quotes {
    pub(in crate::compile) fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside => self.escaped = true,
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }

    pub(in crate::compile) const fn inside(self) -> bool {
        self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_code_are_not_escaped() {
        for (before, after, expected) in [
            ("Use `", "` now", true),
            ("Use ``", "`` now", true),
            ("Use `", "`` now", false),
            ("Use `a` and ", "` now", false),
            ("Use `a` and `", "` now", true),
            ("5` ", " m", false),
            ("\\`", "`", false),
            ("\\\\`", "`", true),
            ("`` ` ", " ` ``", true),
            ("a", "`", false),
        ] {
            assert_eq!(is_in_code(before, after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn code_ends_with_its_paragraph() {
        let written = |before: &str, ahead: &str| {
            let mut page = Page::new(Dialect::Markdown);
            page.raw(before).ok().unwrap();
            page.look_ahead([ahead].into_iter());
            page.value(&Value::from("A_1*")).ok().unwrap();
            page.into_text()
        };
        assert_eq!(written("`", "`"), "`A_1*");
        assert_eq!(written("`x\n\n", "`"), "`x\n\nA\\_1\\*");
        assert_eq!(written("`", "\n\n`"), "`A\\_1\\*");
    }
}
