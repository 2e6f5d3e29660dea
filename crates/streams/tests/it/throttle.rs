//! Limits that are kept, and limits that are only counted.

use std::time::Duration;

use bytes::Bytes;
use wire::Handlers;
use wire::kinesis::*;

use crate::world::{Node, World, refusal};

const SHARD: &str = "shardId-000000000000";

async fn put_many(node: &Node, count: usize, bytes: usize) -> PutRecordsOutput {
    let record = PutRecordsRequestEntry {
        data: Bytes::from(vec![b'x'; bytes - 1]),
        partition_key: Some("k".into()),
        explicit_hash_key: None,
    };
    let input = PutRecordsInput {
        records: vec![record; count],
        stream_name: Some("s".into()),
        ..Default::default()
    };
    node.streams.put_records(&node.caller, input).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn records_over_the_shard_s_second_are_refused_one_by_one_and_leave_no_trace() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    let output = put_many(&node, 10, 200 * 1024).await;
    assert_eq!(output.failed_record_count, 5);
    assert!(output.records[..5].iter().all(|entry| entry.sequence_number.is_some()));
    for entry in &output.records[5..] {
        assert_eq!(entry.error_code.as_deref(), Some("ProvisionedThroughputExceededException"));
        assert_eq!(
            entry.error_message.as_deref(),
            Some(
                "Rate exceeded for shard shardId-000000000000 in stream s under account \
                 000000000001."
            )
        );
        assert_eq!((&entry.sequence_number, &entry.shard_id), (&None, &None));
    }
    let refused = refusal(node.put("s", "k", &"x".repeat(100_000)).await);
    assert!(refused.starts_with("ProvisionedThroughputExceededException: Rate exceeded for shard"));
    assert_eq!(node.storage.log(storage::LogId(1001)).state().appended, storage::Offset(6));
    tokio::time::advance(Duration::from_secs(1)).await;
    let output = put_many(&node, 5, 200 * 1024).await;
    assert_eq!(output.failed_record_count, 0);
    let index = |entry: &PutRecordsResultEntry| {
        entry.sequence_number.as_ref().unwrap().parse::<model::SequenceNumber>().unwrap().index()
    };
    assert_eq!(index(&output.records[0]), 6, "the refused took no number");
}

#[tokio::test(start_paused = true)]
async fn readers_share_a_shard_s_calls_and_bytes() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    for _ in 0..10 {
        put_many(&node, 1, 1024 * 1024).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let iterator = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    let full = node.get(&iterator).await.unwrap();
    assert!(full.records.len() >= 9, "a full answer");
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(
        refusal(node.get(&iterator).await),
        "ProvisionedThroughputExceededException: Rate exceeded for Shard - \
         000000000001/s/shardId-000000000000"
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    let latest = node.iterator("s", SHARD, ShardIteratorType::Latest).await;
    for _ in 0..5 {
        node.get(&latest).await.unwrap();
    }
    assert!(node.get(&latest).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn relaxed_limits_let_everything_through_and_count_it() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    assert_eq!(put_many(&node, 10, 200 * 1024).await.failed_record_count, 0);
    let latest = node.iterator("s", SHARD, ShardIteratorType::Latest).await;
    for _ in 0..8 {
        node.get(&latest).await.unwrap();
    }
    let metrics = node.meters.render();
    let labels = "account=\"000000000001\",region=\"us-east-1\",stream=\"s\"";
    for line in [
        format!("weir_streams_writes_over_rate_total{{{labels}}} 5"),
        format!("weir_streams_reads_over_rate_total{{{labels}}} 3"),
        format!("weir_streams_incoming_bytes_total{{{labels}}} {}", 10 * 200 * 1024),
        format!("weir_streams_put_records_successful_records_total{{{labels}}} 10"),
        format!("weir_streams_get_records_success_total{{{labels}}} 8"),
    ] {
        assert!(metrics.lines().any(|found| found == line), "no line {line} in\n{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unused_shard_has_no_series_and_a_deleted_stream_none_at_all() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 2).await;
    let input = EnableEnhancedMonitoringInput {
        stream_name: Some("s".into()),
        shard_level_metrics: vec![MetricsName::All],
        ..Default::default()
    };
    node.streams.enable_enhanced_monitoring(&node.caller, input).await.unwrap();
    node.put_at("s", "0", "v").await;
    assert!(node.meters.render().contains(SHARD));
    assert!(!node.meters.render().contains("shardId-000000000001"));
    node.delete("s").await.unwrap();
    assert!(!node.meters.render().contains("stream=\"s\""));
}

#[tokio::test(start_paused = true)]
async fn control_calls_over_the_account_s_rate_are_refused() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    for _ in 0..10 {
        node.describe("s").await.unwrap();
    }
    assert_eq!(
        refusal(node.describe("s").await),
        "LimitExceededException: Rate exceeded for stream s under account 000000000001."
    );
    tokio::time::advance(Duration::from_millis(100)).await;
    node.describe("s").await.unwrap();
}
