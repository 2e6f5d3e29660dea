//! The audit over the network: what is written, who may read it, and that nobody may change it.

use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};
use server::{Node, World};
use tokio::io::AsyncWriteExt;
use weir_client::{Client, ClientConfig, Credentials};
use wire::admin::{CreateAccessKeyInput, CreateAccountInput, CreateUserInput, NewAccessKey};
use wire::kinesis::*;
use wire::sigv4::{PayloadHash, Secret, sign_for};
use wire::{Call, ErrorCode, HttpRequest};

use crate::harness::{Hands, JSON, Sent, Started, config, post, request, start, start_with_clock};

const ROOT: (&str, &str) = ("AKIAROOT000000000000", "open sesame");
const KEY: &str =
    r#"[{access_key_id = "AKIAROOT000000000000", secret_access_key = "open sesame"}]"#;
const AUDITED: &[(&str, &str)] =
    &[("auth.mode", "verify"), ("auth.keys", KEY), ("audit.enabled", "true")];

fn client(node: &Node, (id, secret): (&str, &str)) -> Client {
    let credentials = Credentials {
        access_key_id: id.into(),
        secret_access_key: secret.into(),
        session_token: None,
    };
    let endpoint = node.endpoint();
    Client::new(ClientConfig { endpoint, credentials, attempts_max: 1, ..Default::default() })
        .unwrap()
}

fn arn() -> Option<String> {
    Some(server::audit_stream().to_string())
}

/// The code of a refusal, or nothing.
async fn code<I: Call<Output: serde::de::DeserializeOwned>>(
    client: &Client,
    input: I,
) -> Option<ErrorCode> {
    client.call(input).await.err().map(|error| error.code().unwrap())
}

fn create(name: &str) -> CreateStreamInput {
    CreateStreamInput { stream_name: name.into(), shard_count: Some(1), ..Default::default() }
}

/// Every record that is there, read as any client reads it.
async fn records(reader: &Client) -> Vec<Value> {
    let from = GetShardIteratorInput {
        stream_arn: arn(),
        shard_id: "shardId-000000000000".into(),
        ..Default::default()
    };
    let iterator = reader.call(from).await.unwrap().shard_iterator.unwrap();
    let read = GetRecordsInput { shard_iterator: iterator, ..Default::default() };
    let read = reader.call(read).await.unwrap().records;
    read.iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect()
}

/// What was called and what came of it.
fn told(records: &[Value]) -> Vec<(&str, &str)> {
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned().leak() as &str;
    records.iter().map(|r| (text(&r["eventName"]), text(&r["errorCode"]))).collect()
}

