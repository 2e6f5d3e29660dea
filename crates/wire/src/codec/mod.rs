//! The two encodings of a body, each both ways.
//!
//! Reading goes through one tree ([`Value`]), so that shapes and texts are the same for both.
//! Writing goes straight from the typed output into one buffer.

mod cbor;
mod json;
mod pieces;
mod reader;
mod writer;

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, Error, ErrorCode, Result};
use crate::schema::{self, Input};
use crate::value::Value;

pub use pieces::Pieces;

/// The name by which serde passes a moment to the codecs, which write it differently.
pub(crate) const TIMESTAMP_MARK: &str = "wire::Timestamp";

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/x-amz-json-1.1`.
    Json,
    /// `application/x-amz-cbor-1.1`.
    Cbor,
}

impl Encoding {
    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }

    /// The encoding that a value of `Content-Type` names. Parameters are ignored.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        [Self::Json, Self::Cbor]
            .into_iter()
            .find(|encoding| essence.eq_ignore_ascii_case(encoding.content_type()))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Cbor => "CBOR",
        })
    }
}

/// Reads a body into a tree.
pub fn decode(encoding: Encoding, body: &Bytes) -> Result<Value<'_>> {
    match encoding {
        Encoding::Json => json::parse(body),
        Encoding::Cbor => cbor::parse(body),
    }
}

/// Whether the body is an object at all. A body that is not is reported before a wrong signature.
pub(crate) fn is_object(encoding: Encoding, body: &Bytes) -> bool {
    matches!(decode(encoding, body), Ok(Value::Map(_)))
}

/// Reads a request, with AWS's refusals.
pub fn decode_input<I: Input>(
    encoding: Encoding,
    body: &Bytes,
) -> std::result::Result<I, ApiError> {
    match I::decode_quickly(encoding, body) {
        Some(input) => Ok(input),
        None => decode_carefully(encoding, body),
    }
}

/// The same without the quick way: through the tree, where every refusal is explained.
pub fn decode_carefully<I: Input>(
    encoding: Encoding,
    body: &Bytes,
) -> std::result::Result<I, ApiError> {
    let value = match decode(encoding, body) {
        Ok(value @ Value::Map(_)) => value,
        _ => return Err(ApiError::bare(ErrorCode::Serialization)),
    };
    let checked = schema::check(value, &I::SHAPE, encoding)?;
    // A shape that admits what its struct does not would be a mistake of ours, not of the caller.
    reader::typed(checked).map_err(|_| ApiError::bare(ErrorCode::InternalFailure))
}

/// Reads a response. An empty body is the answer of the operations that answer nothing.
pub fn decode_output<T: DeserializeOwned>(encoding: Encoding, body: &Bytes) -> Result<T> {
    let value = if body.is_empty() { Value::Null } else { decode(encoding, body)? };
    reader::typed(value).map_err(|error| malformed(encoding, error))
}

/// Writes a request or a response; `()` is an empty body.
pub fn encode<T: Serialize>(encoding: Encoding, value: &T) -> Bytes {
    let mut out = Vec::with_capacity(256);
    encode_onto(encoding, value, &mut out);
    out.into()
}

/// The same behind what is there.
pub fn encode_onto<T: Serialize>(encoding: Encoding, value: &T, out: &mut Vec<u8>) {
    let written = match encoding {
        Encoding::Json => writer::write::<json::Json, T>(value, out),
        Encoding::Cbor => writer::write::<cbor::Cbor, T>(value, out),
    };
    written.expect("the shapes of this crate use only kinds that the writer knows");
}

fn malformed(encoding: Encoding, reason: impl fmt::Display) -> Error {
    Error::Malformed { encoding, reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
