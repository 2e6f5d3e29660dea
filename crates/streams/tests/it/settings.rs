//! The largest record and the per-shard metrics of a stream.

use std::time::Duration;

use bytes::Bytes;
use wire::kinesis::*;
use wire::{ApiError, Handlers};

use crate::world::{HOUR, Node, World, refusal};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000001:stream/s";
const SHARD: &str = "shardId-000000000000";
const MIB: usize = 1024 * 1024;

async fn resize(node: &Node, kib: i32) -> Result<(), ApiError> {
    let input = UpdateMaxRecordSizeInput {
        stream_arn: Some(ARN.into()),
        stream_id: None,
        max_record_size_in_kib: kib,
    };
    node.streams.update_max_record_size(&node.caller, input).await
}

async fn summary(node: &Node) -> StreamDescriptionSummary {
    let input = DescribeStreamSummaryInput { stream_name: Some("s".into()), ..Default::default() };
    let output = node.streams.describe_stream_summary(&node.caller, input).await.unwrap();
    output.stream_description_summary
}

/// Puts a record that with its key is `bytes` long.
async fn put_of(node: &Node, bytes: usize) -> Result<PutRecordOutput, ApiError> {
    let input = PutRecordInput {
        stream_name: Some("s".into()),
        data: vec![b'x'; bytes - 1].into(),
        partition_key: Some("k".into()),
        ..Default::default()
    };
    node.streams.put_record(&node.caller, input).await
}

async fn put_all_of(node: &Node, sizes: &[usize]) -> Result<PutRecordsOutput, ApiError> {
    let record = |bytes: &usize| PutRecordsRequestEntry {
        data: Bytes::from(vec![b'y'; bytes - 1]),
        partition_key: Some("k".into()),
        explicit_hash_key: None,
    };
    let input = PutRecordsInput {
        records: sizes.iter().map(record).collect(),
        stream_name: Some("s".into()),
        ..Default::default()
    };
    node.streams.put_records(&node.caller, input).await
}

#[tokio::test(start_paused = true)]
async fn a_stream_takes_records_of_its_own_largest_size_and_not_a_byte_more() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    assert_eq!(summary(&node).await.max_record_size_in_kib, Some(1024));
    put_of(&node, MIB).await.unwrap();
    assert_eq!(
        refusal(put_of(&node, MIB + 1).await),
        "ValidationException: 1 validation error detected: Value \
         'java.nio.HeapByteBuffer[pos=0 lim=1048576 cap=1048576]' at 'data' failed to satisfy \
         constraint: Member must have length less than or equal to 1048576"
    );
    resize(&node, 2048).await.unwrap();
    assert_eq!(summary(&node).await.max_record_size_in_kib, Some(2048));
    put_of(&node, 2 * MIB).await.unwrap();
    assert!(put_of(&node, 2 * MIB + 1).await.is_err());
    let refused = refusal(put_all_of(&node, &[10, 2 * MIB + 1]).await);
    assert!(refused.contains("at 'records.2.member.data'"), "{refused}");
    resize(&node, 1024).await.unwrap();
    assert!(put_of(&node, 2 * MIB).await.is_err(), "shrinking is possible as well");
}

#[tokio::test(start_paused = true)]
async fn the_largest_records_come_back_from_memory_and_from_disk() {
    let world = World::new();
    let node = world.start().await;
    let input = CreateStreamInput {
        stream_name: "s".into(),
        shard_count: Some(1),
        max_record_size_in_kib: Some(10240),
        ..Default::default()
    };
    node.streams.create_stream(&node.caller, input).await.unwrap();
    put_of(&node, 10 * MIB).await.unwrap();
    let sizes = [4 * MIB, 5 * MIB, MIB - 1, 1 + 1];
    let refused = refusal(put_all_of(&node, &sizes).await);
    assert_eq!(refused, "InvalidArgumentException: Records size exceeds 10 MB limit");
    let written = put_all_of(&node, &[4 * MIB, 5 * MIB, MIB]).await.unwrap();
    assert_eq!(written.failed_record_count, 0, "10 MiB with the keys are one request");
    for _ in 0..5 {
        put_of(&node, 10 * MIB).await.unwrap();
    }
    let (texts, _) = node.read_all("s", SHARD).await;
    let lengths: Vec<_> = texts.iter().map(String::len).collect();
    let one = 10 * MIB - 1;
    let all = [one, 4 * MIB - 1, 5 * MIB - 1, MIB - 1, one, one, one, one, one];
    assert_eq!(lengths, all);
    node.stop().await;
    let node = world.start().await;
    let (texts, _) = node.read_all("s", SHARD).await;
    assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), all, "after a restart");
}

