//! The serde error of a value that does not fit its key, with the fix in plain words.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::did_you_mean::suggestion;

/// The reason why a value cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    /// The value has another type than the key takes.
    #[error("should be {wanted}, but is {found}")]
    WrongType {
        /// The type that the key takes, in plain words.
        wanted: String,
        /// The type of the value, in plain words.
        found: &'static str,
    },
    /// The value has the right type, but is not one of the known choices.
    #[error("cannot be `{found}`")]
    UnknownChoice {
        /// The value, cut to 64 characters.
        found: String,
        /// All choices that the key takes.
        known: &'static [&'static str],
    },
    /// Any other error of serde, as text.
    #[error("{0}")]
    Other(String),
}

impl ValueError {
    /// Returns the fix, worded for the `help` of a finding.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::WrongType { wanted, .. } if wanted == TEXT => "Put it in \"quotes\".".to_owned(),
            Self::WrongType { wanted, .. } if wanted == LIST => "Put it in [brackets].".to_owned(),
            Self::WrongType { wanted, .. } if wanted == TABLE => {
                "Write keys and values in {braces}, or below a [heading].".to_owned()
            }
            Self::WrongType { wanted, .. } => format!("Write {wanted}."),
            Self::UnknownChoice { found, known } => suggestion(found, "choices", known.iter().copied()),
            Self::Other(_) => "See `chorus schema` for what can stand here.".to_owned(),
        }
    }
}

const TEXT: &str = "a text";
const LIST: &str = "a list";
const TABLE: &str = "a table";

impl Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::WrongType { wanted: plain_type(&wanted.to_string()), found: type_name(&found) }
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = plain_type(&wanted.to_string());
        Self::WrongType { wanted, found: "out of its bounds" }
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownChoice { found: found.chars().take(64).collect(), known }
    }
}

/// Translates serde's name of an expected type into a marketer's words.
fn plain_type(wanted: &str) -> String {
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

fn type_name(found: &Unexpected<'_>) -> &'static str {
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
