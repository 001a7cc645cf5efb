//! A single value whose kind the key leaves open.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The name by which a [`Scalar`] asks the [reader](crate::reader) for what stands in the file.
pub(crate) const SCALAR: &str = "$chorus::Scalar";

/// A text, number, date or truth.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// In quotes.
    Text(String),
    /// As its digits stand in the file, so that nothing is rounded.
    Number(String),
    /// Without quotes, in TOML's form of ISO 8601.
    Date(String),
    /// `true` or `false`.
    Boolean(bool),
}

impl Scalar {
    /// The text of a date, with or without quotes.
    #[must_use]
    pub fn as_date(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Date(text) => Some(text),
            Self::Number(_) | Self::Boolean(_) => None,
        }
    }

    /// The digits of a number, with or without quotes.
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

    /// The reader gives the digits of a number as bytes.
    fn visit_bytes<E: Error>(self, digits: &[u8]) -> Result<Scalar, E> {
        Ok(Scalar::Number(String::from_utf8_lossy(digits).into_owned()))
    }

    /// The reader gives a date as a newtype over its text.
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
