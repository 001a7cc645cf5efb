//! [`Field`]: a key's value that may be absent or invalid, so that one mistake does not hide the
//! next.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// Newtype name by which a [`Field`] requests its byte range from the [reader](crate::reader).
pub(crate) const FIELD: &str = "$chorus::Field";

/// A value with its byte range in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The value read from the file.
    pub value: T,
    /// Byte range of the value in the file.
    pub span: Range<usize>,
}

/// The value of a key. Without `#[serde(default)]` the key is required: the schema says so, and the
/// code that reads the value reports a missing one.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Field<T> {
    /// The key is not in the file.
    #[default]
    Absent,
    /// The value cannot be used, which a finding reports.
    Invalid,
    /// A value that can be used.
    Present(Located<T>),
}

impl<T> Field<T> {
    /// Returns the value with its byte range, if it can be used.
    #[must_use]
    pub fn get(&self) -> Option<&Located<T>> {
        match self {
            Self::Present(located) => Some(located),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Returns the value, if it can be used.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.get().map(|located| &located.value)
    }

    /// Returns the byte range of the value, if it can be used.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.get().map(|located| located.span.clone())
    }

    /// Returns true if the key is in the file, whether its value can be used or not.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// Reads the value of an optional key with `read`: `Some(None)` if the key is absent, `None` if the
/// value cannot be used.
pub fn optional<T, U>(field: &Field<T>, read: impl FnOnce(&Located<T>) -> Option<U>) -> Option<Option<U>> {
    match field {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(value) => read(value).map(Some),
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_newtype_struct(FIELD, self)
    }

    /// Takes the start, the end and the value from the reader, which reports an unusable value
    /// itself.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let start = seq.next_element::<usize>()?;
        let end = seq.next_element::<usize>()?;
        Ok(match (start, end, seq.next_element::<T>()) {
            (Some(start), Some(end), Ok(Some(value))) => Field::Present(Located { value, span: start..end }),
            _ => Field::Invalid,
        })
    }
}

/// The schema of a field is the schema of its value.
impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
