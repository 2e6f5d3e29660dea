//! The first record, and the same one after a restart.

use serde_json::{Value, json};
use server::{Node, World};

use crate::harness::{CBOR, Started, config, post, request, start};

const DATA: &str = "aGVsbG8=";

async fn put(started: &Started, key: &str) -> Value {
    let input = json!({"StreamName": "river", "PartitionKey": key, "Data": DATA});
    let answer = started.call("PutRecord", input).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn read_all(started: &Started) -> Vec<Value> {
    let mut records = Vec::new();
    let shards = started.call("ListShards", json!({"StreamName": "river"})).await.json();
    for shard in shards["Shards"].as_array().unwrap() {
        let input = json!({
            "StreamName": "river",
            "ShardId": shard["ShardId"],
            "ShardIteratorType": "TRIM_HORIZON",
        });
        let iterator = started.call("GetShardIterator", input).await.json();
        let input = json!({"ShardIterator": iterator["ShardIterator"]});
        let got = started.call("GetRecords", input).await.json();
        records.extend(got["Records"].as_array().unwrap().iter().cloned());
    }
    records
}

#[tokio::test]
async fn what_was_acknowledged_is_read_before_and_after_a_restart() {
    let started = start(&[]).await;
    let created = started.call("CreateStream", json!({"StreamName": "river", "ShardCount": 2}));
    assert_eq!(created.await.status, 200);
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        let put = put(&started, &format!("key {n}")).await;
        acknowledged.push(put["SequenceNumber"].as_str().unwrap().to_owned());
    }
    acknowledged.sort();
    let before = read_all(&started).await;

    let directory = started.home;
    started.node.stop().await.unwrap();
    let config = config(directory.path(), &[]);
    let world = World::real(&config).unwrap();
    let node = Node::start(config, world).await.unwrap();
    let started = Started { node, home: directory };
    let after = read_all(&started).await;
    assert_eq!(before, after);
    let mut found: Vec<&str> =
        after.iter().map(|record| record["SequenceNumber"].as_str().unwrap()).collect();
    found.sort();
    assert_eq!(found, acknowledged);
    assert!(after.iter().all(|record| record["Data"] == DATA));
}

#[tokio::test]
async fn records_put_over_one_protocol_and_encoding_are_read_over_the_other() {
    let started = start(&[]).await;
    let mut http2 = started.http2().await;
    let create = post("CreateStream", r#"{"StreamName":"river","ShardCount":1}"#);
    assert_eq!(http2.send(create).await.status, 200);
    let put = &b"\xbf\x6aStreamName\x65river\x6cPartitionKey\x61k\x64Data\x45hello\xff"[..];
    let answer = http2.send(request("POST", "Kinesis_20131202.PutRecord", CBOR, put)).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, CBOR));
    let records = read_all(&started).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["Data"], DATA);
}
