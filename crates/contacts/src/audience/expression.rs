//! The text of a boolean expression over `contacts c` while it is put together, and its arguments.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use database::{Arg, ContactId, Dialect, InputError, Millis, StoreError};

/// The contacts that a statement looks at: those after one id up to another. Sets of a rule are read for these alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactRange {
    /// After this contact.
    pub after: i64,
    /// Up to this one.
    pub upto: i64,
}

impl ContactRange {
    /// Everybody.
    pub const ALL: Self = Self { after: 0, upto: ContactId::LAST.0 };

    /// Ranges of `size` ids that together have all up to `last`, at least one.
    pub fn cover(last: i64, size: i64) -> impl Iterator<Item = Self> {
        (0..last.max(1)).step_by(usize::try_from(size).unwrap_or(usize::MAX)).map(move |after| {
            let upto = if after + size >= last { Self::ALL.upto } else { after + size };
            Self { after, upto }
        })
    }

    /// One contact; nobody where there is no such id.
    #[must_use]
    pub fn one(contact: ContactId) -> Self {
        Self { after: contact.0.clamp(1, Self::ALL.upto + 1) - 1, upto: contact.0.clamp(0, Self::ALL.upto) }
    }
}

/// An expression under construction. Its text is made of fixed fragments and placeholders; every name and
/// value of a file is an argument.
#[derive(Debug)]
pub struct Expression<'a> {
    pub(super) dialect: Dialect,
    pub(super) audiences: &'a BTreeMap<AudienceId, Audience>,
    pub(super) now: Millis,
    args: Vec<Arg>,
    /// The placeholders of the range.
    pub(super) after: String,
    pub(super) upto: String,
    pub(super) rules: usize,
    pub(super) depth: usize,
}

impl<'a> Expression<'a> {
    /// Placeholders go on after those of `args`.
    pub fn new(
        dialect: Dialect,
        audiences: &'a BTreeMap<AudienceId, Audience>,
        now: Millis,
        range: ContactRange,
        args: Vec<Arg>,
    ) -> Self {
        let (after, upto) = (String::new(), String::new());
        let mut new = Self { dialect, audiences, now, args, after, upto, rules: 0, depth: 0 };
        new.after = new.bind(range.after);
        new.upto = new.bind(range.upto);
        new
    }

    /// All values, in the order of their placeholders.
    #[must_use]
    pub fn args(self) -> Vec<Arg> {
        self.args
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A placeholder for a value.
    pub(super) fn bind(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        let placeholder = format!("${}", self.args.len());
        // PostgreSQL has no other way to know what an operator is given.
        match self.args.last() {
            Some(Arg::Int(_)) => format!("cast({placeholder} as bigint)"),
            Some(Arg::Real(_)) => format!("cast({placeholder} as double precision)"),
            _ => format!("cast({placeholder} as text)"),
        }
    }

    /// A placeholder for a text of a file.
    pub(super) fn bind_text(&mut self, text: &str) -> Result<String, StoreError> {
        if text.contains('\0') {
            return Err(InputError::AudienceNul(text.to_owned()).into());
        }
        Ok(self.bind(text))
    }
}

/// Texts to be joined by one word.
pub(super) struct Terms(pub(super) Vec<String>);

impl Terms {
    /// All of them joined as a balanced tree, because SQLite bounds the depth of an expression;
    /// `empty` when there are none.
    pub(super) fn join(self, word: &str, empty: &str) -> String {
        fn tree(terms: &[String], word: &str, text: &mut String) {
            if let [term] = terms {
                text.push_str(term);
                return;
            }
            let (left, right) = terms.split_at(terms.len() / 2);
            text.push('(');
            tree(left, word, text);
            text.push(' ');
            text.push_str(word);
            text.push(' ');
            tree(right, word, text);
            text.push(')');
        }
        if self.0.is_empty() {
            return format!("({empty})");
        }
        let mut text = String::new();
        tree(&self.0, word, &mut text);
        text
    }
}
