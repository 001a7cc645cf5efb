//! Places left open while a text goes through Handlebars, MJML, CSS and HTML: one character each, from the
//! planes that Unicode keeps for private use, so that nothing on the way splits, escapes or reorders them.

use message::escape::Escape;

use crate::expression::Expression;

/// What belongs in an open place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hole {
    /// A value of the contact; with an escape, that one comes before the one of the text around it.
    Value(Expression, Option<Escape>),
    /// Here begins what only some get.
    If(Expression),
    /// Here begins what is repeated.
    Each(Expression),
    /// Here begins the other side of an [`Hole::If`] or [`Hole::Each`].
    Else,
    /// Here it ends.
    End,
    /// `message.body`, made of Markdown, in the language of the text around it.
    Body,
    /// The link with this position.
    Click(usize),
    /// The pixel.
    Open,
    /// The address to unsubscribe at.
    Unsubscribe,
    /// When the delivery fell due.
    Date,
    /// Whom it is for.
    Contact,
}

/// The open places of one text.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    list: Vec<Hole>,
    /// Where those are that are always the same: a handful, found again.
    same: Vec<usize>,
}

const FIRST: u32 = 0xF_0000;
const PLANE: u32 = 0xFFFE;
const SECOND: u32 = 0x10_0000;

impl Holes {
    /// The character that stands for `hole`. After 131,068 of them, none: U+FFFD.
    pub(super) fn put(&mut self, hole: Hole) -> char {
        let is_same = !matches!(hole, Hole::Value(..) | Hole::If(_) | Hole::Each(_) | Hole::Click(_));
        let known = || self.same.iter().copied().find(|index| self.list.get(*index) == Some(&hole));
        let index = is_same.then(known).flatten().unwrap_or_else(|| {
            let index = self.list.len();
            self.list.push(hole);
            if is_same {
                self.same.push(index);
            }
            index
        });
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let code = if index < PLANE { FIRST + index } else { SECOND.saturating_add(index - PLANE) };
        char::from_u32(code).filter(|c| is_hole(*c)).unwrap_or('\u{FFFD}')
    }

    /// What `c` stands for, if anything.
    pub(super) fn get(&self, c: char) -> Option<&Hole> {
        let code = u32::from(c);
        let index = match code {
            SECOND.. => code - SECOND + PLANE,
            FIRST.. => code - FIRST,
            _ => return None,
        };
        self.list.get(usize::try_from(index).ok()?)
    }

    /// Whether `c` begins, divides or ends what only some get: it stands between things, not for one.
    pub(super) fn is_mark(&self, c: char) -> bool {
        matches!(self.get(c), Some(Hole::If(_) | Hole::Each(_) | Hole::Else | Hole::End))
    }

    /// The same text with `escape` settled for every value in it.
    pub(super) fn settle(&mut self, text: &str, escape: Escape) -> String {
        let settled = text.chars().map(|c| match self.get(c) {
            Some(Hole::Value(of, None)) => {
                let of = of.clone();
                self.put(Hole::Value(of, Some(escape)))
            }
            _ => c,
        });
        settled.collect()
    }
}

/// Whether `c` is one of the characters that stand for open places.
pub(super) fn is_hole(c: char) -> bool {
    matches!(u32::from(c), 0xF_0000..=0xF_FFFD | 0x10_0000..=0x10_FFFD)
}

/// `text` without characters that could be taken for open places. They have no meaning of their own.
pub(super) fn without_holes(text: &str) -> String {
    text.chars().filter(|c| !is_hole(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_value_its_own() {
        let mut holes = Holes::default();
        let value = || Hole::Value(Expression::Contact(vec![]), None);
        assert_ne!(holes.put(value()), holes.put(value()));
        let click = holes.put(Hole::Click(3));
        assert_eq!(holes.put(Hole::End), holes.put(Hole::End));
        assert_eq!(holes.get(click), Some(&Hole::Click(3)));
        assert_eq!(holes.get('a'), None);
    }

    #[test]
    fn counts_through_both_planes_and_then_gives_up() {
        let mut holes = Holes::default();
        let last =
            (0..131_068).map(|i| holes.put(Hole::Value(Expression::Item(i, vec![]), None))).last().unwrap();
        assert_eq!(holes.get(last), Some(&Hole::Value(Expression::Item(131_067, vec![]), None)));
        assert_eq!(holes.put(Hole::Value(Expression::Item(0, vec![]), None)), '\u{FFFD}');
    }
}
