//! Types: every member is brought to the type of its shape, leniently where AWS is lenient.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::render::shortened;
use super::{Shape, Structure};
use crate::codec::Encoding;
use crate::error::{ApiError, ErrorCode};
use crate::value::Value;

const UNEXPECTED_LIST: &str = "Start of list found where not expected";
const UNEXPECTED_MAP: &str = "Start of structure or map found where not expected.";

/// The members of a structure, each at most once and in the order of the model.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// Members are visited as they were sent, because the first mismatch is the one reported.
pub(super) fn structure<'a>(
    value: Value<'a>,
    shape: &Structure,
    encoding: Encoding,
) -> Result<Members<'a>, ApiError> {
    let entries = match value {
        Value::Map(entries) => entries,
        Value::List(_) => return Err(mismatch(UNEXPECTED_LIST)),
        _ => return Err(mismatch("Expected null")),
    };
    let mut found: Vec<Value<'a>> = vec![Value::Null; shape.members.len()];
    for (name, value) in entries {
        let Some(at) = shape.members.iter().position(|member| member.name == name) else {
            continue;
        };
        found[at] = coerce(value, &shape.members[at].shape, encoding)?;
    }
    let named = shape.members.iter().zip(found);
    Ok(named
        .filter(|(_, value)| *value != Value::Null)
        .map(|(member, value)| (Cow::Borrowed(member.name), value))
        .collect())
}

fn coerce<'a>(value: Value<'a>, shape: &Shape, encoding: Encoding) -> Result<Value<'a>, ApiError> {
    if value == Value::Null {
        return Ok(value);
    }
    match shape {
        Shape::Structure(shape) => Ok(Value::Map(structure(value, shape, encoding)?)),
        Shape::List(shape) => match value {
            Value::List(elements) => {
                let coerced =
                    elements.into_iter().map(|element| coerce(element, &shape.element, encoding));
                Ok(Value::List(coerced.collect::<Result<_, _>>()?))
            }
            Value::Map(_) => Err(mismatch(UNEXPECTED_MAP)),
            _ => Err(mismatch("Expected list or null")),
        },
        Shape::Map(_) => match value {
            Value::Map(entries) => {
                let mut unique = BTreeMap::new();
                for (key, value) in entries {
                    unique.insert(key, coerce_null_or(value, string)?);
                }
                Ok(Value::Map(unique.into_iter().collect()))
            }
            Value::List(_) => Err(mismatch(UNEXPECTED_LIST)),
            _ => Err(mismatch("Expected map or null")),
        },
        Shape::String(_) => string(value),
        Shape::Integer(_) => integer(value),
        Shape::Boolean => boolean(value),
        Shape::Blob(_) => blob(value),
        Shape::Timestamp => timestamp(value, encoding),
    }
}

fn coerce_null_or<'a>(
    value: Value<'a>,
    scalar: fn(Value<'a>) -> Result<Value<'a>, ApiError>,
) -> Result<Value<'a>, ApiError> {
    if value == Value::Null { Ok(value) } else { scalar(value) }
}

fn string(value: Value<'_>) -> Result<Value<'_>, ApiError> {
    match value {
        Value::Str(_) => Ok(value),
        other => Err(unconvertible(&other, "an String")),
    }
}

/// Fractions are floored and numbers beyond 32 bits clamped, as AWS does.
fn integer(value: Value<'_>) -> Result<Value<'_>, ApiError> {
    let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    match value {
        Value::Int(number) => Ok(Value::Int(number.clamp(min, max))),
        // The cast saturates, and makes zero of what is not a number.
        Value::Float(number) => Ok(Value::Int((number.floor() as i64).clamp(min, max))),
        other => Err(unconvertible(&other, "an Integer")),
    }
}

fn boolean(value: Value<'_>) -> Result<Value<'_>, ApiError> {
    match value {
        Value::Bool(_) => Ok(value),
        Value::Str(text) => match text.to_uppercase().as_str() {
            "TRUE" | "1" | "YES" => Ok(Value::Bool(true)),
            "FALSE" | "0" | "NO" => Ok(Value::Bool(false)),
            upper => {
                let text = format!("'{}' can not be converted to an Boolean", shortened(upper));
                Err(mismatch(&text))
            }
        },
        other => Err(unconvertible(&other, "an Boolean")),
    }
}

fn blob(value: Value<'_>) -> Result<Value<'_>, ApiError> {
    match value {
        Value::Blob(_) => Ok(value),
        Value::Str(text) => match base64_simd::STANDARD.decode_to_vec(text.as_bytes()) {
            Ok(bytes) => Ok(Value::Blob(Bytes::from(bytes))),
            Err(_) => Err(mismatch(&format!(
                "'{}' can not be converted to a Blob: {}",
                shortened(&text),
                base64_fault(&text)
            ))),
        },
        other => Err(unconvertible(&other, "a Blob")),
    }
}

/// JSON counts seconds. CBOR counts milliseconds, whether the number carries its tag or not.
fn timestamp(value: Value<'_>, encoding: Encoding) -> Result<Value<'_>, ApiError> {
    let millis_per_unit = match encoding {
        Encoding::Json => 1000,
        Encoding::Cbor => 1,
    };
    match value {
        Value::Timestamp(millis) => Ok(Value::Timestamp(millis.max(0))),
        Value::Int(number) => Ok(Value::Timestamp(number.saturating_mul(millis_per_unit).max(0))),
        Value::Float(number) => {
            let millis = (number * millis_per_unit as f64).round() as i64;
            Ok(Value::Timestamp(millis.max(0)))
        }
        other => Err(unconvertible(&other, "milliseconds since epoch")),
    }
}

/// What AWS finds wrong with a text that is not base64.
fn base64_fault(text: &str) -> String {
    if !text.len().is_multiple_of(4) {
        return format!(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {}",
            text.len()
        );
    }
    // Up to two pads may end the text; anywhere else they are as wrong as any other character.
    let pads = text.bytes().rev().take(2).take_while(|&byte| byte == b'=').count();
    let body = &text[..text.len() - pads];
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    match body.chars().find(|&c| !legal(c)) {
        Some(wrong) => format!("Invalid Base64 character: '{wrong}'"),
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    }
}

fn unconvertible(value: &Value<'_>, wanted: &str) -> ApiError {
    let class = match value {
        Value::List(_) => return mismatch(UNEXPECTED_LIST),
        Value::Map(_) => return mismatch(UNEXPECTED_MAP),
        Value::Null => "null",
        Value::Bool(_) => "class java.lang.Boolean",
        Value::Int(_) | Value::Float(_) => {
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
        }
        Value::Str(_) => "class java.lang.String",
        Value::Blob(_) => "class java.nio.HeapByteBuffer",
        Value::Timestamp(_) => "class java.util.Date",
    };
    mismatch(&format!("{class} can not be converted to {wanted}"))
}

fn mismatch(text: &str) -> ApiError {
    ApiError::new(ErrorCode::Serialization, text)
}
