//! An SQL expression under construction, with its arguments.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use database::{Arg, ContactId, InputError, Millis, SqlDialect, StoreError};

/// A range of contact ids. A statement evaluates an audience for the contacts in it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactRange {
    /// The id before the range (exclusive).
    pub after: i64,
    /// The last id of the range (inclusive).
    pub upto: i64,
}

impl ContactRange {
    /// The range of all contacts.
    pub const ALL: Self = Self { after: 0, upto: ContactId::MAX.0 };

    /// Splits the ids up to `last` into ranges of `size` ids; returns at least one range.
    pub fn cover(last: i64, size: i64) -> impl Iterator<Item = Self> {
        (0..last.max(1)).step_by(usize::try_from(size).unwrap_or(usize::MAX)).map(move |after| {
            let upto = if after + size >= last { Self::ALL.upto } else { after + size };
            Self { after, upto }
        })
    }

    /// The range of one contact; empty where no contact can have that id.
    #[must_use]
    pub fn one(contact: ContactId) -> Self {
        Self { after: contact.0.clamp(1, Self::ALL.upto + 1) - 1, upto: contact.0.clamp(0, Self::ALL.upto) }
    }
}

/// A boolean SQL expression over `contacts c` under construction. Its text consists of fixed
/// fragments and placeholders; every name and value of a file is an argument.
#[derive(Debug)]
pub struct Expression<'a> {
    pub(super) dialect: SqlDialect,
    pub(super) audiences: &'a BTreeMap<AudienceId, Audience>,
    pub(super) now: Millis,
    args: Vec<Arg>,
    /// The placeholder of the range's lower bound.
    pub(super) after: String,
    pub(super) upto: String,
    pub(super) rules: usize,
    pub(super) depth: usize,
}

impl<'a> Expression<'a> {
    /// Creates an empty expression whose placeholders continue after those of `args`.
    pub fn new(
        dialect: SqlDialect,
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

    /// Returns all arguments, in the order of their placeholders.
    #[must_use]
    pub fn args(self) -> Vec<Arg> {
        self.args
    }

    pub(super) fn dialect(&self) -> SqlDialect {
        self.dialect
    }

    /// Adds an argument and returns its placeholder.
    pub(super) fn bind(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        let placeholder = format!("${}", self.args.len());
        // PostgreSQL cannot infer the type of an operator's argument without the cast.
        match self.args.last() {
            Some(Arg::Int(_)) => format!("cast({placeholder} as bigint)"),
            Some(Arg::Real(_)) => format!("cast({placeholder} as double precision)"),
            _ => format!("cast({placeholder} as text)"),
        }
    }

    /// Adds a text from a file as an argument and returns its placeholder.
    pub(super) fn bind_text(&mut self, text: &str) -> Result<String, StoreError> {
        if text.contains('\0') {
            return Err(InputError::AudienceNul(text.to_owned()).into());
        }
        Ok(self.bind(text))
    }
}

/// Boolean terms to join by one operator.
pub(super) struct Terms(pub(super) Vec<String>);

impl Terms {
    /// Joins the terms as a balanced tree, because SQLite limits the depth of an expression;
    /// returns `empty` when there are none.
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
