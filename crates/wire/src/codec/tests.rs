use std::borrow::Cow;

use bytes::Bytes;
use model::Timestamp;

use super::{Encoding, decode, decode_output, encode};
use crate::kinesis::{GetRecordsOutput, ListStreamsOutput, Record, ShardIteratorType};
use crate::value::{MAX_DEPTH, MAX_VALUES, Value};

fn cbor(bytes: &[u8]) -> Result<Value<'static>, String> {
    let body = Bytes::copy_from_slice(bytes);
    // Leaked so that results can outlive the body.
    let body: &'static Bytes = Box::leak(Box::new(body));
    decode(Encoding::Cbor, body).map_err(|error| error.to_string())
}

#[test]
fn content_types_are_found_whatever_follows_them() {
    for (value, encoding) in [
        ("application/x-amz-json-1.1", Some(Encoding::Json)),
        (" application/x-amz-cbor-1.1 ; charset=utf-8", Some(Encoding::Cbor)),
        ("application/json", None),
        ("application/x-amz-json-1.0", None),
        ("", None),
    ] {
        assert_eq!(Encoding::from_content_type(value), encoding, "{value}");
    }
}

#[test]
fn moments_in_json_have_up_to_three_decimals_and_no_exponent() {
    for (millis, expected) in [
        (0, "0"),
        (1_506_440_188_749, "1506440188.749"),
        (1_603_149_588_042, "1603149588.042"),
        (1_603_149_588_000, "1603149588"),
        (1_459_799_926_480, "1459799926.48"),
        (1_459_799_926_400, "1459799926.4"),
        (7, "0.007"),
    ] {
        let time = Some(Timestamp::from_millis(millis));
        let record = Record { approximate_arrival_timestamp: time, ..Record::default() };
        let json = encode(Encoding::Json, &record);
        let start = format!(
            r#"{{"SequenceNumber":"","ApproximateArrivalTimestamp":{expected},"Data":""}}"#
        );
        assert_eq!(json, start);
        assert_eq!(decode_output::<Record>(Encoding::Json, &json).unwrap(), record);
    }
}

#[test]
fn moments_in_cbor_are_whole_milliseconds_under_the_epoch_tag() {
    let time = Some(Timestamp::from_millis(0x0153_e2f4_d830));
    let record = Record { approximate_arrival_timestamp: time, ..Record::default() };
    let body = encode(Encoding::Cbor, &record);
    let expected = b"\xc1\x1b\x00\x00\x01\x53\xe2\xf4\xd8\x30";
    assert!(body.windows(expected.len()).any(|window| window == expected));
    assert_eq!(decode_output::<Record>(Encoding::Cbor, &body).unwrap(), record);
}

#[test]
fn an_empty_body_is_the_answer_of_nothing() {
    for encoding in [Encoding::Json, Encoding::Cbor] {
        assert_eq!(encode(encoding, &()), Bytes::new());
        assert_eq!(decode_output::<()>(encoding, &Bytes::new()), Ok(()));
        assert!(decode_output::<ListStreamsOutput>(encoding, &Bytes::new()).is_err());
    }
}

#[test]
fn an_object_without_members_is_the_answer_of_nothing_too() {
    for (encoding, body) in [(Encoding::Json, &b"{}"[..]), (Encoding::Cbor, &[0xbf, 0xff])] {
        assert_eq!(decode_output::<()>(encoding, &Bytes::from_static(body)), Ok(()));
    }
    assert!(decode_output::<()>(Encoding::Json, &Bytes::from_static(b"[]")).is_err());
}

