//! Keys and encrypted streams over the network, and what of them is on disk.

use std::path::Path;

use weir_client::{Client, ClientConfig, Error};
use wire::ErrorCode;
use wire::admin::*;
use wire::kinesis::*;

use crate::harness::{Started, config, start};

const ALIAS: &str = "alias/orders";

fn client(started: &Started) -> Client {
    let endpoint = format!("http://{}", started.node.address());
    Client::new(ClientConfig { endpoint, attempts_max: 1, ..Default::default() }).unwrap()
}

fn refused<T>(result: Result<T, Error>) -> (ErrorCode, String) {
    match result {
        Err(Error::Service { error, .. }) => (error.code, error.to_string()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

async fn create_stream(client: &Client, name: &str) {
    let input =
        CreateStreamInput { stream_name: name.into(), shard_count: Some(1), ..Default::default() };
    client.call(input).await.unwrap();
}

async fn encrypt(client: &Client, name: &str, key_id: &str) -> Result<(), Error> {
    let input = StartStreamEncryptionInput {
        stream_name: Some(name.into()),
        encryption_type: EncryptionType::Kms,
        key_id: key_id.into(),
        stream_arn: None,
        stream_id: None,
    };
    client.call(input).await
}

/// Puts so much, always the same, that it reaches a segment.
async fn put(client: &Client, name: &str, text: &str) {
    let entry = PutRecordsRequestEntry {
        data: text.repeat(2000).into_bytes().into(),
        partition_key: Some(format!("key-of-{text}")),
        ..Default::default()
    };
    for _ in 0..4 {
        let input = PutRecordsInput {
            stream_name: Some(name.into()),
            records: vec![entry.clone(); 40],
            ..Default::default()
        };
        let output = client.call(input).await.unwrap();
        assert_eq!(output.failed_record_count, 0);
    }
}

async fn first_record(client: &Client, name: &str) -> Result<Record, Error> {
    let input = GetShardIteratorInput {
        stream_name: Some(name.into()),
        shard_id: "shardId-000000000000".into(),
        shard_iterator_type: ShardIteratorType::TrimHorizon,
        ..Default::default()
    };
    let iterator = client.call(input).await.unwrap().shard_iterator.unwrap();
    let input = GetRecordsInput { shard_iterator: iterator, ..Default::default() };
    Ok(client.call(input).await?.records.remove(0))
}

/// The directories below `directory` in which a file holds these bytes, sorted.
fn directories_with(directory: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(directories_with(&path, needle));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
            found.push(directory.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn no_plaintext_of_an_encrypted_stream_is_in_the_journal_or_in_a_segment() {
    let small: &[(&str, &str)] = &[
        ("storage.segment_bytes", "4MiB"),
        ("storage.journal_file_bytes", "4MiB"),
        ("storage.compression", "none"),
    ];
    let started = start(small).await;
    let client = client(&started);
    for name in ["plain", "sealed"] {
        create_stream(&client, name).await;
    }
    encrypt(&client, "sealed", "alias/aws/kinesis").await.unwrap();
    for (name, text) in [("plain", "seen-by-anyone"), ("sealed", "seen-by-nobody")] {
        put(&client, name, text).await;
    }
    let directory = started.home.path().to_owned();
    let read = first_record(&client, "sealed").await.unwrap();
    assert_eq!(read.encryption_type, Some(EncryptionType::Kms));
    started.node.stop().await.unwrap();
    assert_eq!(directories_with(&directory, "seen-by-anyone"), ["journal", "segments"]);
    assert_eq!(directories_with(&directory, "key-of-seen-by-anyone"), ["journal", "segments"]);
    assert_eq!(directories_with(&directory, "seen-by-nobody"), [""; 0]);
    // What nobody encrypts is found, wherever upkeep has moved it by now.
    assert_ne!(directories_with(&directory, "sealed"), [""; 0], "its name");
}

#[tokio::test]
async fn a_key_is_deleted_only_by_who_acknowledges_what_is_lost_and_then_for_ever() {
    let started = start(&[]).await;
    let caller = client(&started);
    let made = CreateKeyInput { description: Some("of orders".into()) };
    let key = caller.call(made).await.unwrap().key;
    let alias = CreateAliasInput { alias_name: ALIAS.into(), key_id: key.key_id.clone() };
    caller.call(alias).await.unwrap();
    create_stream(&caller, "orders").await;
    encrypt(&caller, "orders", ALIAS).await.unwrap();
    put(&caller, "orders", "an order").await;

    let described = caller.call(DescribeKeyInput { key_id: ALIAS.into() }).await.unwrap();
    assert_eq!(described.key, Key { aliases: vec![ALIAS.into()], ..key.clone() });
    let [of_orders] = &described.uses[..] else { panic!("one stream uses it") };
    assert!(of_orders.current && of_orders.records_max == 160, "{of_orders:?}");

    let delete =
        |acknowledge_data_loss| DeleteKeyInput { key_id: ALIAS.into(), acknowledge_data_loss };
    for silent in [None, Some(false)] {
        let (code, text) = refused(caller.call(delete(silent)).await);
        assert_eq!(code, ErrorCode::ResourceInUse);
        assert!(text.contains("up to 160 records") && text.contains("stream/orders"), "{text}");
    }
    first_record(&caller, "orders").await.unwrap();

    let lost = caller.call(delete(Some(true))).await.unwrap();
    assert_eq!(lost.uses, described.uses);
    let (code, text) = refused(first_record(&caller, "orders").await);
    assert_eq!(code, ErrorCode::KmsNotFound);
    assert!(text.ends_with(&format!("Key '{}' does not exist", key.arn)), "{text}");
    let listed = caller.call(ListKeysInput::default()).await.unwrap().keys;
    assert_eq!(listed.iter().map(|key| key.key_state).collect::<Vec<_>>(), [KeyState::Deleted]);

    // Also after a restart.
    let directory = started.home;
    started.node.stop().await.unwrap();
    let config = config(directory.path(), &[]);
    let world = server::World::real(&config).unwrap();
    let node = server::Node::start(config, world).await.unwrap();
    let started = Started { node, home: directory };
    let (code, _) = refused(first_record(&client(&started), "orders").await);
    assert_eq!(code, ErrorCode::KmsNotFound);
    started.node.stop().await.unwrap();
}

#[tokio::test]
async fn keys_are_switched_rotated_and_renamed_by_whatever_name_they_have() {
    let started = start(&[]).await;
    let client = client(&started);
    let key = client.call(CreateKeyInput::default()).await.unwrap().key;
    create_stream(&client, "orders").await;
    encrypt(&client, "orders", &key.arn).await.unwrap();
    put(&client, "orders", "an order").await;

    client.call(DisableKeyInput { key_id: key.arn.clone() }).await.unwrap();
    let (code, text) = refused(first_record(&client, "orders").await);
    assert_eq!(code, ErrorCode::KmsDisabled);
    assert!(text.ends_with(&format!("{} is disabled.", key.arn)), "{text}");
    client.call(EnableKeyInput { key_id: key.key_id.clone() }).await.unwrap();

    let rotated = client.call(RotateKeyInput { key_id: key.key_id.clone() }).await.unwrap();
    assert_eq!(rotated.key.material_version, 2);
    first_record(&client, "orders").await.unwrap();

    let alias = || CreateAliasInput { alias_name: ALIAS.into(), key_id: key.arn.clone() };
    client.call(alias()).await.unwrap();
    assert_eq!(refused(client.call(alias()).await).0, ErrorCode::ResourceInUse);
    client.call(DeleteAliasInput { alias_name: ALIAS.into() }).await.unwrap();
    let gone = client.call(DescribeKeyInput { key_id: ALIAS.into() }).await;
    assert_eq!(refused(gone).0, ErrorCode::KmsNotFound);
    started.node.stop().await.unwrap();
}
