//! Rendering of compiled pieces for one recipient, in one pass.

use std::borrow::Cow;

use jiff::Timestamp;
use message::escape::{self, Escape};
use message::{LinkPrefixes, Person, RenderError};
use serde_json::{Value, json};

use crate::expression::{EvalContext, is_true, text};
use crate::piece::{Piece, Quote};

/// A writer that renders pieces with the values of one recipient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PieceWriter<'a> {
    person: Option<&'a Person>,
    prefixes: &'a LinkPrefixes,
    token: &'a str,
    date: Timestamp,
}

/// The maximum length of a rendered text, in bytes.
const MAX_TEXT: usize = 2 << 20;

/// The maximum number of items of a list that are rendered; the rest is left out.
const MAX_ITEMS: usize = 10_000;

impl<'a> PieceWriter<'a> {
    pub(crate) const fn new(
        person: Option<&'a Person>,
        prefixes: &'a LinkPrefixes,
        token: &'a str,
        date: Timestamp,
    ) -> Self {
        Self { person, prefixes, token, date }
    }

    /// Renders pieces as text. Fails if the text is longer than [`MAX_TEXT`].
    pub(crate) fn write(&self, pieces: &[Piece]) -> Result<String, RenderError> {
        let constant = pieces.iter().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 64 });
        let mut out = String::with_capacity(constant.sum());
        self.pieces(pieces, &mut EvalContext::new(self.person), &mut out)?;
        Ok(out)
    }

    fn pieces(
        &self,
        pieces: &[Piece],
        context: &mut EvalContext<'a>,
        out: &mut String,
    ) -> Result<(), RenderError> {
        for piece in pieces {
            self.piece(piece, context, out)?;
            if out.len() > MAX_TEXT {
                return Err(RenderError("it is longer than 2 MiB".to_owned()));
            }
        }
        Ok(())
    }

    fn piece(
        &self,
        piece: &Piece,
        context: &mut EvalContext<'a>,
        out: &mut String,
    ) -> Result<(), RenderError> {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Value { of, escape, quote } => value(&context.value(of), *escape, *quote, out),
            Piece::If { test, then, otherwise } => {
                let holds = is_true(&context.value(test));
                self.pieces(if holds { then } else { otherwise }, context, out)?;
            }
            Piece::Each { over, body, otherwise } => {
                let items = match context.value(over).into_owned() {
                    Value::Array(items) => items,
                    _ => Vec::new(),
                };
                if items.is_empty() {
                    self.pieces(otherwise, context, out)?;
                }
                let last = items.len().saturating_sub(1);
                for (index, item) in items.into_iter().enumerate().take(MAX_ITEMS) {
                    context.enter(Cow::Owned(item), index, index == last);
                    self.pieces(body, context, out)?;
                    context.leave();
                }
            }
            Piece::Click(position) => self.link(self.prefixes.click.get(*position), out),
            Piece::Open => self.link(Some(&self.prefixes.open), out),
            Piece::Unsubscribe => self.link(Some(&self.prefixes.unsubscribe), out),
            Piece::Date => out.push_str(&self.date.to_string()),
            Piece::Contact => out.push_str(&self.contact().to_string()),
        }
        Ok(())
    }

    fn link(&self, start: Option<&String>, out: &mut String) {
        out.push_str(start.map_or("", String::as_str));
        out.push_str(self.token);
    }

    /// Returns the contact of a post as JSON: its fields, without its attributes; null for a feed.
    fn contact(&self) -> Value {
        self.person.map_or(Value::Null, |person| {
            json!({
                "email": person.email,
                "phone": person.phone,
                "external_id": person.external_id,
                "language": person.language,
                "timezone": person.timezone,
            })
        })
    }
}

fn value(value: &Value, escape: Escape, quote: Quote, out: &mut String) {
    if quote == Quote::Value && !value.is_string() {
        out.push_str(&value.to_string());
        return;
    }
    let text = text(value);
    let text = escape::clean(&text, escape == Escape::Header);
    if quote == Quote::None {
        escape::escaped(escape, &text, out);
        return;
    }
    let mut inside = String::with_capacity(text.len() + 8);
    escape::escaped(escape, &text, &mut inside);
    let mark = if quote == Quote::Value { "\"" } else { "" };
    out.push_str(mark);
    escape::json(&inside, out);
    out.push_str(mark);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{Expression, Position};

    fn written(pieces: &[Piece], attributes: Value) -> String {
        let prefixes = LinkPrefixes {
            click: vec!["https://t.example/c/1.".into()],
            open: "https://t.example/o/".into(),
            unsubscribe: "https://t.example/u/".into(),
        };
        let Value::Object(attributes) = attributes else { panic!() };
        let person = Person { attributes, ..Person::default() };
        PieceWriter::new(Some(&person), &prefixes, "tok", Timestamp::UNIX_EPOCH).write(pieces).unwrap()
    }

    fn contact(name: &str) -> Expression {
        Expression::Contact(vec![name.into()])
    }

    #[test]
    fn links_are_rendered() {
        let pieces = [Piece::Click(0), Piece::Text(" ".into()), Piece::Open, Piece::Unsubscribe, Piece::Date];
        assert_eq!(
            written(&pieces, json!({})),
            "https://t.example/c/1.tok https://t.example/o/tokhttps://t.example/u/tok1970-01-01T00:00:00Z"
        );
    }

    #[test]
    fn escapes_for_where_it_stands() {
        let with = |escape, quote, value: Value| {
            written(&[Piece::Value { of: contact("x"), escape, quote }], json!({ "x": value }))
        };
        assert_eq!(with(Escape::Html, Quote::None, json!("<b>\r\n\0")), "&lt;b&gt;\n");
        assert_eq!(with(Escape::Header, Quote::None, json!("a\r\nBcc: b")), "a  Bcc: b");
        assert_eq!(
            with(Escape::Html, Quote::String, json!("\"<")),
            "&quot;\\u003c".replace("\\u003c", "&lt;")
        );
        assert_eq!(with(Escape::Text, Quote::String, json!("a\"\n")), "a\\\"\\n");
        assert_eq!(
            with(Escape::Text, Quote::Value, json!("1, \"admin\": true")),
            "\"1, \\\"admin\\\": true\""
        );
        assert_eq!(with(Escape::Text, Quote::Value, json!(7)), "7");
        assert_eq!(with(Escape::Text, Quote::Value, json!(null)), "null");
        assert_eq!(with(Escape::Markdown, Quote::None, json!("*a*")), "\\*a\\*");
    }

    #[test]
    fn lists_are_repeated_with_their_position() {
        let value = |of| Piece::Value { of, escape: Escape::Text, quote: Quote::None };
        let body = vec![
            value(Expression::Position(0, Position::Index)),
            value(Expression::Item(0, vec!["n".into()])),
            value(Expression::Position(0, Position::Last)),
        ];
        let each = [Piece::Each { over: contact("pets"), body, otherwise: vec![Piece::Text("none".into())] }];
        assert_eq!(written(&each, json!({"pets": [{"n": "a"}, {"n": "b"}]})), "0afalse1btrue");
        assert_eq!(written(&each, json!({"pets": "text"})), "none");
    }
}
