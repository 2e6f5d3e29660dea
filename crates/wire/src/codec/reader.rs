//! A tree into typed values, for both encodings.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::TIMESTAMP_MARK;
use crate::value::Value;

/// The tree is not what the type wants.
#[derive(Debug)]
pub(super) struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The typed value that the tree stands for.
pub(super) fn typed<T: DeserializeOwned>(value: Value<'_>) -> Result<T, Mismatch> {
    T::deserialize(Tree(value))
}

#[derive(Clone)]
struct Tree<'de>(Value<'de>);

impl<'de> IntoDeserializer<'de, Mismatch> for Tree<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(truth),
            Value::Int(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Timestamp(millis) => visitor.visit_i64(millis),
            Value::Str(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Value::Str(Cow::Owned(text)) => visitor.visit_string(text),
            Value::Blob(bytes) => visitor.visit_byte_buf(bytes.into()),
            Value::List(list) => {
                visitor.visit_seq(SeqDeserializer::new(list.into_iter().map(Tree)))
            }
            Value::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key, Tree(value)));
                visitor.visit_map(MapDeserializer::new(entries))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Some services answer nothing with an object of no members.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Map(entries) if entries.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    /// JSON has blobs as texts.
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let Value::Str(text) = &self.0 else {
            return self.deserialize_any(visitor);
        };
        match base64_simd::STANDARD.decode_to_vec(text.as_bytes()) {
            Ok(bytes) => visitor.visit_byte_buf(bytes),
            Err(_) => Err(de::Error::invalid_value(Unexpected::Str(text), &"base64")),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_byte_buf(visitor)
    }

    /// A number without a mark is JSON's, so it counts seconds.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let millis = match self.0 {
            Value::Int(seconds) if name == TIMESTAMP_MARK => seconds.saturating_mul(1000),
            Value::Float(seconds) if name == TIMESTAMP_MARK => (seconds * 1000.0).round() as i64,
            value => return visitor.visit_newtype_struct(Tree(value)),
        };
        visitor.visit_newtype_struct(Tree(Value::Timestamp(millis)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Str(text) => text.into_deserializer().deserialize_enum(name, variants, visitor),
            _ => Err(de::Error::custom("expected a text")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}
