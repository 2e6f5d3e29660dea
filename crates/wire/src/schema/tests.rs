use bytes::Bytes;

use crate::codec::{Encoding, decode_carefully};
use crate::error::{ApiError, ErrorCode};
use crate::kinesis::*;
use crate::schema::{Input, blob_too_long};

fn read<I: Input>(json: &str) -> Result<I, ApiError> {
    decode_carefully(Encoding::Json, &Bytes::copy_from_slice(json.as_bytes()))
}

#[track_caller]
fn mismatch<I: Input>(json: &str, text: &str) {
    let error = read::<I>(json).err().expect("it should be refused");
    assert_eq!(error, ApiError::new(ErrorCode::Serialization, text), "{json}");
}

#[track_caller]
fn invalid<I: Input>(json: &str, text: &str) {
    let error = read::<I>(json).err().expect("it should be refused");
    assert_eq!(error.code, ErrorCode::Validation, "{json}");
    assert_eq!(error.message.unwrap(), text);
}

const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be \
                      converted to";
const NO_LIST: &str = "Start of list found where not expected";
const NO_MAP: &str = "Start of structure or map found where not expected.";

#[test]
fn texts_and_numbers_of_the_wrong_type_are_refused_in_awss_words() {
    let name = |value: &str| format!(r#"{{"StreamName":{value}}}"#);
    let no_text = "class java.lang.Boolean can not be converted to an String";
    mismatch::<DescribeStreamInput>(&name("true"), no_text);
    mismatch::<DescribeStreamInput>(&name("1.5"), &format!("{NUMBER} an String"));
    mismatch::<DescribeStreamInput>(&name("[]"), NO_LIST);
    mismatch::<DescribeStreamInput>(&name("{}"), NO_MAP);
    let limit = |value: &str| format!(r#"{{"Limit":{value}}}"#);
    let no_number = "class java.lang.String can not be converted to an Integer";
    mismatch::<DescribeStreamInput>(&limit(r#""1""#), no_number);
    let no_number = "class java.lang.Boolean can not be converted to an Integer";
    mismatch::<DescribeStreamInput>(&limit("false"), no_number);
    mismatch::<DescribeStreamInput>(&limit("[1]"), NO_LIST);
}

#[test]
fn booleans_are_read_from_words_and_refused_in_capitals() {
    let enforce = |value: &str| format!(r#"{{"EnforceConsumerDeletion":{value}}}"#);
    for (value, expected) in
        [("true", true), (r#""True""#, true), (r#""1""#, true), (r#""yes""#, true)]
            .into_iter()
            .chain([("false", false), (r#""FALSE""#, false), (r#""0""#, false), (r#""no""#, false)])
    {
        let input = read::<DeleteStreamInput>(&enforce(value)).unwrap();
        assert_eq!(input.enforce_consumer_deletion, Some(expected), "{value}");
    }
    let refused = "'MAYBE' can not be converted to an Boolean";
    mismatch::<DeleteStreamInput>(&enforce(r#""maybe""#), refused);
    mismatch::<DeleteStreamInput>(&enforce("1"), &format!("{NUMBER} an Boolean"));
}

#[test]
fn blobs_that_are_not_base64_are_refused_with_the_fault() {
    let data = |value: &str| format!(r#"{{"Data":{value}}}"#);
    for (value, text) in [
        ("true", "class java.lang.Boolean can not be converted to a Blob"),
        (
            r#""23456""#,
            "'23456' can not be converted to a Blob: Base64 encoded length is expected a \
             multiple of 4 bytes but found: 5",
        ),
        (r#""=+/=""#, "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"),
        (
            r#""+/+=""#,
            "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character \
             dectected",
        ),
        (r#""a===""#, "'a===' can not be converted to a Blob: Invalid Base64 character: '='"),
        (
            r#""ab\ncd12""#,
            "'ab\ncd12' can not be converted to a Blob: Base64 encoded length is expected a \
             multiple of 4 bytes but found: 7",
        ),
    ] {
        mismatch::<PutRecordInput>(&data(value), text);
    }
    mismatch::<PutRecordInput>(&data("7"), &format!("{NUMBER} a Blob"));
    assert_eq!(read::<PutRecordInput>(&data(r#""""#)).unwrap().data, Bytes::new());
}

#[test]
fn a_refused_blob_is_not_sent_back_whole() {
    let error = read::<PutRecordInput>(&format!(r#"{{"Data":"{}é"}}"#, "!".repeat(2000)));
    assert!(error.unwrap_err().message.unwrap().len() < 1200);
}

#[test]
fn moments_are_seconds_in_json_and_milliseconds_in_cbor() {
    let at = |value: &str| format!(r#"{{"StreamCreationTimestamp":{value}}}"#);
    for (value, millis) in
        [("1459799926.480", 1_459_799_926_480), ("1459799926", 1_459_799_926_000), ("-5", 0)]
    {
        let input = read::<ListShardsInput>(&at(value)).unwrap();
        assert_eq!(input.stream_creation_timestamp.unwrap().as_millis(), millis);
    }
    let wanted = "can not be converted to milliseconds since epoch";
    mismatch::<ListShardsInput>(&at(r#""1""#), &format!("class java.lang.String {wanted}"));
    mismatch::<ListShardsInput>(&at("true"), &format!("class java.lang.Boolean {wanted}"));

    // With the tag or without it, whole or not: AWS counts milliseconds here.
    for number in
        [&b"\xc1\x1b\x00\x00\x01\x53\xe2\xf4\xd8\x30"[..], b"\x1b\x00\x00\x01\x53\xe2\xf4\xd8\x30"]
    {
        let body = [b"\xa1\x77StreamCreationTimestamp", number].concat();
        let input: ListShardsInput = decode_carefully(Encoding::Cbor, &body.into()).unwrap();
        assert_eq!(input.stream_creation_timestamp.unwrap().as_millis(), 0x0153_e2f4_d830);
    }
}

#[test]
fn containers_of_the_wrong_kind_are_refused_in_awss_words() {
    let records = |value: &str| format!(r#"{{"Records":{value}}}"#);
    mismatch::<PutRecordsInput>(&records("1"), "Expected list or null");
    mismatch::<PutRecordsInput>(&records("{}"), NO_MAP);
    mismatch::<PutRecordsInput>(&records("[7]"), "Expected null");
    mismatch::<PutRecordsInput>(&records("[[]]"), NO_LIST);
    let tags = |value: &str| format!(r#"{{"Tags":{value}}}"#);
    mismatch::<AddTagsToStreamInput>(&tags(r#""a""#), "Expected map or null");
    mismatch::<AddTagsToStreamInput>(&tags("[]"), NO_LIST);
    let no_text = format!("{NUMBER} an String");
    mismatch::<AddTagsToStreamInput>(&tags(r#"{"a":1}"#), &no_text);
    mismatch::<ListShardsInput>(r#"{"ShardFilter":"a"}"#, "Expected null");
}

#[test]
fn the_first_mismatch_is_reported_and_types_come_before_constraints() {
    mismatch::<PutRecordInput>(
        r#"{"PartitionKey":true,"StreamName":1,"Data":""}"#,
        "class java.lang.Boolean can not be converted to an String",
    );
    mismatch::<DescribeStreamInput>(
        r#"{"StreamName":"","Limit":"1"}"#,
        "class java.lang.String can not be converted to an Integer",
    );
}

#[test]
fn a_body_that_is_no_object_has_no_text() {
    for body in ["[]", "1", "{", "", "null", "{}x", "{\"a\":\u{7f}"] {
        let error = read::<ListStreamsInput>(body).unwrap_err();
        assert_eq!(error, ApiError::bare(ErrorCode::Serialization), "{body}");
    }
}

#[test]
fn numbers_are_floored_and_clamped() {
    let limit = |value: &str| {
        let json = format!(r#"{{"RetentionPeriodHours":{value}}}"#);
        read::<IncreaseStreamRetentionPeriodInput>(&json).unwrap().retention_period_hours
    };
    assert_eq!(limit("24.9"), 24);
    assert_eq!(limit("-0.5"), -1);
    assert_eq!(limit("2147483648"), i32::MAX);
    assert_eq!(limit("1e300"), i32::MAX);
    assert_eq!(limit("-99999999999999999999"), i32::MIN);
}

#[test]
fn nulls_and_unknown_members_are_ignored_and_the_last_of_a_name_counts() {
    let json = r#"{"Nope":[{}],"Limit":5,"StreamName":null,"Limit":7}"#;
    let input = read::<DescribeStreamInput>(json).unwrap();
    assert_eq!(input, DescribeStreamInput { limit: Some(7), ..Default::default() });
}

#[test]
fn an_absent_member_is_null_in_the_text() {
    invalid::<CreateStreamInput>(
        "{}",
        "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: \
         Member must not be null",
    );
    invalid::<GetShardIteratorInput>(
        r#"{"StreamName":"a","ShardId":null}"#,
        "2 validation errors detected: Value null at 'shardId' failed to satisfy constraint: \
         Member must not be null; Value null at 'shardIteratorType' failed to satisfy \
         constraint: Member must not be null",
    );
}

#[test]
fn an_empty_name_violates_its_pattern_and_then_its_length() {
    invalid::<CreateStreamInput>(
        r#"{"StreamName":""}"#,
        "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at \
         'streamName' failed to satisfy constraint: Member must have length greater than or \
         equal to 1",
    );
    let long = "a".repeat(129);
    invalid::<CreateStreamInput>(
        &format!(r#"{{"StreamName":"{long}"}}"#),
        &format!(
            "1 validation error detected: Value '{long}' at 'streamName' failed to satisfy \
             constraint: Member must have length less than or equal to 128"
        ),
    );
}

#[test]
fn numbers_and_enumerations_out_of_range_are_named() {
    invalid::<DescribeStreamInput>(
        r#"{"Limit":0}"#,
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member \
         must have value greater than or equal to 1",
    );
    invalid::<GetRecordsInput>(
        r#"{"ShardIterator":"a","Limit":10001}"#,
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: \
         Member must have value less than or equal to 10000",
    );
    invalid::<GetShardIteratorInput>(
        r#"{"ShardId":"s","ShardIteratorType":"NOW"}"#,
        "1 validation error detected: Value 'NOW' at 'shardIteratorType' failed to satisfy \
         constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, \
         AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
    );
    invalid::<UpdateMaxRecordSizeInput>(
        r#"{"MaxRecordSizeInKiB":1023}"#,
        "1 validation error detected: Value '1023' at 'maxRecordSizeInKiB' failed to satisfy \
         constraint: Member must have value greater than or equal to 1024",
    );
    invalid::<UpdateMaxRecordSizeInput>(
        r#"{"MaxRecordSizeInKiB":10241}"#,
        "1 validation error detected: Value '10241' at 'maxRecordSizeInKiB' failed to satisfy \
         constraint: Member must have value less than or equal to 10240",
    );
    invalid::<EnableEnhancedMonitoringInput>(
        r#"{"ShardLevelMetrics":["IncomingBytes","Bytes"]}"#,
        "1 validation error detected: Value '[IncomingBytes, Bytes]' at 'shardLevelMetrics' \
         failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum \
         value set: [IncomingBytes, IncomingRecords, OutgoingBytes, OutgoingRecords, \
         WriteProvisionedThroughputExceeded, ReadProvisionedThroughputExceeded, \
         IteratorAgeMilliseconds, ALL]]",
    );
}

#[test]
fn members_of_records_have_paths_counted_from_one() {
    invalid::<PutRecordsInput>(
        r#"{"Records":[{"Data":"","PartitionKey":"a"},{"PartitionKey":"","ExplicitHashKey":"-1"}]}"#,
        "3 validation errors detected: Value null at 'records.2.member.data' failed to satisfy \
         constraint: Member must not be null; Value '-1' at 'records.2.member.explicitHashKey' \
         failed to satisfy constraint: Member must satisfy regular expression pattern: \
         0|([1-9]\\d{0,38}); Value '' at 'records.2.member.partitionKey' failed to satisfy \
         constraint: Member must have length greater than or equal to 1",
    );
    invalid::<PutRecordsInput>(
        r#"{"Records":[null]}"#,
        "1 validation error detected: Value null at 'records.1.member' failed to satisfy \
         constraint: Member must not be null",
    );
    invalid::<PutRecordsInput>(
        r#"{"Records":[]}"#,
        "1 validation error detected: Value '[]' at 'records' failed to satisfy constraint: \
         Member must have length greater than or equal to 1",
    );
}

#[test]
fn a_list_that_is_too_long_is_shown_as_java_would() {
    let entries = vec!["{\"Data\":\"\"}"; 501].join(",");
    let error = read::<PutRecordsInput>(&format!(r#"{{"Records":[{entries}]}}"#)).unwrap_err();
    let text = error.message.unwrap();
    let start = "1 validation error detected: Value \
                 '[com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@1, com.";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with(
        "]' at 'records' failed to satisfy constraint: Member must have length less than or equal \
         to 500"
    ));
    // Far too long, and the value is left out.
    let entries = vec!["{\"Data\":\"\"}"; 5000].join(",");
    let error = read::<PutRecordsInput>(&format!(r#"{{"Records":[{entries}]}}"#)).unwrap_err();
    assert_eq!(
        error.message.unwrap(),
        "1 validation error detected: Value at 'records' failed to satisfy constraint: Member \
         must have length less than or equal to 500"
    );
}

#[test]
fn lengths_inside_lists_and_maps_are_reported_for_the_whole() {
    let key = "k".repeat(129);
    invalid::<RemoveTagsFromStreamInput>(
        &format!(r#"{{"TagKeys":["a","{key}"]}}"#),
        &format!(
            "1 validation error detected: Value '[a, {key}]' at 'tagKeys' failed to satisfy \
             constraint: Member must satisfy constraint: [Member must have length less than or \
             equal to 128, Member must have length greater than or equal to 1]"
        ),
    );
    let value = "v".repeat(257);
    invalid::<AddTagsToStreamInput>(
        &format!(r#"{{"Tags":{{"a":"","":"{value}"}}}}"#),
        &format!(
            "2 validation errors detected: Value '{{={value}, a=}}' at 'tags' failed to satisfy \
             constraint: Map keys must satisfy constraint: [Member must have length less than or \
             equal to 128, Member must have length greater than or equal to 1]; Value \
             '{{={value}, a=}}' at 'tags' failed to satisfy constraint: Map value must satisfy \
             constraint: [Member must have length less than or equal to 256, Member must have \
             length greater than or equal to 0]"
        ),
    );
    invalid::<AddTagsToStreamInput>(
        r#"{"Tags":{"a":null}}"#,
        "1 validation error detected: Value null at 'tags.a.member' failed to satisfy \
         constraint: Member must not be null",
    );
}

#[test]
fn no_more_than_ten_violations_are_reported() {
    let entries = vec!["{}"; 40].join(",");
    let text = read::<PutRecordsInput>(&format!(r#"{{"Records":[{entries}]}}"#))
        .unwrap_err()
        .message
        .unwrap();
    assert!(text.starts_with("10 validation errors detected: "), "{text}");
    assert_eq!(text.matches("Member must not be null").count(), 10);
}

#[test]
fn partition_keys_are_counted_in_characters() {
    let put =
        |key: &str| read::<PutRecordInput>(&format!(r#"{{"Data":"","PartitionKey":"{key}"}}"#));
    assert!(put(&"\u{1f980}".repeat(256)).is_ok());
    assert!(put(&"a".repeat(257)).is_err());
}

#[test]
fn a_record_too_large_for_its_stream_is_refused_like_one_too_large_for_any() {
    assert_eq!(
        blob_too_long("records.3.member.data", 1_048_577, 1_048_576).message.unwrap(),
        "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=1048577 \
         cap=1048577]' at 'records.3.member.data' failed to satisfy constraint: Member must have \
         length less than or equal to 1048576"
    );
}
