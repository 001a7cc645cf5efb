//! Reads TOML through serde so that one mistake does not hide the next.
//!
//! serde stops at the first error. Here every key is a [`Field`](crate::Field): the reader reports
//! an unusable value to the [`SourceFile`] and goes on; unknown keys are reported and skipped.

use std::ops::Range;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::did_you_mean::suggestion;
use crate::field::FIELD;
use crate::scalar::SCALAR;
use crate::source_file::SourceFile;
use crate::value_error::ValueError;

/// Parses the source's text as TOML, as far as it is valid, and reports each syntax error.
pub fn document(source: &SourceFile) -> Spanned<DeTable<'_>> {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        source.syntax_error(span, format!("this is not TOML: {}", error.message()));
    }
    document
}

/// Deserializes the document as a `T`, whose keys are all [`Field`](crate::Field)s. `None`, with a
/// finding, if the document as a whole does not fit.
pub fn read<T: DeserializeOwned>(source: &SourceFile, document: Spanned<DeTable<'_>>) -> Option<T> {
    let value = DeValue::Table(document.into_inner());
    let reader = Reader { source, value, span: 0..0, label: "", in_list: false };
    T::deserialize(reader)
        .map_err(|error| source.error("bad-file", None, error.to_string(), error.help()))
        .ok()
}

/// Deserializer of one TOML value.
struct Reader<'s, 'de> {
    source: &'s SourceFile,
    value: DeValue<'de>,
    span: Range<usize>,
    /// Key of the value, or of the list that holds it.
    label: &'s str,
    /// True for an entry of the list under `label`.
    in_list: bool,
}

impl<'de> Deserializer<'de> for Reader<'_, 'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            DeValue::String(text) => visitor.visit_str(&text),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(ValueError::invalid_value(Unexpected::Signed(0), &visitor)),
            },
            DeValue::Float(number) => visitor.visit_f64(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => visitor.visit_bool(value),
            DeValue::Datetime(_) => Err(ValueError::invalid_type(Unexpected::NewtypeStruct, &visitor)),
            DeValue::Array(array) => visitor.visit_seq(ArrayElements {
                source: self.source,
                label: self.label,
                rest: array.into_iter(),
            }),
            DeValue::Table(table) => visitor.visit_map(TableEntries::new(self.source, table)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match name {
            FIELD => visitor.visit_seq(FieldSequence {
                start: Some(self.span.start),
                end: Some(self.span.end),
                reader: Some(self),
            }),
            SCALAR => match self.value {
                DeValue::Integer(number) if number.radix() == 10 => {
                    visitor.visit_bytes(number.as_str().as_bytes())
                }
                DeValue::Float(number) => visitor.visit_bytes(number.as_str().as_bytes()),
                DeValue::Datetime(date) => {
                    visitor.visit_newtype_struct(StringDeserializer::<ValueError>::new(date.to_string()))
                }
                _ => self.deserialize_any(visitor),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.value {
            DeValue::Table(table) => {
                let known = table.into_iter().filter(|(key, _)| is_known(self.source, key, fields));
                visitor.visit_map(TableEntries::new(self.source, known.collect()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match &self.value {
            DeValue::String(text) if known.contains(&&**text) => visitor.visit_enum(UnitVariant(text)),
            DeValue::String(text) => Err(ValueError::unknown_variant(text, known)),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// Returns true for a known key and reports an unknown one.
fn is_known(source: &SourceFile, key: &Spanned<DeString<'_>>, known: &'static [&'static str]) -> bool {
    let name = key.get_ref().as_ref();
    let fits = known.contains(&name);
    if !fits {
        let shown: String = name.chars().take(64).collect();
        let message = format!("there is no key `{shown}` here");
        source.error("unknown-key", key.span(), message, suggestion(name, "keys", known.iter().copied()));
    }
    fits
}

/// The sequence that a [`Field`](crate::Field) reads: start, end, value.
struct FieldSequence<'s, 'de> {
    start: Option<usize>,
    end: Option<usize>,
    reader: Option<Reader<'s, 'de>>,
}

impl<'de> SeqAccess<'de> for FieldSequence<'_, 'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        if let Some(at) = self.start.take().or_else(|| self.end.take()) {
            return seed.deserialize(at.into_deserializer()).map(Some);
        }
        let Some(reader) = self.reader.take() else { return Ok(None) };
        let (source, span, label) = (reader.source, reader.span.clone(), reader.label);
        let prefix = if reader.in_list { "an entry of " } else { "" };
        seed.deserialize(reader).map(Some).inspect_err(|error| {
            source.error("wrong-value", span, format!("{prefix}`{label}` {error}"), error.help());
        })
    }
}

/// The elements of a TOML array.
struct ArrayElements<'s, 'de> {
    source: &'s SourceFile,
    label: &'s str,
    rest: <DeArray<'de> as IntoIterator>::IntoIter,
}

impl<'de> SeqAccess<'de> for ArrayElements<'_, 'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        let Some(element) = self.rest.next() else { return Ok(None) };
        let span = element.span();
        let reader = Reader {
            source: self.source,
            value: element.into_inner(),
            span,
            label: self.label,
            in_list: true,
        };
        seed.deserialize(reader).map(Some)
    }
}

/// The entries of a TOML table.
struct TableEntries<'s, 'de> {
    source: &'s SourceFile,
    rest: <DeTable<'de> as IntoIterator>::IntoIter,
    value: Option<(String, Spanned<DeValue<'de>>)>,
}

impl<'s, 'de> TableEntries<'s, 'de> {
    fn new(source: &'s SourceFile, table: DeTable<'de>) -> Self {
        Self { source, rest: table.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for TableEntries<'_, 'de> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        let span = key.span();
        let name = key.into_inner().into_owned();
        self.value = Some((name.clone(), value));
        seed.deserialize(Key { name, span }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        let Some((name, value)) = self.value.take() else {
            return Err(ValueError::custom("a key has no value"));
        };
        let span = value.span();
        seed.deserialize(Reader {
            source: self.source,
            value: value.into_inner(),
            span,
            label: &name,
            in_list: false,
        })
    }
}

/// Deserializer of a key: its text, or text and byte range for a [`Name`](crate::Name).
struct Key {
    name: String,
    span: Range<usize>,
}

impl<'de> Deserializer<'de> for Key {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_string(self.name)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let Range { start, end } = self.span;
        visitor.visit_seq(NameSequence { start: Some(start), end: Some(end), name: Some(self.name) })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The sequence that a [`Name`](crate::Name) reads: start, end, key.
struct NameSequence {
    start: Option<usize>,
    end: Option<usize>,
    name: Option<String>,
}

impl<'de> SeqAccess<'de> for NameSequence {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        if let Some(at) = self.start.take().or_else(|| self.end.take()) {
            return seed.deserialize(at.into_deserializer()).map(Some);
        }
        self.name.take().map(|name| seed.deserialize(StringDeserializer::new(name))).transpose()
    }
}

/// A text read as a variant of an enum without data.
struct UnitVariant<'a>(&'a str);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ValueError> {
        seed.deserialize(StrDeserializer::new(self.0)).map(|word| (word, self))
    }
}

impl<'de> VariantAccess<'de> for UnitVariant<'_> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, ValueError> {
        Err(ValueError::custom("a word stands alone"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ValueError> {
        Err(ValueError::custom("a word stands alone"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ValueError> {
        Err(ValueError::custom("a word stands alone"))
    }
}
