//! The reasons why a file cannot be imported at all.

use crate::known::{MAX_COLUMNS, MAX_NAME_CHARS};

/// The reason why no row of a file can be read. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// The file has no header.
    #[error("the file is empty; its first line has to be a header such as `email,first_name`")]
    Empty,
    /// The header is not text in the encoding that is expected.
    #[error(
        "the header is not UTF-8; save the file as UTF-8, or say its encoding, such as `--encoding windows-1252`"
    )]
    NotUtf8,
    /// The header has too many columns.
    #[error("the header has {0} columns; at most {MAX_COLUMNS} are allowed")]
    TooManyColumns(usize),
    /// The header is longer than a row may be.
    #[error("the first line is longer than 64 KiB; is this a file of contacts?")]
    HeaderTooLong,
    /// A column has no name.
    #[error("column {0} of the header has no name; give it one, or delete the column")]
    Unnamed(usize),
    /// A name cannot be that of an attribute.
    #[error(
        "column {0:?} cannot be an attribute's name: at most {MAX_NAME_CHARS} letters, digits, `_` and `-`; rename it, or say \
         `--map \"{0}=another_name\"`"
    )]
    BadName(String),
    /// Two columns have one meaning.
    #[error(
        "the columns {first:?} and {second:?} are both {field}; leave one out with `--map \"{second}=\"`"
    )]
    Twice {
        /// The first of the columns.
        first: String,
        /// The second of the columns.
        second: String,
        /// The meaning of both.
        field: String,
    },
    /// A name is nearly that of a known column.
    #[error(
        "is the column {name:?} the {field}? Say `--map \"{name}={field}\"` if it is, and `--map \"{name}={attribute}\"` if it \
         is an attribute of its own"
    )]
    Nearly {
        /// The name in the file.
        name: String,
        /// The known column.
        field: &'static str,
        /// The name of the attribute that it would be.
        attribute: String,
    },
    /// `--map` names a column that the file does not have.
    #[error("`--map` names the column {0:?}, and the file has: {1}")]
    NoSuchColumn(String, String),
    /// No column tells contacts apart.
    #[error(
        "none of the columns is an e-mail address, a phone number or an external id: {0}; say which, such as \
         `--map \"Mail=email\"`"
    )]
    NoKey(String),
    /// The workbook cannot be read.
    #[error("the workbook cannot be read: {0}; save the sheet as CSV")]
    Workbook(String),
    /// The workbook has no sheet of this name.
    #[error("the workbook has no sheet {0:?}; it has: {1}")]
    NoSuchSheet(String, String),
    /// The file is larger when unpacked than is allowed.
    #[error("the file is more than {0} MiB when unpacked; split it, or save it as CSV")]
    TooLarge(u64),
    /// The name of an encoding is not known.
    #[error("there is no encoding {0:?}; examples are windows-1252, gb18030, shift_jis and utf-16le")]
    NoSuchEncoding(String),
}
