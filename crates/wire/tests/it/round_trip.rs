//! Any legal input means the same in both encodings, and comes back from both.

use std::borrow::Cow;
use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use wire::admin::*;
use wire::codec::{decode, decode_input, decode_output, encode};
use wire::kinesis::*;
use wire::schema::{Input, Length, Shape, Structure, Text};
use wire::value::Value;
use wire::{ApiError, Encoding};

use crate::tree::{Tree, bodies, run};

/// A legal value of a shape.
fn legal(shape: &'static Shape) -> BoxedStrategy<Tree> {
    match shape {
        Shape::String(text) => {
            legal_text(text).prop_map(|text| Value::Str(Cow::Owned(text))).boxed()
        }
        Shape::Integer(range) => {
            let min = range.min.unwrap_or(i64::from(i32::MIN));
            let max = range.max.unwrap_or(i64::from(i32::MAX));
            (min..=max).prop_map(Value::Int).boxed()
        }
        Shape::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        Shape::Blob(_) => proptest::collection::vec(any::<u8>(), 0..64)
            .prop_map(|bytes| Value::Blob(Bytes::from(bytes)))
            .boxed(),
        Shape::Timestamp => (0..4_000_000_000_000i64).prop_map(Value::Timestamp).boxed(),
        Shape::List(list) => proptest::collection::vec(legal(&list.element), size(list.length))
            .prop_map(Value::List)
            .boxed(),
        Shape::Map(map) => proptest::collection::btree_map(
            legal_text(&map.key),
            legal_text(&map.value),
            size(map.length),
        )
        .prop_map(|map| {
            let entry = |(key, value)| (Cow::Owned(key), Value::Str(Cow::Owned(value)));
            Value::Map(map.into_iter().map(entry).collect())
        })
        .boxed(),
        Shape::Structure(structure) => legal_structure(structure),
    }
}

type Entry = (Cow<'static, str>, Tree);

/// Every legal structure: required members always there, the others sometimes, or null.
fn legal_structure(structure: &Structure) -> BoxedStrategy<Tree> {
    let members: Vec<BoxedStrategy<Option<Entry>>> = structure
        .members
        .iter()
        .map(|member| {
            let some =
                legal(&member.shape).prop_map(|value| Some((Cow::Borrowed(member.name), value)));
            if member.required {
                return some.boxed();
            }
            let null = Just(Some((Cow::Borrowed(member.name), Value::Null)));
            prop_oneof![3 => some, 1 => null, 2 => Just(None)].boxed()
        })
        .collect();
    members.prop_map(|members| Value::Map(members.into_iter().flatten().collect())).boxed()
}

fn size(length: Length) -> std::ops::RangeInclusive<usize> {
    length.min.unwrap_or(0) as usize..=(length.max.unwrap_or(9) as usize).min(9)
}

fn legal_text(text: &Text) -> BoxedStrategy<String> {
    if !text.values.is_empty() {
        return select(text.values).prop_map(str::to_owned).boxed();
    }
    let samples: &'static [&'static str] = match text.pattern.map(|pattern| pattern.text) {
        Some("[a-zA-Z0-9_.-]+") => &["orders", "shardId-000000000000", "a.b_c-D"],
        Some(pattern) if pattern.starts_with("0|") => {
            &["0", "340282366920938463463374607431768211455"]
        }
        Some(pattern) if pattern.starts_with("arn:") => {
            &["arn:aws:kinesis:eu-west-1:123456789012:stream/orders"]
        }
        Some(r"\d{12}") => &["123456789012"],
        Some(r"[\w]+") => &["AKIAEXAMPLE000000000"],
        Some(_) => &["abcdefghij0123456789-a1b"],
        None => &["a", "é\u{1f980}", "\"quoted\\\"\n", " ", "\u{0}\u{1f}\u{7f}"],
    };
    let legal: Vec<_> = samples.iter().copied().filter(|sample| text.admits(sample)).collect();
    select(legal).prop_map(str::to_owned).boxed()
}

fn read<I: Input>(encoding: Encoding, body: &Bytes) -> Result<I, ApiError> {
    decode_input(encoding, body)
}

fn check_legal<I: Input + PartialEq + Debug>(value: &Value<'_>) {
    let (json, cbor) = bodies(value);
    let input = read::<I>(Encoding::Json, &json).unwrap_or_else(|e| panic!("{e}: {json:?}"));
    assert_eq!(read::<I>(Encoding::Cbor, &cbor).as_ref(), Ok(&input));
    for encoding in [Encoding::Json, Encoding::Cbor] {
        assert_eq!(read::<I>(encoding, &encode(encoding, &input)).as_ref(), Ok(&input));
    }
}

