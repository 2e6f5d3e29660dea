//! Bodies for tests, written without this crate's writers.

use std::fmt::Debug;

use bytes::Bytes;
use minicbor::Encoder;
use minicbor::data::Tag;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wire::value::Value;

pub(crate) type Tree = Value<'static>;

pub(crate) fn run<T: Debug>(strategy: impl Strategy<Value = T>, test: impl Fn(T)) {
    run_cases(48, strategy, test);
}

pub(crate) fn run_cases<T: Debug>(
    cases: u32,
    strategy: impl Strategy<Value = T>,
    test: impl Fn(T),
) {
    // What is found becomes a test of its own: nothing is kept beside the sources.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&strategy, |value| {
        test(value);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// JSON as a client would write it; blanks and all.
fn json(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(&truth.to_string()),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&number.to_string()),
        Value::Timestamp(millis) => {
            out.push_str(&format!("{}.{:03}", millis / 1000, millis % 1000));
        }
        Value::Str(text) => out.push_str(&serde_json::to_string(text).unwrap()),
        Value::Blob(bytes) => {
            out.push_str(&format!("\"{}\"", base64_simd::STANDARD.encode_to_string(bytes)));
        }
        Value::List(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                out.push_str(if at > 0 { " , " } else { "" });
                json(value, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&serde_json::to_string(key).unwrap());
                out.push_str(" : ");
                json(value, out);
            }
            out.push('}');
        }
    }
}

/// CBOR with definite lengths, which AWS's own writers do not use and others do.
fn cbor(value: &Value<'_>, out: &mut Encoder<Vec<u8>>) {
    match value {
        Value::Null => out.null().unwrap(),
        Value::Bool(truth) => out.bool(*truth).unwrap(),
        Value::Int(number) => out.i64(*number).unwrap(),
        Value::Float(number) => out.f64(*number).unwrap(),
        Value::Timestamp(millis) => out.tag(Tag::new(1)).unwrap().i64(*millis).unwrap(),
        Value::Str(text) => out.str(text).unwrap(),
        Value::Blob(bytes) => out.bytes(bytes).unwrap(),
        Value::List(list) => {
            out.array(list.len() as u64).unwrap();
            list.iter().for_each(|value| cbor(value, out));
            out
        }
        Value::Map(map) => {
            out.map(map.len() as u64).unwrap();
            for (key, value) in map {
                out.str(key).unwrap();
                cbor(value, out);
            }
            out
        }
    };
}

pub(crate) fn bodies(value: &Value<'_>) -> (Bytes, Bytes) {
    let mut text = String::new();
    json(value, &mut text);
    let mut bytes = Encoder::new(Vec::new());
    cbor(value, &mut bytes);
    (Bytes::from(text), Bytes::from(bytes.into_writer()))
}
