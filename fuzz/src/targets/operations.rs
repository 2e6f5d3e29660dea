//! Inputs of operations, and what they answer.

use std::fmt::Debug;
use std::sync::LazyLock;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::codec::{decode, decode_carefully, decode_input, decode_output, encode};
use wire::kinesis::{
    DescribeStreamOutput, GetRecordsOutput, ListShardsOutput, ListStreamsOutput, PutRecordsOutput,
    SubscribeToShardEvent,
};
use wire::value::Value;
use wire::{ApiError, Call, CallVisitor, Encoding, visit_calls};

/// Reads the input of an operation.
type Read = fn(Encoding, &Bytes);

/// How each operation reads its input, with its name.
struct Readers(Vec<(&'static str, Read)>);

impl CallVisitor for Readers {
    fn visit<I: Call + PartialEq + Debug>(&mut self) {
        self.0.push((I::OPERATION.name(), read::<I>));
    }
}

static READERS: LazyLock<Readers> = LazyLock::new(|| {
    let mut readers = Readers(Vec::new());
    visit_calls(&mut readers);
    readers
});

/// The name of an operation in the first line, and a body.
pub(crate) fn json(bytes: &[u8]) {
    body(Encoding::Json, bytes);
}

/// The name of an operation in the first line, and a body.
pub(crate) fn cbor(bytes: &[u8]) {
    body(Encoding::Cbor, bytes);
}

fn body(encoding: Encoding, bytes: &[u8]) {
    let (line, body) = first_line(bytes);
    let readers = &READERS.0;
    let named = readers.iter().find(|(name, _)| name.as_bytes() == line);
    // Any other line stands for some operation too, so that a mutation of it is not lost.
    let some = || &readers[usize::from(line.first().copied().unwrap_or(0)) % readers.len()];
    let (_, read) = named.unwrap_or_else(some);
    read(encoding, &Bytes::copy_from_slice(body));
}

fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// The quick way and the careful one agree, and what was read is read back from what is written
/// of it, in both encodings.
fn read<I: Call + PartialEq + Debug>(encoding: Encoding, body: &Bytes) {
    let input = decode_input::<I>(encoding, body);
    assert_eq!(input, decode_carefully::<I>(encoding, body), "two ways to read {encoding}");
    let Ok(input) = input else { return };
    if decode(encoding, body).is_ok_and(|value| has_far_moment(&value)) {
        return;
    }
    for written in [Encoding::Json, Encoding::Cbor] {
        let body = encode(written, &input);
        assert_eq!(decode_input::<I>(written, &body).as_ref(), Ok(&input), "through {written}");
    }
}

/// Whether there is a moment that JSON, whose numbers have 53 bits, rounds to other milliseconds.
fn has_far_moment(value: &Value<'_>) -> bool {
    const MILLIS_MAX: u64 = 1 << 53;
    match value {
        Value::Timestamp(millis) => millis.unsigned_abs() > MILLIS_MAX,
        Value::Int(seconds) => seconds.unsigned_abs() > MILLIS_MAX / 1000,
        Value::Float(seconds) => seconds.abs() > (MILLIS_MAX / 1000) as f64,
        Value::List(list) => list.iter().any(has_far_moment),
        Value::Map(map) => map.iter().any(|(_, value)| has_far_moment(value)),
        _ => false,
    }
}

/// What clients read: the first byte chooses an answer and an encoding, the rest is the body.
pub(crate) fn answers(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let encoding = if choice & 1 == 0 { Encoding::Json } else { Encoding::Cbor };
    let body = Bytes::copy_from_slice(body);
    let _ = decode(encoding, &body);
    let _ = ApiError::decode(encoding, 400, &body);
    match choice >> 1 {
        0 => answer::<GetRecordsOutput>(encoding, &body),
        1 => answer::<PutRecordsOutput>(encoding, &body),
        2 => answer::<ListShardsOutput>(encoding, &body),
        3 => answer::<ListStreamsOutput>(encoding, &body),
        4 => answer::<DescribeStreamOutput>(encoding, &body),
        5 => answer::<SubscribeToShardEvent>(encoding, &body),
        _ => {}
    }
}

fn answer<T: Serialize + DeserializeOwned + PartialEq + Debug>(encoding: Encoding, body: &Bytes) {
    let Ok(answer) = decode_output::<T>(encoding, body) else { return };
    if decode(encoding, body).is_ok_and(|value| has_far_moment(&value)) {
        return;
    }
    for written in [Encoding::Json, Encoding::Cbor] {
        let body = encode(written, &answer);
        let again = decode_output::<T>(written, &body);
        assert_eq!(again.as_ref().ok(), Some(&answer), "through {written}: {again:?}");
    }
}
