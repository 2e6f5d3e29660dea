use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn caller(principal: &str) -> Caller {
    Caller { principal: principal.into(), ..Caller::root("123456789012", "eu-west-1") }
}

fn event(operation: Operation, caller: Option<&Caller>, body: &'static str) -> Event {
    let asked = Asked {
        call: Call::Operation(operation, Encoding::Json, &Bytes::from_static(body.as_bytes())),
        caller,
        claimed_key: "AKIACLAIMED".into(),
        source_ip: [192, 0, 2, 7].into(),
        user_agent: "aws-cli/2",
        request_id: "1234",
    };
    asked.into_event(NOW, 7, 0)
}

fn json_of(event: &Event) -> Json {
    serde_json::to_value(event).unwrap()
}

#[test]
fn a_record_has_the_shape_of_cloudtrails() {
    let caller = caller("arn:aws:iam::123456789012:user/team/alice");
    let body = r#"{"StreamName":"s","ShardCount":2,"Tags":{"SecretSauce":"x","Team":"a"}}"#;
    let mut event = event(Operation::CreateStream, Some(&caller), body);
    event.answer(None::<&ApiError>);
    let expected = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "alice", "userName": "alice", "accessKeyId": "",
            "arn": "arn:aws:iam::123456789012:user/team/alice", "accountId": "123456789012",
        },
        "eventTime": "2027-01-15T08:00:00Z",
        "eventSource": "kinesis.amazonaws.com",
        "eventName": "CreateStream",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "aws-cli/2",
        "requestParameters": {
            "streamName": "s", "shardCount": 2, "tags": { "SecretSauce": "<hidden>", "Team": "a" },
        },
        "responseElements": null,
        "additionalEventData": { "answered": true },
        "requestID": "1234",
        "eventID": "00000000-0000-4000-8000-000000000007",
        "readOnly": false,
        "resources": [{
            "type": "AWS::Kinesis::Stream",
            "ARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/s",
        }],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    });
    assert_eq!(json_of(&event), expected);
}

#[test]
fn every_kind_of_principal_is_told_and_a_stranger_only_by_what_it_claims() {
    let of =
        |principal: &str| json_of(&event(Operation::ListStreams, Some(&caller(principal)), "{}"));
    let root = of("arn:aws:iam::123456789012:root")["userIdentity"].clone();
    assert_eq!((&root["type"], &root["principalId"]), (&json!("Root"), &json!("123456789012")));
    let role = of("arn:aws:sts::123456789012:assumed-role/reader/bob")["userIdentity"].clone();
    assert_eq!(role["type"], "AssumedRole");
    assert_eq!(role["principalId"], "reader:bob");
    let issuer = &role["sessionContext"]["sessionIssuer"];
    assert_eq!(issuer["arn"], "arn:aws:iam::123456789012:role/reader");

    let mut unknown = event(Operation::ListStreams, None, "{}");
    unknown.answer(Some(&ApiError::bare(wire::ErrorCode::UnrecognizedClient)));
    let unknown = json_of(&unknown);
    let identity = json!({ "type": "Unknown", "accessKeyId": "AKIACLAIMED" });
    assert_eq!(unknown["userIdentity"], identity);
    assert_eq!(unknown["errorCode"], "UnrecognizedClientException");
}

#[test]
fn payloads_and_secrets_are_left_out() {
    let root = caller("arn:aws:iam::123456789012:root");
    let put = r#"{"Records":[{"Data":"c2VjcmV0","PartitionKey":"k"}],"StreamARN":"arn:x"}"#;
    let put = json_of(&event(Operation::PutRecords, Some(&root), put));
    assert_eq!(
        put["requestParameters"],
        json!({ "records": { "count": 1 }, "streamARN": "arn:x" })
    );
    assert_eq!(put["eventCategory"], "Data");
    assert_eq!(put["resources"][0]["ARN"], "arn:x");
    let one = json_of(&event(Operation::PutRecord, Some(&root), r#"{"Data":"c2VjcmV0"}"#));
    assert!(!one.to_string().contains("c2VjcmV0"));
    let read = r#"{"ShardIterator":"AAA","ShardIteratorType":"LATEST","NextToken":"BBB"}"#;
    let read = json_of(&event(Operation::GetRecords, Some(&root), read));
    let expected = json!({ "shardIterator": "<hidden>", "shardIteratorType": "LATEST", "nextToken": "<hidden>" });
    assert_eq!(read["requestParameters"], expected);
    assert_eq!(read["readOnly"], true);
}

#[test]
fn what_cannot_be_read_is_too_large_or_is_of_a_stranger_is_left_out() {
    let root = caller("arn:aws:iam::123456789012:root");
    let of = |caller, body| json_of(&event(Operation::ListStreams, caller, body));
    let broken = of(Some(&root), "{");
    assert_eq!(broken["requestParameters"], Json::Null);
    let large = format!(r#"{{"StreamName":"{}"}}"#, "x".repeat(PARAMETERS_BYTES_MAX));
    let large = of(Some(&root), large.leak());
    assert!(large["requestParameters"]["omitted"].is_string());
    assert_eq!(of(None, "{\"Limit\":1}")["requestParameters"], Json::Null);
}

#[test]
fn every_record_repeats_the_digest_of_the_one_before_also_after_a_restart() {
    let event = event(Operation::ListStreams, None, "{}");
    let mut link = Link::after(Newest { next: 1, record: None });
    let chain = |record: &Bytes| serde_json::from_slice::<Json>(record).unwrap()["chain"].clone();
    let first = link.add(&event);
    assert_eq!(chain(&first), json!({ "sequence": 1, "previousDigest": NO_DIGEST }));
    let second = link.add(&event);
    assert_eq!(chain(&second), json!({ "sequence": 2, "previousDigest": digest(&first) }));
    let mut link = Link::after(Newest { next: 3, record: Some(second.clone()) });
    let third = link.add(&event);
    assert_eq!(chain(&third), json!({ "sequence": 3, "previousDigest": digest(&second) }));
    // SHA-256 of "abc", from FIPS 180-2.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest(b"abc"), abc);
}
