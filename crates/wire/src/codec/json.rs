//! JSON 1.1: compact, blobs as base64, moments as seconds.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::Write as _;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::writer::Format;
use super::{Encoding, malformed};
use crate::error::Result;
use crate::value::{MAX_VALUES, Value};

/// Reads a body. The depth is limited by `serde_json`, to the same number as for CBOR.
pub(super) fn parse(body: &[u8]) -> Result<Value<'_>> {
    let budget = Cell::new(MAX_VALUES);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Tree { budget: &budget }
        .deserialize(&mut deserializer)
        .map_err(|error| malformed(Encoding::Json, error))?;
    deserializer.end().map_err(|error| malformed(Encoding::Json, error))?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Tree<'b> {
    budget: &'b Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Value<'de>, D::Error> {
        let left = self.budget.get().checked_sub(1);
        self.budget.set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> std::result::Result<Value<'de>, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<Value<'de>, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<Value<'de>, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<Value<'de>, E> {
        Ok(Value::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Value<'de>, E> {
        Ok(Value::Str(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Value<'de>, E> {
        Ok(Value::Str(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut elements: A,
    ) -> std::result::Result<Value<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            list.push(element);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut entries: A,
    ) -> std::result::Result<Value<'de>, A::Error> {
        let mut map = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            map.push((key, entries.next_value_seed(self)?));
        }
        Ok(Value::Map(map))
    }
}

/// A name, borrowed unless it holds an escape.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Writes JSON.
pub(super) struct Json;

impl Format for Json {
    fn start_map(out: &mut Vec<u8>) {
        out.push(b'{');
    }

    fn end_map(out: &mut Vec<u8>) {
        out.push(b'}');
    }

    fn start_list(out: &mut Vec<u8>) {
        out.push(b'[');
    }

    fn item(out: &mut Vec<u8>, first: bool) {
        if !first {
            out.push(b',');
        }
    }

    fn colon(out: &mut Vec<u8>) {
        out.push(b':');
    }

    fn end_list(out: &mut Vec<u8>) {
        out.push(b']');
    }

    fn name(out: &mut Vec<u8>, first: bool, name: &'static str) {
        Self::item(out, first);
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        serde_json::to_writer(out, text).expect("writing a text into memory cannot fail");
    }

    fn integer(out: &mut Vec<u8>, number: i64) {
        serde_json::to_writer(out, &number).expect("writing a number into memory cannot fail");
    }

    fn boolean(out: &mut Vec<u8>, truth: bool) {
        out.extend_from_slice(if truth { b"true" } else { b"false" });
    }

    fn start_blob(out: &mut Vec<u8>, _length: usize) {
        out.push(b'"');
    }

    fn end_blob(out: &mut Vec<u8>) {
        out.push(b'"');
    }

    fn blob(out: &mut Vec<u8>, bytes: &[u8]) {
        Self::start_blob(out, bytes.len());
        base64_simd::STANDARD.encode_append(bytes, out);
        Self::end_blob(out);
    }

    /// Seconds with up to three decimals. Never an exponent: old Java parsers choke on it.
    fn timestamp(out: &mut Vec<u8>, millis: u64) {
        let (seconds, fraction) = (millis / 1000, millis % 1000);
        let written = match fraction {
            0 => write!(out, "{seconds}"),
            _ if fraction % 100 == 0 => write!(out, "{seconds}.{}", fraction / 100),
            _ if fraction % 10 == 0 => write!(out, "{seconds}.{:02}", fraction / 10),
            _ => write!(out, "{seconds}.{fraction:03}"),
        };
        written.expect("writing a number into memory cannot fail");
    }
}
