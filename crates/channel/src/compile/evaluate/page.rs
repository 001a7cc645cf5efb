//! Where a template writes: text in one language, with limits.

use serde_json::Value;

use crate::expression::text;
use crate::piece;

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
}

/// The output would be longer than [`MAX_OUTPUT`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Full;

impl Page {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, text: String::new(), quotes: Quotes::default() }
    }

    /// An empty page that goes on where this one is: inside the same JSON string, if in one.
    pub(super) fn continued(&self) -> Self {
        Self { dialect: self.dialect, text: String::new(), quotes: self.quotes }
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

    /// Writes a value as the language needs it.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), Full> {
        let said = text(value);
        let mut escaped = String::with_capacity(said.len());
        match self.dialect {
            Dialect::Plain => return self.raw(&said),
            Dialect::Html => piece::html(&said, &mut escaped),
            Dialect::Markdown => {
                // Whether a line starts here decides what is special.
                let line = self.text.rfind('\n').map_or(&*self.text, |newline| &self.text[newline + 1..]);
                if !line.trim().is_empty() {
                    escaped.push('x');
                }
                let lead = escaped.len();
                piece::markdown(&said, &mut escaped);
                escaped.drain(..lead);
            }
            Dialect::Json if self.quotes.inside() => piece::json(&said, &mut escaped),
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
