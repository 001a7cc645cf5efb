//! What the reader tells when a value is not what its key asks for.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// Why a value cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Another kind of value.
    #[error("should be {wanted}, but is {found}")]
    Kind {
        /// What the key takes.
        wanted: String,
        /// What stands there.
        found: &'static str,
    },
    /// The right kind, but not one of those.
    #[error("cannot be `{found}`")]
    Choice {
        /// What stands there.
        found: String,
        /// What may.
        known: &'static [&'static str],
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// What to do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Kind { wanted, .. } if wanted == TEXT => "Put it in \"quotes\".".to_owned(),
            Self::Kind { wanted, .. } if wanted == LIST => "Put it in [brackets].".to_owned(),
            Self::Kind { wanted, .. } if wanted == TABLE => {
                "Write keys and values in {braces}, or below a [heading].".to_owned()
            }
            Self::Kind { wanted, .. } => format!("Write {wanted}."),
            Self::Choice { found, known } => crate::nearest::advice(found, "choices", known.iter().copied()),
            Self::Other(_) => "See `chorus schema` for what can stand here.".to_owned(),
        }
    }
}

const TEXT: &str = "a text";
const LIST: &str = "a list";
const TABLE: &str = "a table";

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::Kind { wanted: plain(&wanted.to_string()), found: kind(&found) }
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = plain(&wanted.to_string());
        Self::Kind { wanted, found: "out of its bounds" }
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::Choice { found: found.chars().take(64).collect(), known }
    }
}

/// serde's name of what it wants, in a marketer's words.
fn plain(wanted: &str) -> String {
    let plain = match wanted {
        "a string" => TEXT,
        "a boolean" => "true or false",
        "a sequence" => LIST,
        "u32" | "u64" | "usize" => "a whole number, not below zero",
        _ if wanted.starts_with("struct ") => TABLE,
        _ if wanted.starts_with("enum ") => TEXT,
        other => other,
    };
    plain.to_owned()
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) | Unexpected::Bytes(_) => {
            "a number"
        }
        Unexpected::Str(_) => TEXT,
        Unexpected::Seq => LIST,
        Unexpected::Map => TABLE,
        Unexpected::NewtypeStruct => "a date",
        _ => "something else",
    }
}