/// Anything at all, with the names of real members here and there.
fn anything() -> impl Strategy<Value = Tree> {
    let names =
        ["Records", "Data", "PartitionKey", "StreamName", "Tags", "Limit", "ShardFilter", "x"];
    let name = select(names.to_vec()).prop_map(Cow::Borrowed);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1.0e9..1.0e9f64).prop_map(|number| Value::Float(number.floor() + 0.5)),
        select(vec!["", "a", "é", "YES", "aGk=", "=+/="])
            .prop_map(|text| Value::Str(Cow::Borrowed(text))),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::vec((name.clone(), inner), 0..5).prop_map(Value::Map),
        ]
    })
}

fn check<I: Input + PartialEq + Debug>() {
    run(legal_structure(&I::SHAPE), |value| check_legal::<I>(&value));
    run(anything(), |value| {
        let (json, cbor) = bodies(&value);
        assert_eq!(read::<I>(Encoding::Json, &json), read::<I>(Encoding::Cbor, &cbor));
    });
}

#[test]
fn every_input_reads_legal_values_and_judges_others_alike_in_both_encodings() {
    check::<AddTagsToStreamInput>();
    check::<CreateStreamInput>();
    check::<DecreaseStreamRetentionPeriodInput>();
    check::<DeleteStreamInput>();
    check::<DescribeLimitsInput>();
    check::<DescribeStreamInput>();
    check::<DescribeStreamSummaryInput>();
    check::<GetRecordsInput>();
    check::<GetShardIteratorInput>();
    check::<IncreaseStreamRetentionPeriodInput>();
    check::<ListShardsInput>();
    check::<ListStreamsInput>();
    check::<ListTagsForResourceInput>();
    check::<ListTagsForStreamInput>();
    check::<MergeShardsInput>();
    check::<PutRecordInput>();
    check::<PutRecordsInput>();
    check::<RemoveTagsFromStreamInput>();
    check::<SplitShardInput>();
    check::<StartStreamEncryptionInput>();
    check::<StopStreamEncryptionInput>();
    check::<TagResourceInput>();
    check::<UntagResourceInput>();
    check::<UpdateShardCountInput>();
}

#[test]
fn inputs_of_weirs_own_operations_do_so_too() {
    check::<CreateAccessKeyInput>();
    check::<CreateAccountInput>();
    check::<CreateRoleInput>();
    check::<CreateUserInput>();
    check::<DeleteAccessKeyInput>();
    check::<DeletePrincipalPolicyInput>();
    check::<DeleteRoleInput>();
    check::<DeleteUserInput>();
    check::<GetPrincipalPolicyInput>();
    check::<GetRoleInput>();
    check::<GetUserInput>();
    check::<ListAccessKeysInput>();
    check::<ListAccountsInput>();
    check::<ListPrincipalPoliciesInput>();
    check::<ListRolesInput>();
    check::<ListUsersInput>();
    check::<PutPrincipalPolicyInput>();
    check::<SimulatePolicyInput>();
    check::<UpdateAccessKeyInput>();
    check::<UpdateRoleInput>();
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
fn arbitrary_bytes_are_read_or_refused() {
    run(proptest::collection::vec(any::<u8>(), 0..200), |bytes| {
        let body = Bytes::from(bytes);
        for encoding in [Encoding::Json, Encoding::Cbor] {
            let _ = decode(encoding, &body);
            let _ = read::<PutRecordsInput>(encoding, &body);
            let _ = decode_output::<GetRecordsOutput>(encoding, &body);
            let _ = ApiError::decode(encoding, 400, &body);
        }
    });
}

#[test]
fn a_body_with_a_few_wrong_bytes_is_read_or_refused() {
    let input = || legal_structure(&PutRecordsInput::SHAPE);
    let faults = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    run((input(), faults), |(value, faults)| {
        let (json, cbor) = bodies(&value);
        for (encoding, body) in [(Encoding::Json, json), (Encoding::Cbor, cbor)] {
            let mut bytes = body.to_vec();
            for (at, byte) in &faults {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = read::<PutRecordsInput>(encoding, &Bytes::from(bytes));
        }
    });
}