#[test]
fn absent_members_leave_no_trace() {
    let output = GetRecordsOutput { millis_behind_latest: Some(0), ..Default::default() };
    assert_eq!(encode(Encoding::Json, &output), r#"{"Records":[],"MillisBehindLatest":0}"#);
    let body = encode(Encoding::Cbor, &output);
    assert_eq!(body, &b"\xbf\x67Records\x9f\xff\x72MillisBehindLatest\x00\xff"[..]);
}

#[test]
fn the_names_of_iterator_types_are_those_on_the_wire() {
    for kind in [
        ShardIteratorType::AtSequenceNumber,
        ShardIteratorType::AfterSequenceNumber,
        ShardIteratorType::TrimHorizon,
        ShardIteratorType::Latest,
        ShardIteratorType::AtTimestamp,
    ] {
        assert_eq!(encode(Encoding::Json, &kind), format!("\"{}\"", kind.name()));
    }
}

#[test]
fn definite_and_indefinite_cbor_mean_the_same() {
    let text = |text: &'static str| Value::Str(Cow::Borrowed(text));
    for body in [
        &b"\xa1\x61a\x82\x62bc\x01"[..],
        b"\xbf\x61a\x9f\x62bc\x01\xff\xff",
        b"\xbf\x7f\x61a\xff\x9f\x7f\x61b\x61c\xff\x1b\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff",
        // The tag that marks CBOR as such.
        b"\xd9\xd9\xf7\xa1\x61a\x82\x62bc\x01",
    ] {
        let list = Value::List(vec![text("bc"), Value::Int(1)]);
        assert_eq!(cbor(body), Ok(Value::Map(vec![(Cow::Borrowed("a"), list)])));
    }
    let blob = Value::Blob(Bytes::from_static(b"xyz"));
    assert_eq!(cbor(b"\x43xyz"), Ok(blob.clone()));
    assert_eq!(cbor(b"\x5f\x41x\x42yz\xff"), Ok(blob.clone()));
    assert_eq!(cbor(b"\x5f\x41x\x41y\x41z\xff"), Ok(blob));
    assert_eq!(cbor(b"\x5f\xff"), Ok(Value::Blob(Bytes::new())));
}

#[test]
fn cbor_numbers_of_any_width_are_read() {
    assert_eq!(cbor(b"\x18\xff"), Ok(Value::Int(255)));
    assert_eq!(cbor(b"\x20"), Ok(Value::Int(-1)));
    assert_eq!(cbor(b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), Ok(Value::Int(i64::MIN)));
    assert_eq!(cbor(b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), Ok(Value::Float(2f64.powi(64))));
    assert_eq!(cbor(b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff"), Ok(Value::Float(-(2f64.powi(64)))));
    assert_eq!(cbor(b"\xf9\x3e\x00"), Ok(Value::Float(1.5)));
    assert_eq!(cbor(b"\xfa\x3f\xc0\x00\x00"), Ok(Value::Float(1.5)));
    assert_eq!(cbor(b"\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"), Ok(Value::Float(1.5)));
    assert_eq!(cbor(b"\xc1\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"), Ok(Value::Timestamp(2)));
    assert_eq!(cbor(b"\xf7"), Ok(Value::Null));
}

#[test]
fn cut_or_false_cbor_is_refused() {
    for body in [
        &b""[..],
        b"\xa1\x61a",
        b"\xbf\x61a\x01",
        b"\x62a",
        b"\x61\xff",
        b"\xff",
        b"\xa1\x01\x02",
        b"\xf8\x20",
        b"\x01\x01",
        b"\x5f\x61a\xff",
        b"\xc1",
    ] {
        assert!(cbor(body).is_err(), "{body:x?}");
    }
}

#[test]
fn claimed_lengths_are_not_believed() {
    for major in [0x40u8, 0x60, 0x80, 0xa0] {
        let body = [&[major | 27][..], &[0xff; 8]].concat();
        assert!(cbor(&body).is_err(), "{body:x?}");
        let body = [&[major | 27, 0x7f][..], &[0xff; 7]].concat();
        assert!(cbor(&body).is_err(), "{body:x?}");
    }
}

#[test]
fn nesting_beyond_the_limit_is_refused_in_both_encodings() {
    let json = |depth: usize| {
        let body = Bytes::from(["[".repeat(depth), "]".repeat(depth)].concat());
        decode(Encoding::Json, &body).is_ok()
    };
    assert!(json(MAX_DEPTH - 1));
    assert!(!json(MAX_DEPTH + 1));
    assert!(!json(1_000_000));
    assert!(cbor(&[vec![0x81; MAX_DEPTH - 1], vec![0x01]].concat()).is_ok());
    assert!(cbor(&[vec![0x81; MAX_DEPTH], vec![0x01]].concat()).is_err());
    assert!(cbor(&vec![0x9f; 1_000_000]).is_err());
    assert!(cbor(&vec![0xc1; 1_000_000]).is_err());
}

#[test]
fn more_values_than_any_legal_body_has_are_refused() {
    for (count, accepted) in [(MAX_VALUES - 1, true), (MAX_VALUES, false)] {
        let json = Bytes::from(format!("[{}]", vec!["0"; count].join(",")));
        assert_eq!(decode(Encoding::Json, &json).is_ok(), accepted);
        let body = [&[0x9f][..], &vec![0; count], &[0xff]].concat();
        assert_eq!(cbor(&body).is_ok(), accepted);
    }
}
