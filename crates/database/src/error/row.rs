//! Rows that cannot be read.

use std::error::Error;

/// A row that holds what this version does not know, or lacks what it needs.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A column whose value cannot be read.
    #[error("column {column}: {error}")]
    Column {
        /// Its name or position.
        column: String,
        /// The reason.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// A row without the columns that a statement reads.
    #[error("{0}")]
    Shape(#[source] Box<dyn Error + Send + Sync>),
    /// A word that names no state, kind or reason.
    #[error("{word:?} is no {kind} that this version knows")]
    UnknownWord {
        /// The type that the word should name a value of.
        kind: &'static str,
        /// The word.
        word: String,
    },
    /// A text that is not the JSON that it should be.
    #[error("{problem}: {error}")]
    Json {
        /// The value and that it cannot be read, as a clause.
        problem: String,
        /// The reason.
        #[source]
        error: serde_json::Error,
    },
    /// A row that was written or found a moment before.
    #[error("the {entity} {key} is gone")]
    Gone {
        /// The kind of row.
        entity: &'static str,
        /// Its name.
        key: String,
    },
    /// A row that was made and got no number.
    #[error("a new {0} has no number")]
    Unnumbered(&'static str),
}
