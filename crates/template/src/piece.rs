//! A text with parts left open: what is stored of a template, and written out for each recipient.

use message::escape::Escape;

use crate::expression::Expression;

/// A run of pieces; written one after the other.
pub(crate) type Pieces = Vec<Piece>;

/// A part of a compiled text.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Piece {
    /// The same for everybody.
    Text(String),
    /// A value of the contact.
    Value {
        /// Which.
        of: Expression,
        /// The language of the text around it.
        escape: Escape,
        /// The JSON around that, if any.
        quote: Quote,
    },
    /// One text or the other.
    If {
        /// What decides.
        test: Expression,
        /// When it is true.
        then: Pieces,
        /// When it is not.
        otherwise: Pieces,
    },
    /// The same for each item of a list.
    Each {
        /// The list.
        over: Expression,
        /// For each item.
        body: Pieces,
        /// When there is none.
        otherwise: Pieces,
    },
    /// The tracked link with this position.
    Click(usize),
    /// The pixel's address.
    Open,
    /// The address to unsubscribe at.
    Unsubscribe,
    /// When the delivery fell due, RFC 3339.
    Date,
    /// Whom it is for, as a JSON object, or `null`.
    Contact,
}

/// Where in JSON a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quote {
    /// Not in JSON.
    None,
    /// Between quotes.
    String,
    /// By itself: a number stays a number, a text gets quotes, nothing is `null`.
    Value,
}
