//! Takes a text with open places apart into pieces.

use std::iter::Peekable;
use std::str::CharIndices;

use message::escape::Escape;

use super::evaluate::Quotes;
use super::hole::{Hole, Holes};
use crate::piece::{Piece, Pieces, Quote};

/// A block begins where it does not end, such as inside a tag or comment that was taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// The pieces of `text`. Values are escaped by `escape`; in JSON also for the string they are in.
pub(super) fn split(text: &str, holes: &Holes, escape: Escape, json: bool) -> Result<Pieces, Unbalanced> {
    let mut split = Split {
        text,
        holes,
        escape,
        quotes: json.then(Quotes::default),
        chars: text.char_indices().peekable(),
    };
    let (pieces, end) = split.run(0)?;
    if end == Mark::None { Ok(pieces) } else { Err(Unbalanced) }
}

struct Split<'a> {
    text: &'a str,
    holes: &'a Holes,
    escape: Escape,
    quotes: Option<Quotes>,
    chars: Peekable<CharIndices<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Mark {
    None,
    Else,
    End,
}

impl Split<'_> {
    /// Pieces up to the end of the block, and how it ended.
    fn run(&mut self, depth: usize) -> Result<(Pieces, Mark), Unbalanced> {
        if depth > 512 {
            return Err(Unbalanced);
        }
        let mut pieces = Vec::new();
        let mut start = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        while let Some((at, c)) = self.chars.next() {
            let Some(hole) = self.holes.get(c) else { continue };
            self.constant(start, at, &mut pieces);
            start = at + c.len_utf8();
            match hole {
                Hole::Else => return Ok((pieces, Mark::Else)),
                Hole::End => return Ok((pieces, Mark::End)),
                Hole::If(_) | Hole::Each(_) => {
                    pieces.push(self.block(hole, depth)?);
                    start = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
                }
                other => pieces.extend(self.piece(other)),
            }
        }
        self.constant(start, self.text.len(), &mut pieces);
        Ok((pieces, Mark::None))
    }

    fn block(&mut self, hole: &Hole, depth: usize) -> Result<Piece, Unbalanced> {
        let (inside, end) = self.run(depth + 1)?;
        let otherwise = match end {
            Mark::End => Vec::new(),
            Mark::Else => match self.run(depth + 1)? {
                (otherwise, Mark::End) => otherwise,
                _ => return Err(Unbalanced),
            },
            _ => return Err(Unbalanced),
        };
        match hole {
            Hole::If(test) => Ok(Piece::If { test: test.clone(), then: inside, otherwise }),
            Hole::Each(over) => Ok(Piece::Each { over: over.clone(), body: inside, otherwise }),
            _ => Err(Unbalanced),
        }
    }

    fn constant(&mut self, start: usize, end: usize, pieces: &mut Pieces) {
        let text = &self.text[start..end];
        if text.is_empty() {
            return;
        }
        if let Some(quotes) = &mut self.quotes {
            quotes.read(text);
        }
        pieces.push(Piece::Text(text.to_owned()));
    }

    fn piece(&self, hole: &Hole) -> Option<Piece> {
        let quote = match self.quotes {
            None => Quote::None,
            Some(quotes) if quotes.inside() => Quote::String,
            Some(_) => Quote::Value,
        };
        Some(match hole {
            Hole::Value(of, escape) => {
                Piece::Value { of: of.clone(), escape: escape.unwrap_or(self.escape), quote }
            }
            Hole::Click(position) => Piece::Click(*position),
            Hole::Open => Piece::Open,
            Hole::Unsubscribe => Piece::Unsubscribe,
            Hole::Date => Piece::Date,
            Hole::Contact => Piece::Contact,
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
    fn makes_a_tree() {
        let mut holes = Holes::default();
        let test = holes.put(Hole::If(contact("a")));
        let value = holes.put(Hole::Value(contact("b"), None));
        let (other, end) = (holes.put(Hole::Else), holes.put(Hole::End));
        let text = format!("x{test}y{value}{other}z{end}!");
        let pieces = split(&text, &holes, Escape::Html, false).unwrap();
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
            assert_eq!(split(&bad, &holes, Escape::Html, false), Err(Unbalanced), "{bad:?}");
        }
    }

    #[test]
    fn knows_where_json_is_quoted() {
        let mut holes = Holes::default();
        let (inside, outside) =
            (holes.put(Hole::Value(contact("a"), None)), holes.put(Hole::Value(contact("b"), None)));
        let text = format!("{{\"a\\\"{inside}\": {outside}}}");
        let quotes: Vec<_> = split(&text, &holes, Escape::Text, true)
            .unwrap()
            .into_iter()
            .filter_map(|piece| if let Piece::Value { quote, .. } = piece { Some(quote) } else { None })
            .collect();
        assert_eq!(quotes, [Quote::String, Quote::Value]);
    }
}
