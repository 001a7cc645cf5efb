//! Compiled texts: constant text, and pieces that are evaluated for each recipient.

use message::escape::Escape;

use crate::expression::Expression;

/// A sequence of pieces, which are rendered one after the other.
pub(crate) type Pieces = Vec<Piece>;

/// A part of a compiled text.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Piece {
    /// Text that is the same for all recipients.
    Text(String),
    /// The value of an expression.
    Value {
        /// The expression to evaluate.
        of: Expression,
        /// The escaping for the format of the surrounding text.
        escape: Escape,
        /// The additional quoting for JSON, if the text is in JSON.
        quote: Quote,
    },
    /// One of two texts, by a condition.
    If {
        /// The condition, which is true as in `{{#if}}`.
        test: Expression,
        /// The pieces to render if the condition is true.
        then: Pieces,
        /// The pieces to render if the condition is false.
        otherwise: Pieces,
    },
    /// A text that is repeated for each item of a list.
    Each {
        /// The list to iterate over.
        over: Expression,
        /// The pieces to render for each item.
        body: Pieces,
        /// The pieces to render if the list is empty.
        otherwise: Pieces,
    },
    /// The URL of the tracked link with this index in [`Compiled::links`](crate::Compiled::links).
    Click(usize),
    /// The URL of the tracking pixel, which records an open.
    Open,
    /// The URL of the unsubscribe page.
    Unsubscribe,
    /// The time at which the delivery was due, in RFC 3339.
    Date,
    /// The contact's addresses as a JSON object, or `null` for a feed.
    Contact,
}

/// The position of a value in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quote {
    /// The text is not JSON.
    None,
    /// The value is inside a JSON string.
    String,
    /// The value is a JSON value itself: numbers stay numbers, a text is quoted, a missing value is
    /// `null`.
    Value,
}
