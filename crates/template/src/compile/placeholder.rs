//! Placeholders for dynamic values while a text passes through Handlebars, MJML, CSS and HTML. Each
//! is one character from the private-use planes of Unicode, so that no stage splits, escapes or
//! reorders it.

use message::escape::Escape;

use crate::expression::Expression;

/// The meaning of a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Placeholder {
    /// The value of an expression. With an escape, the value is escaped by it before the escaping
    /// of the surrounding text.
    Value(Expression, Option<Escape>),
    /// The start of a text that is rendered only if the expression is true.
    If(Expression),
    /// The start of a text that is repeated for each item of a list.
    Each(Expression),
    /// The start of the alternative of a [`Placeholder::If`] or [`Placeholder::Each`].
    Else,
    /// The end of a [`Placeholder::If`] or [`Placeholder::Each`].
    End,
    /// `message.body`, which is converted from Markdown to the format of the surrounding text.
    Body,
    /// The tracked link with this index.
    Click(usize),
    /// The URL of the tracking pixel.
    OpenPixel,
    /// The URL of the unsubscribe page.
    Unsubscribe,
    /// The time at which the delivery was due.
    Date,
    /// The contact as JSON.
    Contact,
}

/// The placeholders of one text.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    list: Vec<Placeholder>,
    /// The indices of the placeholders that are reused if they occur again; there are only a few.
    shared: Vec<usize>,
}

const FIRST_PLANE: u32 = 0xF_0000;
const PLANE_SIZE: u32 = 0xFFFE;
const SECOND_PLANE: u32 = 0x10_0000;

impl Placeholders {
    /// Adds a placeholder and returns its character; equal ones that carry no value share one.
    /// Returns U+FFFD once there are more than 131,068.
    pub(super) fn insert(&mut self, placeholder: Placeholder) -> char {
        let is_shared = !matches!(
            placeholder,
            Placeholder::Value(..) | Placeholder::If(_) | Placeholder::Each(_) | Placeholder::Click(_)
        );
        let known = || self.shared.iter().copied().find(|index| self.list.get(*index) == Some(&placeholder));
        let index = is_shared.then(known).flatten().unwrap_or_else(|| {
            let index = self.list.len();
            self.list.push(placeholder);
            if is_shared {
                self.shared.push(index);
            }
            index
        });
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let code = if index < PLANE_SIZE {
            FIRST_PLANE + index
        } else {
            SECOND_PLANE.saturating_add(index - PLANE_SIZE)
        };
        char::from_u32(code).filter(|c| is_placeholder(*c)).unwrap_or('\u{FFFD}')
    }

    /// Returns the placeholder that `c` stands for, if it is one.
    pub(super) fn get(&self, c: char) -> Option<&Placeholder> {
        let code = u32::from(c);
        let index = match code {
            SECOND_PLANE.. => code - SECOND_PLANE + PLANE_SIZE,
            FIRST_PLANE.. => code - FIRST_PLANE,
            _ => return None,
        };
        self.list.get(usize::try_from(index).ok()?)
    }

    /// Returns true if `c` marks the start, alternative or end of a block, and stands for no text
    /// itself.
    pub(super) fn is_block_mark(&self, c: char) -> bool {
        matches!(
            self.get(c),
            Some(Placeholder::If(_) | Placeholder::Each(_) | Placeholder::Else | Placeholder::End)
        )
    }

    /// Returns the text with `escape` set for every value in it that has no escape yet.
    pub(super) fn settle_escape(&mut self, text: &str, escape: Escape) -> String {
        let settled = text.chars().map(|c| match self.get(c) {
            Some(Placeholder::Value(of, None)) => {
                let of = of.clone();
                self.insert(Placeholder::Value(of, Some(escape)))
            }
            _ => c,
        });
        settled.collect()
    }
}

/// Returns true if `c` is in the range of the placeholder characters.
pub(super) fn is_placeholder(c: char) -> bool {
    matches!(u32::from(c), 0xF_0000..=0xF_FFFD | 0x10_0000..=0x10_FFFD)
}

/// Returns `text` without characters in the range of placeholders, which have no standard meaning.
pub(super) fn without_placeholders(text: &str) -> String {
    text.chars().filter(|c| !is_placeholder(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_distinct_and_marks_are_shared() {
        let mut placeholders = Placeholders::default();
        let value = || Placeholder::Value(Expression::Contact(vec![]), None);
        assert_ne!(placeholders.insert(value()), placeholders.insert(value()));
        let click = placeholders.insert(Placeholder::Click(3));
        assert_eq!(placeholders.insert(Placeholder::End), placeholders.insert(Placeholder::End));
        assert_eq!(placeholders.get(click), Some(&Placeholder::Click(3)));
        assert_eq!(placeholders.get('a'), None);
    }

    #[test]
    fn both_planes_are_used_and_then_the_replacement_character() {
        let mut placeholders = Placeholders::default();
        let last = (0..131_068)
            .map(|i| placeholders.insert(Placeholder::Value(Expression::Item(i, vec![]), None)))
            .last()
            .unwrap();
        assert_eq!(
            placeholders.get(last),
            Some(&Placeholder::Value(Expression::Item(131_067, vec![]), None))
        );
        assert_eq!(placeholders.insert(Placeholder::Value(Expression::Item(0, vec![]), None)), '\u{FFFD}');
    }
}
