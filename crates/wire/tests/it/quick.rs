//! The quick readers of the hot operations against the careful way.

use std::borrow::Cow;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use wire::Encoding;
use wire::codec::decode_carefully;
use wire::kinesis::*;
use wire::schema::Input;
use wire::value::Value;

use crate::tree::{Tree, bodies, run};

/// Values that are right for some member, or for none.
fn value() -> impl Strategy<Value = Tree> {
    let text = |text: &'static str| Value::Str(Cow::Borrowed(text));
    let long: &'static str = Box::leak("k".repeat(257).into_boxed_str());
    let values = vec![
        text("aGk="),
        text(""),
        text("key"),
        text("aGk"),
        text("=+/="),
        text("+/+="),
        text("0"),
        text("00"),
        text("340282366920938463463374607431768211455"),
        text("é\n\"\u{1f980}"),
        text("arn:aws:kinesis:eu-west-1:123456789012:stream/orders"),
        text(long),
        Value::Blob(Bytes::from_static(b"\x00\xffraw")),
        Value::Null,
        Value::Bool(true),
        Value::Int(7),
        Value::List(vec![]),
        Value::List(vec![text("aGk="), Value::Null, text("key")]),
        Value::Map(vec![]),
    ];
    select(values)
}

/// Mostly right, now and then doubled, missing, unknown or of a wrong type.
fn object(names: &'static [&'static str]) -> impl Strategy<Value = Tree> {
    let data = prop_oneof![
        3 => Just(Value::Blob(Bytes::from_static(b"payload"))),
        1 => value(),
    ];
    let rest = proptest::collection::vec((select(names), value()), 0..3);
    (proptest::option::weighted(0.9, data), rest).prop_map(|(data, rest)| {
        let data = data.map(|data| (Cow::Borrowed("Data"), data));
        let rest = rest.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
        Value::Map(data.into_iter().chain(rest).collect())
    })
}

fn record() -> impl Strategy<Value = Tree> {
    object(&[
        "Data",
        "PartitionKey",
        "ExplicitHashKey",
        "SequenceNumberForOrdering",
        "StreamName",
        "StreamARN",
        "DryRun",
        "Unknown",
    ])
}

fn records() -> impl Strategy<Value = Tree> {
    let entry = object(&["Data", "Data", "PartitionKey", "ExplicitHashKey", "Unknown"]);
    let entries = proptest::collection::vec(prop_oneof![9 => entry, 1 => value()], 0..4);
    let names = &["StreamName", "StreamName", "StreamARN", "Records", "StreamId"][..];
    let rest = proptest::collection::vec((select(names), value()), 0..3);
    (entries, rest).prop_map(|(entries, rest)| {
        let entries = (Cow::Borrowed("Records"), Value::List(entries));
        let rest = rest.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
        Value::Map(std::iter::once(entries).chain(rest).collect())
    })
}

fn agrees<I: Input + PartialEq + std::fmt::Debug>(value: &Value<'_>) {
    let (json, cbor) = bodies(value);
    for (encoding, body) in [(Encoding::Json, json), (Encoding::Cbor, cbor)] {
        if let Some(quick) = I::decode_quickly(encoding, &body) {
            assert_eq!(decode_carefully::<I>(encoding, &body).as_ref(), Ok(&quick), "{body:?}");
        }
    }
}

#[test]
fn what_is_read_quickly_is_what_is_read_carefully() {
    for _ in 0..20 {
        run(record(), |value| agrees::<PutRecordInput>(&value));
        run(records(), |value| agrees::<PutRecordsInput>(&value));
    }
}

#[test]
fn a_wrong_payload_is_refused_even_when_a_right_one_follows() {
    let twice = r#"{"Data":"?","Data":"aGk=","PartitionKey":"k"}"#;
    let record = Bytes::from(twice);
    assert_eq!(PutRecordInput::decode_quickly(Encoding::Json, &record), None);
    assert!(decode_carefully::<PutRecordInput>(Encoding::Json, &record).is_err());
    let records = Bytes::from(format!(r#"{{"Records":[{twice}]}}"#));
    assert_eq!(PutRecordsInput::decode_quickly(Encoding::Json, &records), None);
    assert!(decode_carefully::<PutRecordsInput>(Encoding::Json, &records).is_err());
}

/// A body as the SDKs send it: `count` records of `bytes` bytes.
fn ordinary(count: usize, bytes: usize) -> (Bytes, Bytes) {
    let entry = |at: usize| {
        Value::Map(vec![
            (Cow::Borrowed("Data"), Value::Blob(Bytes::from(vec![at as u8; bytes]))),
            (Cow::Borrowed("PartitionKey"), Value::Str(Cow::Owned(format!("clé-{at}")))),
        ])
    };
    bodies(&Value::Map(vec![
        (Cow::Borrowed("StreamName"), Value::Str(Cow::Borrowed("orders"))),
        (Cow::Borrowed("Records"), Value::List((0..count).map(entry).collect())),
    ]))
}

#[test]
fn ordinary_requests_are_read_quickly() {
    let (json, cbor) = ordinary(500, 10);
    let json = PutRecordsInput::decode_quickly(Encoding::Json, &json).expect("quick JSON");
    let cbor = PutRecordsInput::decode_quickly(Encoding::Cbor, &cbor).expect("quick CBOR");
    assert_eq!(json, cbor);
    assert_eq!(json.records.len(), 500);
    assert_eq!(json.records[7].data, vec![7; 10]);
    assert_eq!(json.records[7].partition_key.as_deref(), Some("clé-7"));
    // botocore escapes everything that is not ASCII.
    let escaped = Bytes::from_static(
        br#"{"StreamName": "orders", "Data": "aGk=", "PartitionKey": "caf\u00e9"}"#,
    );
    let record = PutRecordInput::decode_quickly(Encoding::Json, &escaped).expect("quick JSON");
    assert_eq!(record.partition_key.as_deref(), Some("café"));
}

#[test]
fn payloads_of_one_request_share_one_buffer() {
    let (json, cbor) = ordinary(3, 100);
    for (encoding, body) in [(Encoding::Json, &json), (Encoding::Cbor, &cbor)] {
        let input = PutRecordsInput::decode_quickly(encoding, body).unwrap();
        let start = |at: usize| input.records[at].data.as_ptr() as usize;
        match encoding {
            Encoding::Json => assert_eq!([start(1), start(2)], [start(0) + 100, start(0) + 200]),
            Encoding::Cbor => {
                let body = body.as_ptr() as usize..body.as_ptr() as usize + body.len();
                assert!((0..3).all(|at| body.contains(&start(at))));
            }
        }
    }
}

#[test]
fn too_many_entries_are_left_to_the_careful_way() {
    let (json, cbor) = ordinary(501, 0);
    for (encoding, body) in [(Encoding::Json, &json), (Encoding::Cbor, &cbor)] {
        assert_eq!(PutRecordsInput::decode_quickly(encoding, body), None);
        let refusal = decode_carefully::<PutRecordsInput>(encoding, body).unwrap_err().to_string();
        assert!(refusal.contains("length less than or equal to 500"), "{refusal}");
    }
}
