//! The split of a text with placeholders into pieces.

use std::iter::Peekable;
use std::str::CharIndices;

use message::escape::Escape;

use super::evaluate::JsonStringState;
use super::placeholder::{Placeholder, Placeholders};
use crate::piece::{Piece, Pieces, Quote};

/// The error of a block that is not closed where it was opened, such as one with an end in a
/// removed tag or comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// Splits `text` into pieces. Values are escaped by `escape`, and in JSON also for the string that
/// they are in.
pub(super) fn split(
    text: &str,
    placeholders: &Placeholders,
    escape: Escape,
    json: bool,
) -> Result<Pieces, Unbalanced> {
    let mut split = Split {
        text,
        placeholders,
        escape,
        json_state: json.then(JsonStringState::default),
        chars: text.char_indices().peekable(),
    };
    let (pieces, end) = split.run(0)?;
    if end == BlockEnd::None { Ok(pieces) } else { Err(Unbalanced) }
}

struct Split<'a> {
    text: &'a str,
    placeholders: &'a Placeholders,
    escape: Escape,
    json_state: Option<JsonStringState>,
    chars: Peekable<CharIndices<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
enum BlockEnd {
    None,
    Else,
    End,
}

impl Split<'_> {
    /// Reads pieces up to the end of the block, and returns them with the mark that ended it.
    fn run(&mut self, depth: usize) -> Result<(Pieces, BlockEnd), Unbalanced> {
        if depth > 512 {
            return Err(Unbalanced);
        }
        let mut pieces = Vec::new();
        let mut start = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        while let Some((at, c)) = self.chars.next() {
            let Some(placeholder) = self.placeholders.get(c) else { continue };
            self.constant(start, at, &mut pieces);
            start = at + c.len_utf8();
            match placeholder {
                Placeholder::Else => return Ok((pieces, BlockEnd::Else)),
                Placeholder::End => return Ok((pieces, BlockEnd::End)),
                Placeholder::If(_) | Placeholder::Each(_) => {
                    pieces.push(self.block(placeholder, depth)?);
                    start = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
                }
                other => pieces.extend(self.piece(other)),
            }
        }
        self.constant(start, self.text.len(), &mut pieces);
        Ok((pieces, BlockEnd::None))
    }

    fn block(&mut self, placeholder: &Placeholder, depth: usize) -> Result<Piece, Unbalanced> {
        let (inside, end) = self.run(depth + 1)?;
        let otherwise = match end {
            BlockEnd::End => Vec::new(),
            BlockEnd::Else => match self.run(depth + 1)? {
                (otherwise, BlockEnd::End) => otherwise,
                _ => return Err(Unbalanced),
            },
            _ => return Err(Unbalanced),
        };
        match placeholder {
            Placeholder::If(test) => Ok(Piece::If { test: test.clone(), then: inside, otherwise }),
            Placeholder::Each(over) => Ok(Piece::Each { over: over.clone(), body: inside, otherwise }),
            _ => Err(Unbalanced),
        }
    }

    fn constant(&mut self, start: usize, end: usize, pieces: &mut Pieces) {
        let text = &self.text[start..end];
        if text.is_empty() {
            return;
        }
        if let Some(json_state) = &mut self.json_state {
            json_state.feed(text);
        }
        pieces.push(Piece::Text(text.to_owned()));
    }

    fn piece(&self, placeholder: &Placeholder) -> Option<Piece> {
        let quote = match self.json_state {
            None => Quote::None,
            Some(json_state) if json_state.is_inside() => Quote::String,
            Some(_) => Quote::Value,
        };
        Some(match placeholder {
            Placeholder::Value(of, escape) => {
                Piece::Value { of: of.clone(), escape: escape.unwrap_or(self.escape), quote }
            }
            Placeholder::Click(position) => Piece::Click(*position),
            Placeholder::OpenPixel => Piece::Open,
            Placeholder::Unsubscribe => Piece::Unsubscribe,
            Placeholder::Date => Piece::Date,
            Placeholder::Contact => Piece::Contact,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Expression;

    fn contact(name: &str) -> Expression {
        Expression::Contact(vec![name.into()])
    }

    #[test]
    fn blocks_become_a_tree() {
        let mut placeholders = Placeholders::default();
        let test = placeholders.insert(Placeholder::If(contact("a")));
        let value = placeholders.insert(Placeholder::Value(contact("b"), None));
        let (other, end) = (placeholders.insert(Placeholder::Else), placeholders.insert(Placeholder::End));
        let text = format!("x{test}y{value}{other}z{end}!");
        let pieces = split(&text, &placeholders, Escape::Html, false).unwrap();
        let inner = Piece::Value { of: contact("b"), escape: Escape::Html, quote: Quote::None };
        let block = Piece::If {
            test: contact("a"),
            then: vec![Piece::Text("y".into()), inner],
            otherwise: vec![Piece::Text("z".into())],
        };
        assert_eq!(pieces, [Piece::Text("x".into()), block, Piece::Text("!".into())]);
        for bad in
            [format!("{test}"), format!("{end}"), format!("{test}{other}{other}{end}"), format!("{other}")]
        {
            assert_eq!(split(&bad, &placeholders, Escape::Html, false), Err(Unbalanced), "{bad:?}");
        }
    }

    #[test]
    fn values_inside_json_strings_are_recognized() {
        let mut placeholders = Placeholders::default();
        let (inside, outside) = (
            placeholders.insert(Placeholder::Value(contact("a"), None)),
            placeholders.insert(Placeholder::Value(contact("b"), None)),
        );
        let text = format!("{{\"a\\\"{inside}\": {outside}}}");
        let quotes: Vec<_> = split(&text, &placeholders, Escape::Text, true)
            .unwrap()
            .into_iter()
            .filter_map(|piece| if let Piece::Value { quote, .. } = piece { Some(quote) } else { None })
            .collect();
        assert_eq!(quotes, [Quote::String, Quote::Value]);
    }
}