#[tokio::test]
async fn every_call_of_the_control_plane_is_written_carried_out_or_refused() {
    let started = start(AUDITED).await;
    let root = client(&started.node, ROOT);
    root.call(create("s")).await.unwrap();
    assert_eq!(code(&root, create("s")).await, Some(ErrorCode::ResourceInUse));
    let wrong = client(&started.node, (ROOT.0, "open barley"));
    assert_eq!(code(&wrong, create("t")).await, Some(ErrorCode::InvalidSignature));
    let mut http = started.http1().await;
    assert_eq!(http.send(post("ListStreams", "{}")).await.status, 400);
    let user = CreateUserInput { user_name: "alice".into(), ..Default::default() };
    root.call(user).await.unwrap();
    let key = CreateAccessKeyInput { user_name: Some("alice".into()), account_id: None };
    let NewAccessKey { access_key_id, secret_access_key, .. } =
        root.call(key).await.unwrap().access_key;
    let alice = client(&started.node, (&access_key_id, &secret_access_key));
    assert_eq!(code(&alice, create("u")).await, Some(ErrorCode::AccessDenied));
    assert_eq!(http.send(caller_identity()).await.status, 200);
    // Records go in without a record.
    let put = PutRecordInput {
        stream_name: Some("s".into()),
        partition_key: Some("k".into()),
        ..Default::default()
    };
    root.call(put).await.unwrap();

    let records = records(&root).await;
    let expected = [
        ("CreateStream", ""),
        ("CreateStream", "ResourceInUseException"),
        ("CreateStream", "InvalidSignatureException"),
        ("ListStreams", "MissingAuthenticationTokenException"),
        ("CreateUser", ""),
        ("CreateAccessKey", ""),
        ("CreateStream", "AccessDeniedException"),
        ("GetCallerIdentity", ""),
    ];
    assert_eq!(told(&records), expected);
    assert_eq!(records[0]["requestParameters"]["streamName"], "s");
    assert_eq!(records[0]["userIdentity"]["type"], "Root");
    assert_eq!(records[0]["userIdentity"]["accessKeyId"], ROOT.0);
    assert_eq!(records[0]["sourceIPAddress"], "127.0.0.1");
    assert_eq!(records[0]["additionalEventData"]["answered"], true);
    assert_eq!(records[2]["userIdentity"], json!({"type": "Unknown", "accessKeyId": ROOT.0}));
    assert_eq!(records[4]["eventSource"], "weir");
    assert_eq!(records[6]["userIdentity"]["userName"], "alice");
    assert_eq!(records[7]["eventSource"], "sts.amazonaws.com");
    let all = serde_json::to_string(&records).unwrap();
    assert!(!all.contains(&secret_access_key), "a secret is written");
    let places: Vec<_> = records.iter().map(|r| r["chain"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=8).collect::<Vec<u64>>());
}

