//! Errors of rows that cannot be read.

use std::error::Error;

/// A row that holds a value that this version does not know, or lacks one that it needs.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A column whose value cannot be read.
    #[error("column {column}: {error}")]
    Column {
        /// The name of the column, or its position.
        column: String,
        /// The decoding error.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// A row without the columns that a statement reads.
    #[error("{0}")]
    Shape(#[source] Box<dyn Error + Send + Sync>),
    /// A name that is none of the variants of its enum.
    #[error("{name:?} is no {kind} that this version knows")]
    UnknownName {
        /// The name of the enum: `RunState` for example.
        kind: &'static str,
        /// The name in the row.
        name: String,
    },
    /// A text that is not the expected JSON.
    #[error("{problem}: {error}")]
    Json {
        /// A clause that names the value and says that it cannot be read.
        problem: String,
        /// The parser's error.
        #[source]
        error: serde_json::Error,
    },
    /// A row that was written or found a moment before, and is not there any more.
    #[error("the {entity} {key} is gone")]
    Gone {
        /// The kind of row: `setting` for example.
        entity: &'static str,
        /// The key or name of the row.
        key: String,
    },
    /// A row that was inserted and got no id.
    #[error("a new {0} has no number")]
    Unnumbered(&'static str),
}
