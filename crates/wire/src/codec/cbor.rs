//! CBOR as AWS uses it: indefinite lengths, blobs as byte strings, moments as tag 1 with whole
//! milliseconds (not the seconds of RFC 8949).

use std::borrow::Cow;

use bytes::Bytes;
use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};

use super::writer::Format;
use super::{Encoding, malformed};
use crate::error::Result;
use crate::value::{MAX_DEPTH, MAX_VALUES, Value};

const EPOCH_TAG: u64 = 1;

/// Reads a body. Blobs share it; definite texts borrow from it.
pub(super) fn parse(body: &Bytes) -> Result<Value<'_>> {
    let mut parser = Parser { body, decoder: Decoder::new(body), budget: MAX_VALUES };
    let value = parser.value(MAX_DEPTH)?;
    if parser.decoder.position() != body.len() {
        return Err(malformed(Encoding::Cbor, "bytes follow the value"));
    }
    Ok(value)
}

struct Parser<'a> {
    body: &'a Bytes,
    decoder: Decoder<'a>,
    budget: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>> {
        let depth = depth.checked_sub(1).ok_or_else(|| too("deep"))?;
        self.budget = self.budget.checked_sub(1).ok_or_else(|| too("many values"))?;
        match self.decoder.datatype().map_err(wrong)? {
            Type::Null | Type::Undefined => {
                self.decoder.skip().map_err(wrong)?;
                Ok(Value::Null)
            }
            Type::Bool => Ok(Value::Bool(self.decoder.bool().map_err(wrong)?)),
            Type::String | Type::StringIndef => Ok(Value::Str(self.text()?)),
            Type::Bytes | Type::BytesIndef => Ok(Value::Blob(self.blob()?)),
            Type::F16 | Type::F32 | Type::F64 => Ok(Value::Float(self.float()?)),
            Type::Array | Type::ArrayIndef => self.list(depth),
            Type::Map | Type::MapIndef => self.map(depth),
            Type::Tag => self.tagged(depth),
            kind if is_integer(kind) => self.integer(),
            kind => Err(malformed(Encoding::Cbor, format_args!("{kind} is not expected"))),
        }
    }

    fn integer(&mut self) -> Result<Value<'a>> {
        let number = i128::from(self.decoder.int().map_err(wrong)?);
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn float(&mut self) -> Result<f64> {
        match self.decoder.datatype().map_err(wrong)? {
            Type::F16 => self.decoder.f16().map(f64::from).map_err(wrong),
            _ => self.decoder.f64().map_err(wrong),
        }
    }

    fn text(&mut self) -> Result<Cow<'a, str>> {
        let mut parts = self.decoder.str_iter().map_err(wrong)?;
        let first = parts.next().transpose().map_err(wrong)?.unwrap_or_default();
        let Some(second) = parts.next().transpose().map_err(wrong)? else {
            return Ok(Cow::Borrowed(first));
        };
        let mut whole = [first, second].concat();
        for part in parts {
            whole.push_str(part.map_err(wrong)?);
        }
        Ok(Cow::Owned(whole))
    }

    fn blob(&mut self) -> Result<Bytes> {
        let mut parts = self.decoder.bytes_iter().map_err(wrong)?;
        let first = parts.next().transpose().map_err(wrong)?.unwrap_or_default();
        let Some(second) = parts.next().transpose().map_err(wrong)? else {
            return Ok(self.body.slice_ref(first));
        };
        let mut whole = [first, second].concat();
        for part in parts {
            whole.extend_from_slice(part.map_err(wrong)?);
        }
        Ok(Bytes::from(whole))
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>> {
        let mut left = self.decoder.array().map_err(wrong)?;
        let mut list = Vec::new();
        while self.has_next(&mut left)? {
            list.push(self.value(depth)?);
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, depth: usize) -> Result<Value<'a>> {
        let mut left = self.decoder.map().map_err(wrong)?;
        let mut map = Vec::new();
        while self.has_next(&mut left)? {
            let key = self.text()?;
            map.push((key, self.value(depth)?));
        }
        Ok(Value::Map(map))
    }

    /// Counts a definite length down, or looks for the break of an indefinite one. The length is
    /// only counted, never allocated: it is a claim.
    fn has_next(&mut self, left: &mut Option<u64>) -> Result<bool> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None if self.decoder.datatype().map_err(wrong)? == Type::Break => {
                self.decoder.skip().map_err(wrong)?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn tagged(&mut self, depth: usize) -> Result<Value<'a>> {
        let tag = self.decoder.tag().map_err(wrong)?;
        let value = self.value(depth)?;
        Ok(match value {
            Value::Int(millis) if tag == Tag::new(EPOCH_TAG) => Value::Timestamp(millis),
            // The cast saturates, and makes zero of what is not a number.
            Value::Float(millis) if tag == Tag::new(EPOCH_TAG) => {
                Value::Timestamp(millis.round() as i64)
            }
            value => value,
        })
    }
}

fn is_integer(kind: Type) -> bool {
    matches!(
        kind,
        Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::Int
    )
}

fn wrong(error: minicbor::decode::Error) -> crate::error::Error {
    malformed(Encoding::Cbor, error)
}

fn too(what: &str) -> crate::error::Error {
    malformed(Encoding::Cbor, format_args!("too {what}"))
}

/// Writes CBOR.
pub(super) struct Cbor;

const IN_MEMORY: &str = "writing into memory cannot fail";

impl Format for Cbor {
    fn start_map(out: &mut Vec<u8>) {
        Encoder::new(out).begin_map().expect(IN_MEMORY);
    }

    fn end_map(out: &mut Vec<u8>) {
        Encoder::new(out).end().expect(IN_MEMORY);
    }

    fn start_list(out: &mut Vec<u8>) {
        Encoder::new(out).begin_array().expect(IN_MEMORY);
    }

    fn item(_out: &mut Vec<u8>, _first: bool) {}

    fn colon(_out: &mut Vec<u8>) {}

    fn end_list(out: &mut Vec<u8>) {
        Encoder::new(out).end().expect(IN_MEMORY);
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        Encoder::new(out).str(text).expect(IN_MEMORY);
    }

    fn integer(out: &mut Vec<u8>, number: i64) {
        Encoder::new(out).i64(number).expect(IN_MEMORY);
    }

    fn boolean(out: &mut Vec<u8>, truth: bool) {
        Encoder::new(out).bool(truth).expect(IN_MEMORY);
    }

    fn start_blob(out: &mut Vec<u8>, length: usize) {
        Encoder::new(out).bytes_len(length as u64).expect(IN_MEMORY);
    }

    fn end_blob(_out: &mut Vec<u8>) {}

    fn blob(out: &mut Vec<u8>, bytes: &[u8]) {
        Encoder::new(out).bytes(bytes).expect(IN_MEMORY);
    }

    fn timestamp(out: &mut Vec<u8>, millis: u64) {
        let mut encoder = Encoder::new(out);
        encoder.tag(Tag::new(EPOCH_TAG)).and_then(|encoder| encoder.u64(millis)).expect(IN_MEMORY);
    }
}