#[tokio::test(start_paused = true)]
async fn settings_change_by_way_of_updating_and_survive_a_restart() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_millis(210)).await;
    resize(&node, 4096).await.unwrap();
    let changing = summary(&node).await;
    assert_eq!(changing.stream_status, StreamStatus::Updating);
    assert_eq!(changing.max_record_size_in_kib, Some(1024));
    assert_eq!(
        refusal(resize(&node, 2048).await),
        "ResourceInUseException: Stream s under account 000000000001 not ACTIVE, instead in state \
         UPDATING"
    );
    node.stop().await;
    let node = world.start().await;
    tokio::time::sleep(HOUR).await;
    let changed = summary(&node).await;
    assert_eq!(changed.stream_status, StreamStatus::Active);
    assert_eq!(changed.max_record_size_in_kib, Some(4096));
    node.split("s", SHARD, "1000").await.unwrap();
    tokio::time::sleep(HOUR).await;
    assert_eq!(summary(&node).await.max_record_size_in_kib, Some(4096), "a reshard keeps them");
}

#[tokio::test(start_paused = true)]
async fn a_size_is_changed_by_arn_of_a_stream_that_exists() {
    let world = World::new();
    let node = world.start().await;
    assert_eq!(
        refusal(resize(&node, 2048).await),
        "ResourceNotFoundException: Stream s under account 000000000001 not found."
    );
    let nameless = UpdateMaxRecordSizeInput { max_record_size_in_kib: 2048, ..Default::default() };
    let refused = refusal(node.streams.update_max_record_size(&node.caller, nameless).await);
    assert!(refused.starts_with("InvalidArgumentException: "), "{refused}");
}

async fn enable(node: &Node, metrics: &[MetricsName]) -> EnhancedMonitoringOutput {
    let input = EnableEnhancedMonitoringInput {
        stream_name: Some("s".into()),
        shard_level_metrics: metrics.to_vec(),
        ..Default::default()
    };
    node.streams.enable_enhanced_monitoring(&node.caller, input).await.unwrap()
}

async fn disable(node: &Node, metrics: &[MetricsName]) -> EnhancedMonitoringOutput {
    let input = DisableEnhancedMonitoringInput {
        stream_name: Some("s".into()),
        shard_level_metrics: metrics.to_vec(),
        ..Default::default()
    };
    node.streams.disable_enhanced_monitoring(&node.caller, input).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn metrics_are_added_to_and_taken_from_those_that_are_on() {
    use MetricsName::*;
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let output = enable(&node, &[OutgoingBytes, IncomingBytes]).await;
    assert_eq!(output.current_shard_level_metrics, Some(vec![]));
    assert_eq!(output.desired_shard_level_metrics, Some(vec![IncomingBytes, OutgoingBytes]));
    assert_eq!(output.stream_name.as_deref(), Some("s"));
    assert_eq!(output.stream_arn.as_deref(), Some(ARN));
    let output = enable(&node, &[IncomingBytes, IteratorAgeMilliseconds]).await;
    let on = vec![IncomingBytes, OutgoingBytes, IteratorAgeMilliseconds];
    assert_eq!(output.desired_shard_level_metrics, Some(on.clone()));
    let shown = |monitoring: Vec<EnhancedMetrics>| monitoring[0].shard_level_metrics.clone();
    assert_eq!(shown(summary(&node).await.enhanced_monitoring), Some(on.clone()));
    assert_eq!(shown(node.describe("s").await.unwrap().enhanced_monitoring), Some(on.clone()));
    let output = disable(&node, &[OutgoingBytes, OutgoingRecords]).await;
    assert_eq!(output.current_shard_level_metrics, Some(on));
    let on = vec![IncomingBytes, IteratorAgeMilliseconds];
    assert_eq!(output.desired_shard_level_metrics, Some(on));
    let all = vec![
        IncomingBytes,
        IncomingRecords,
        OutgoingBytes,
        OutgoingRecords,
        WriteProvisionedThroughputExceeded,
        ReadProvisionedThroughputExceeded,
        IteratorAgeMilliseconds,
    ];
    let output = enable(&node, &[All]).await;
    assert_eq!(output.desired_shard_level_metrics, Some(all.clone()), "ALL is spelled out");
    let output = disable(&node, &[All]).await;
    assert_eq!(output.current_shard_level_metrics, Some(all));
    assert_eq!(output.desired_shard_level_metrics, Some(vec![]));
    assert_eq!(shown(summary(&node).await.enhanced_monitoring), Some(vec![]));
}

#[tokio::test(start_paused = true)]
async fn only_what_is_switched_on_is_shown_by_shard() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 2).await;
    node.create("t", 1).await;
    node.put_at("s", "0", "value").await;
    node.put("t", "k", "v").await.unwrap();
    assert!(!node.meters.render().contains(SHARD), "nothing is switched on");
    enable(&node, &[MetricsName::IncomingRecords, MetricsName::IteratorAgeMilliseconds]).await;
    let metrics = node.meters.render();
    let labels =
        format!("account=\"000000000001\",region=\"us-east-1\",stream=\"s\",shard=\"{SHARD}\"");
    let lines: Vec<_> = metrics.lines().filter(|line| line.contains("shard=")).collect();
    assert_eq!(
        lines,
        [
            format!("weir_streams_shard_incoming_records_total{{{labels}}} 1"),
            format!("weir_streams_shard_iterator_age_milliseconds{{{labels}}} 0"),
        ]
    );
    disable(&node, &[MetricsName::All]).await;
    assert!(!node.meters.render().contains(SHARD));
}
