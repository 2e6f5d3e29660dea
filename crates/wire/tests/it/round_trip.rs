//! Any legal input means the same in both encodings, and comes back from both.

use std::borrow::Cow;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wire::codec::{decode, decode_output};
use wire::kinesis::*;
use wire::value::Value;
use wire::{ApiError, Encoding};

use crate::legal::any_input;
use crate::readers::{Reader, readers};
use crate::tree::{Tree, bodies, run};

#[test]
fn every_legal_input_means_the_same_in_both_encodings_and_is_written_as_it_was_read() {
    for reader in readers() {
        run(any_input(&reader.shape), |value| {
            let (json, cbor) = bodies(&value);
            let name = reader.operation.name();
            let read = reader.read(Encoding::Json, &json);
            let written = read.unwrap_or_else(|error| panic!("{name} {error}: {json:?}"));
            assert_eq!(reader.read(Encoding::Cbor, &cbor).as_ref(), Ok(&written), "{name}");
            assert_eq!(reader.read(Encoding::Json, &written.json).as_ref(), Ok(&written));
            assert_eq!(reader.read(Encoding::Cbor, &written.cbor).as_ref(), Ok(&written));
        });
    }
}

/// A value of a few bytes that is right for some members and wrong for others.
fn leaf() -> impl Strategy<Value = Tree> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1.0e9..1.0e9f64).prop_map(|number| Value::Float(number.floor() + 0.5)),
        select(vec!["", "a", "é", "YES", "aGk=", "=+/="])
            .prop_map(|text| Value::Str(Cow::Borrowed(text))),
    ]
}

/// Anything at all, with the names of real members here and there.
fn anything() -> impl Strategy<Value = Tree> {
    let names =
        ["Records", "Data", "PartitionKey", "StreamName", "Tags", "Limit", "ShardFilter", "x"];
    let name = select(names.to_vec()).prop_map(Cow::Borrowed);
    leaf().prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::vec((name.clone(), inner), 0..5).prop_map(Value::Map),
        ]
    })
}

fn size(value: &Value<'_>) -> usize {
    1 + match value {
        Value::List(list) => list.iter().map(size).sum(),
        Value::Map(map) => map.iter().map(|(_, value)| size(value)).sum(),
        _ => 0,
    }
}

/// Puts `new` in the place of the value that comes after `before` others.
fn replace(value: &mut Tree, before: &mut usize, new: &mut Option<Tree>) {
    if *before == 0 {
        *value = new.take().unwrap_or(Value::Null);
    }
    let Some(left) = before.checked_sub(1).filter(|_| new.is_some()) else { return };
    *before = left;
    let inner: Vec<&mut Tree> = match value {
        Value::List(list) => list.iter_mut().collect(),
        Value::Map(map) => map.iter_mut().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    for value in inner {
        if new.is_none() {
            return;
        }
        replace(value, before, new);
    }
}

/// A moment counts seconds in one encoding and milliseconds in the other, and a text may stand
/// for bytes in one only; so the verdicts are compared, not what was read.
fn is_judged_alike(reader: &Reader, value: &Value<'_>) {
    let (json, cbor) = bodies(value);
    let [json, cbor] = [
        reader.read(Encoding::Json, &json).map(|_| ()),
        reader.read(Encoding::Cbor, &cbor).map(|_| ()),
    ];
    assert_eq!(json, cbor, "{} {value:?}", reader.operation.name());
}

#[test]
fn values_of_wrong_types_are_refused_in_the_same_words_in_both_encodings() {
    for reader in readers() {
        let wrong = prop_oneof![3 => leaf().boxed(), 1 => anything().boxed()];
        run((any_input(&reader.shape), any::<Index>(), wrong), |(value, at, wrong)| {
            let mut value = without_bytes(value);
            let mut at = at.index(size(&value));
            replace(&mut value, &mut at, &mut Some(wrong));
            is_judged_alike(&reader, &value);
        });
        run(anything(), |value| is_judged_alike(&reader, &value));
    }
}

/// Bytes as JSON has them, which is how both encodings take them.
fn without_bytes(value: Tree) -> Tree {
    match value {
        Value::Blob(bytes) => {
            Value::Str(Cow::Owned(base64_simd::STANDARD.encode_to_string(&bytes)))
        }
        Value::List(list) => Value::List(list.into_iter().map(without_bytes).collect()),
        Value::Map(map) => {
            let entry = |(name, value)| (name, without_bytes(value));
            Value::Map(map.into_iter().map(entry).collect())
        }
        other => other,
    }
}

#[test]
fn a_value_is_the_same_tree_in_both_encodings() {
    run(anything(), |value| {
        let (json, cbor) = bodies(&value);
        assert_eq!(decode(Encoding::Cbor, &cbor).unwrap(), value);
        assert_eq!(decode(Encoding::Json, &json).unwrap(), value);
    });
}

#[test]
fn arbitrary_bytes_are_an_answer_or_refused() {
    run(proptest::collection::vec(any::<u8>(), 0..200), |bytes| {
        let body = Bytes::from(bytes);
        for encoding in [Encoding::Json, Encoding::Cbor] {
            let _ = decode(encoding, &body);
            let _ = decode_output::<GetRecordsOutput>(encoding, &body);
            let _ = ApiError::decode(encoding, 400, &body);
        }
    });
}
