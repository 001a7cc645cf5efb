//! [`Scalar`]: a single value, for keys that take several types.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Newtype name by which a [`Scalar`] requests the value as written from the
/// [reader](crate::reader).
pub(crate) const SCALAR: &str = "$chorus::Scalar";

/// A text, number, date or boolean.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A text in quotes.
    Text(String),
    /// A number by its digits in the file, so that nothing is rounded.
    Number(String),
    /// A date without quotes, in TOML's form of ISO 8601.
    Date(String),
    /// The boolean `true` or `false`.
    Boolean(bool),
}

impl Scalar {
    /// Returns the text of a date, written with or without quotes.
    #[must_use]
    pub fn as_date(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Date(text) => Some(text),
            Self::Number(_) | Self::Boolean(_) => None,
        }
    }

    /// Returns the digits of a number, written with or without quotes.
    #[must_use]
    pub fn as_number(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Date(_) | Self::Boolean(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SCALAR, ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number, date or true/false")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(value))
    }

    /// Takes the digits of a number, which the reader passes as bytes.
    fn visit_bytes<E: Error>(self, digits: &[u8]) -> Result<Scalar, E> {
        Ok(Scalar::Number(String::from_utf8_lossy(digits).into_owned()))
    }

    /// Takes a date, which the reader passes as a newtype over its text.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, date: D) -> Result<Scalar, D::Error> {
        String::deserialize(date).map(Scalar::Date)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