/// GetCallerIdentity, signed by the root.
fn caller_identity() -> Sent {
    let (body, kind) =
        ("Action=GetCallerIdentity&Version=2011-06-15", "application/x-www-form-urlencoded");
    let mut request = request("POST", "", kind, body);
    request.headers_mut().remove("x-amz-target");
    let headers = [("host", &b"weir"[..]), ("content-type", kind.as_bytes())].into_iter().collect();
    let plain = HttpRequest { method: "POST", path: "/", query: "", headers };
    let credentials = wire::sigv4::Credentials {
        access_key_id: ROOT.0.into(),
        secret: Secret::new(ROOT.1),
        session_token: None,
    };
    let now = runtime::Clock::now(&runtime::SystemClock);
    let payload = PayloadHash::of(body.as_bytes());
    for (name, value) in sign_for(&plain, payload, &credentials, ("us-east-1", "sts"), now) {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn calls_that_move_records_are_written_when_the_settings_say_so() {
    let settings = [("audit.enabled", "true"), ("audit.data_plane", "true")];
    let started = start(&settings).await;
    let any = client(&started.node, ("any", "any"));
    any.call(create("s")).await.unwrap();
    let entry = PutRecordsRequestEntry {
        data: "hush hush".into(),
        partition_key: Some("k".into()),
        ..Default::default()
    };
    let put = PutRecordsInput {
        stream_name: Some("s".into()),
        records: vec![entry; 3],
        ..Default::default()
    };
    any.call(put).await.unwrap();
    let records = records(&any).await;
    let expected = [("CreateStream", ""), ("PutRecords", ""), ("GetShardIterator", "")];
    assert_eq!(told(&records), expected);
    assert_eq!(
        records[1]["requestParameters"],
        json!({"streamName": "s", "records": {"count": 3}})
    );
    assert_eq!(records[1]["eventCategory"], "Data");
}

#[tokio::test]
async fn the_chain_goes_on_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let config = config(home.path(), AUDITED);
        let world = World::real(&config).unwrap();
        let node = Node::start(config, world).await.unwrap();
        let root = client(&node, ROOT);
        root.call(ListStreamsInput::default()).await.unwrap();
        node.stop().await.unwrap();
    }
    let config = config(home.path(), AUDITED);
    let world = World::real(&config).unwrap();
    let node = Node::start(config, world).await.unwrap();
    let records = records(&client(&node, ROOT)).await;
    assert_eq!(records.len(), 3);
    let mut seen = Vec::new();
    for (place, record) in (1..).zip(&records) {
        assert_eq!(record["chain"]["sequence"], place);
        let previous = record["chain"]["previousDigest"].as_str().unwrap();
        assert!(!seen.contains(&previous), "the chain begins again");
        seen.push(previous);
    }
    node.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_the_answer_leaves_a_record_all_the_same() {
    let started = start(&[("audit.enabled", "true")]).await;
    let any = client(&started.node, ("any", "any"));
    let body = r#"{"StreamName":"s","ShardCount":1}"#;
    let mut stream = started.connect().await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: weir\r\nx-amz-target: Kinesis_20131202.CreateStream\r\n\
         content-type: {JSON}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    drop(stream);
    let described =
        || DescribeStreamSummaryInput { stream_name: Some("s".into()), ..Default::default() };
    while code(&any, described()).await.is_some() {}
    while !told(&records(&any).await).contains(&("CreateStream", "")) {}
}

#[tokio::test]
async fn only_who_is_allowed_reads_the_audit_and_nobody_writes_it() {
    let started = start(AUDITED).await;
    let root = client(&started.node, ROOT);
    let user = CreateUserInput { user_name: "alice".into(), ..Default::default() };
    root.call(user).await.unwrap();
    let key = CreateAccessKeyInput { user_name: Some("alice".into()), account_id: None };
    let alice = root.call(key).await.unwrap().access_key;
    let alice = client(&started.node, (&alice.access_key_id, &alice.secret_access_key));
    let account = CreateAccountInput { account_id: "111122223333".into(), ..Default::default() };
    let other = root.call(account).await.unwrap().access_key;
    let other = client(&started.node, (&other.access_key_id, &other.secret_access_key));
    let from =
        || GetShardIteratorInput { stream_arn: arn(), shard_id: "0".into(), ..Default::default() };
    assert_eq!(code(&root, from()).await, None);
    assert_eq!(code(&alice, from()).await, Some(ErrorCode::AccessDenied));
    assert_eq!(code(&other, from()).await, Some(ErrorCode::AccessDenied));
    // An iterator is no permission of its own.
    let iterator = root.call(from()).await.unwrap().shard_iterator.unwrap();
    let read = GetRecordsInput { shard_iterator: iterator, ..Default::default() };
    assert_eq!(code(&other, read).await, Some(ErrorCode::AccessDenied));

    let denied = Some(ErrorCode::AccessDenied);
    let put =
        PutRecordInput { stream_arn: arn(), partition_key: Some("k".into()), ..Default::default() };
    assert_eq!(code(&root, put).await, denied);
    let delete = DeleteStreamInput { stream_arn: arn(), ..Default::default() };
    assert_eq!(code(&root, delete).await, denied);
    let shorten = DecreaseStreamRetentionPeriodInput {
        stream_arn: arn(),
        retention_period_hours: 24,
        ..Default::default()
    };
    assert_eq!(code(&root, shorten).await, denied);
    let unshare = DeleteResourcePolicyInput { resource_arn: arn().unwrap(), ..Default::default() };
    assert_eq!(code(&root, unshare).await, denied);
    let split = SplitShardInput {
        stream_arn: arn(),
        shard_to_split: "0".into(),
        new_starting_hash_key: "7".into(),
        ..Default::default()
    };
    assert_eq!(code(&root, split).await, denied);
}

#[tokio::test]
async fn records_about_callers_that_nobody_knows_are_bounded() {
    let clock = Arc::new(Hands::at(Timestamp::from_seconds(1_800_000_000)));
    let started = start_with_clock(AUDITED, clock).await;
    flood(&started, 300).await;
    let written = started.metric("weir_server_audit_records_total").await;
    let omitted = started.metric("weir_server_audit_omitted_total").await;
    assert_eq!((written, omitted), (50.0, 250.0));
}

async fn flood(started: &Started, count: usize) {
    let mut http = started.http1().await;
    for _ in 0..count {
        assert_eq!(http.send(post("ListStreams", "{}")).await.status, 400);
    }
}
