//! Limits that are kept, and limits that are only counted.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use wire::Handlers;
use wire::kinesis::*;

use crate::world::{Node, World, iterator_input, refusal};

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
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(
        refusal(node.get(&iterator).await),
        "ProvisionedThroughputExceededException: Rate exceeded for Shard - \
         000000000001/s/shardId-000000000000"
    );
    tokio::time::advance(Duration::from_secs(2)).await;
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
    tokio::time::advance(Duration::from_millis(1000)).await;
    node.describe("s").await.unwrap();
}

/// The metrics of the node that tell of limits, by the part of their name that both modes share.
fn over_limits(node: &Node) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for line in node.meters.render().lines() {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let name = name
            .replace("_read_provisioned_throughput_exceeded", "_reads_over_rate")
            .replace("_write_provisioned_throughput_exceeded", "_writes_over_rate")
            .replace("_quota_refused", "_quota_let_through");
        let of_limits = ["_reads_over_rate", "_writes_over_rate", "_quota_let_through"];
        if !line.starts_with('#') && of_limits.iter().any(|part| name.contains(part)) {
            *found.entry(name).or_default() += value.parse::<u64>().unwrap();
        }
    }
    found.retain(|_, count| *count > 0);
    found
}

/// How much of ten seconds of about three times each limit, in steps of 50 ms, was let pass.
#[derive(Debug, Default)]
struct Load {
    put_records: u64,
    iterators: u64,
    describes: u64,
    summaries: u64,
    limits: u64,
    lists: u64,
}

async fn load(node: &Node) -> Load {
    let mut load = Load::default();
    let passed = |refused: bool| u64::from(!refused);
    for _ in 0..200 {
        load.put_records += 150 - put_many(node, 150, 20).await.failed_record_count as u64;
        let position = node.try_iterator(iterator_input("s", SHARD, ShardIteratorType::Latest));
        load.iterators += passed(position.await.is_err());
        load.describes += passed(node.describe("s").await.is_err());
        for _ in 0..3 {
            load.summaries += passed(summary(node).await.is_err());
        }
        let input = DescribeLimitsInput::default();
        load.limits += passed(node.streams.describe_limits(&node.caller, input).await.is_err());
        let input = ListStreamsInput::default();
        load.lists += passed(node.streams.list_streams(&node.caller, input).await.is_err());
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    load
}

/// How many reads of the tip are answered in ten seconds, of twenty a second.
async fn reads(node: &Node) -> u64 {
    let position = node.iterator("s", SHARD, ShardIteratorType::Latest).await;
    let mut reads = 0;
    for _ in 0..200 {
        reads += u64::from(node.get(&position).await.is_ok());
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    // Whatever comes next starts with a whole second.
    tokio::time::advance(Duration::from_secs(3)).await;
    reads
}

async fn summary(node: &Node) -> Result<DescribeStreamSummaryOutput, wire::ApiError> {
    let input = DescribeStreamSummaryInput { stream_name: Some("s".into()), ..Default::default() };
    node.streams.describe_stream_summary(&node.caller, input).await
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_over_every_limit_take_ten_seconds_worth_and_relaxed_counts_the_rest() {
    let (aws, relaxed) = (World::aws(), World::new());
    let (kept, counted) = (aws.start().await, relaxed.start().await);
    for node in [&kept, &counted] {
        node.create("s", 1).await;
    }
    assert_eq!((reads(&kept).await, reads(&counted).await), (50, 200));
    let (taken, all) = (load(&kept).await, load(&counted).await);
    let near = |count: u64, nominal: u64| count.abs_diff(nominal) * 50 <= nominal;
    for (count, per_second) in [
        (taken.put_records, 1000),
        (taken.iterators, 5),
        (taken.describes, 10),
        (taken.summaries, 20),
        (taken.limits, 1),
        (taken.lists, 5),
    ] {
        assert!(near(count, 10 * per_second), "{taken:?}: {count} for {per_second} a second");
    }
    let everything = [all.iterators, all.describes, all.summaries / 3, all.limits, all.lists];
    assert_eq!((all.put_records, everything), (150 * 200, [200; 5]), "relaxed refuses nothing");
    let (refused, would_have_been) = (over_limits(&kept), over_limits(&counted));
    assert_eq!(refused.len(), 6, "{refused:?}");
    assert_eq!(refused, would_have_been);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_ten_mebibytes_is_paid_for_in_ten_seconds() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    let mut bytes = 0;
    for _ in 0..100 {
        let output = put_many(&node, 30, 50 * 1024).await;
        bytes += (30 - output.failed_record_count as u64) * 50 * 1024;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let nominal = 10 * 1024 * 1024;
    assert!(bytes <= nominal && nominal - bytes <= 50 * 1024, "{bytes}");
}

#[tokio::test(start_paused = true)]
async fn quotas_are_counted_where_they_are_not_kept() {
    let mut counts = Vec::new();
    for mut world in [World::aws(), World::new()] {
        world.config.transition_delay = Duration::from_secs(3600);
        let node = world.start().await;
        let mut refused = 0;
        for n in 0..8 {
            refused += usize::from(node.try_create(&format!("s{n}"), 1).await.is_err());
            tokio::time::advance(Duration::from_millis(500)).await;
        }
        counts.push((refused, over_limits(&node)));
    }
    let name = "weir_streams_quota_let_through_total{quota=\"StreamsInTransition\"}";
    let counted = BTreeMap::from([(name.to_owned(), 3)]);
    assert_eq!(counts, [(3, counted.clone()), (0, counted)]);
}
