//! A key of a table that may be absent or wrong without hiding what is wrong with the others.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// The name by which a [`Field`] asks the [reader](crate::reader) for its place.
pub(crate) const FIELD: &str = "$chorus::Field";

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// What stands there.
    pub value: T,
    /// The bytes of the file.
    pub span: Range<usize>,
}

/// What stands under a key. Without `#[serde(default)]` the key is required: the schema says so, and the
/// code that takes the value says what is missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Field<T> {
    /// Nothing.
    #[default]
    Absent,
    /// Something that cannot be used; a finding says so.
    Bad,
    /// A value.
    Here(Located<T>),
}

impl<T> Field<T> {
    /// The value with its place, if it can be used.
    #[must_use]
    pub fn get(&self) -> Option<&Located<T>> {
        match self {
            Self::Here(located) => Some(located),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value, if it can be used.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.get().map(|located| &located.value)
    }

    /// The place of the value, if it can be used.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.get().map(|located| located.span.clone())
    }

    /// True if the key stands in the file, usable or not.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// The value of a key that may be left out, as `read` reads it: `Some(None)` if it is not given, `None` if it cannot be used.
pub fn optional<T, U>(field: &Field<T>, read: impl FnOnce(&Located<T>) -> Option<U>) -> Option<Option<U>> {
    match field {
        Field::Absent => Some(None),
        Field::Bad => None,
        Field::Here(value) => read(value).map(Some),
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

    /// The reader gives the first byte, the end, and the value; it tells itself why there is no value.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let start = seq.next_element::<usize>()?;
        let end = seq.next_element::<usize>()?;
        Ok(match (start, end, seq.next_element::<T>()) {
            (Some(start), Some(end), Ok(Some(value))) => Field::Here(Located { value, span: start..end }),
            _ => Field::Bad,
        })
    }
}

/// In the schema a field is what it holds.
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
