//! The output buffer of a template, which escapes values for its format and limits the output's
//! length.

use message::escape;
use serde_json::Value;

use crate::expression::text;

/// The format of a template's text, which determines how constants are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compile) enum TextFormat {
    /// Plain text without escaping: subjects, `email.txt`.
    Plain,
    /// HTML or MJML, with entities.
    Html,
    /// CommonMark, escaped with backslashes.
    Markdown,
    /// JSON, with values quoted outside of strings.
    Json,
}

/// The maximum length of a template's output, in bytes.
pub(in crate::compile) const MAX_OUTPUT: usize = 2 << 20;

/// The output of a template so far.
#[derive(Debug)]
pub(super) struct OutputBuffer {
    format: TextFormat,
    text: String,
    json_state: JsonStringState,
    /// True if the next value is inside a code span of Markdown, where nothing is escaped.
    in_code: bool,
}

/// The error of an output that would be longer than [`MAX_OUTPUT`].
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputTooLong;

impl OutputBuffer {
    pub(super) fn new(format: TextFormat) -> Self {
        Self { format, text: String::new(), json_state: JsonStringState::default(), in_code: false }
    }

    /// Returns an empty buffer that continues this one: inside the same JSON string, if it is in
    /// one.
    pub(super) fn continued(&self) -> Self {
        Self { json_state: self.json_state, ..Self::new(self.format) }
    }

    /// Appends text without escaping.
    pub(super) fn push_raw(&mut self, text: &str) -> Result<(), OutputTooLong> {
        if self.text.len() + text.len() > MAX_OUTPUT {
            return Err(OutputTooLong);
        }
        if self.format == TextFormat::Json {
            self.json_state.feed(text);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Checks if the next value is inside a code span that ends in `ahead`, the template's text
    /// after it.
    pub(super) fn look_ahead<'t>(&mut self, ahead: impl Iterator<Item = &'t str>) {
        self.in_code = false;
        if self.format != TextFormat::Markdown {
            return;
        }
        let paragraph = self.text.rfind("\n\n").map_or(&*self.text, |end| &self.text[end..]);
        if paragraph.contains('`') {
            let ahead: String = ahead.collect();
            self.in_code = is_in_code(paragraph, ahead.split("\n\n").next().unwrap_or_default());
        }
    }

    /// Appends a value, escaped for the format.
    pub(super) fn push_value(&mut self, value: &Value) -> Result<(), OutputTooLong> {
        let plain = text(value);
        let mut escaped = String::with_capacity(plain.len());
        match self.format {
            TextFormat::Plain => return self.push_raw(&plain),
            // A backtick in the value would end the code span.
            TextFormat::Markdown if self.in_code && !plain.contains('`') => return self.push_raw(&plain),
            TextFormat::Html => escape::html(&plain, &mut escaped),
            TextFormat::Markdown => {
                // More characters are special at the start of a line.
                let line = self.text.rfind('\n').map_or(&*self.text, |newline| &self.text[newline + 1..]);
                if !line.trim().is_empty() {
                    escaped.push('x');
                }
                let lead = escaped.len();
                escape::markdown(&plain, &mut escaped);
                escaped.drain(..lead);
            }
            TextFormat::Json if self.json_state.is_inside() => escape::json(&plain, &mut escaped),
            TextFormat::Json => escaped = value.to_string(),
        }
        self.push_raw(&escaped)
    }

    /// Returns true at the start of a line.
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

/// Returns true if the place between two texts of one paragraph is in a code span (CommonMark
/// §6.1): a run of backticks before it has a run of the same length after it, and none before it.
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
        // The first backtick of an escaped run is text.
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

/// The state that says if a place in JSON is inside a string.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::compile) struct JsonStringState {
    inside: bool,
    escaped: bool,
}

impl JsonStringState {
    pub(in crate::compile) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside => self.escaped = true,
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }

    pub(in crate::compile) const fn is_inside(self) -> bool {
        self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_are_recognized() {
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
    fn values_are_escaped_outside_code_spans_of_the_paragraph() {
        let written = |before: &str, ahead: &str| {
            let mut output = OutputBuffer::new(TextFormat::Markdown);
            output.push_raw(before).ok().unwrap();
            output.look_ahead([ahead].into_iter());
            output.push_value(&Value::from("A_1*")).ok().unwrap();
            output.into_text()
        };
        assert_eq!(written("`", "`"), "`A_1*");
        assert_eq!(written("`x\n\n", "`"), "`x\n\nA\\_1\\*");
        assert_eq!(written("`", "\n\n`"), "`A\\_1\\*");
    }
}
