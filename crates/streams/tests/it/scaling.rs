//! On-demand streams under load: they scale by themselves, and puts stop being throttled.

use std::time::Duration;

use bytes::Bytes;
use wire::Handlers;
use wire::kinesis::*;

use crate::world::{Node, World, refusal};

const SECOND: Duration = Duration::from_secs(1);

async fn create(node: &Node, strategy: Option<RecordDistributionStrategy>) {
    let input = CreateStreamInput {
        stream_name: "s".into(),
        stream_mode_details: Some(StreamModeDetails { stream_mode: StreamMode::OnDemand }),
        record_distribution_strategy: strategy,
        ..Default::default()
    };
    node.streams.create_stream(&node.caller, input).await.unwrap();
}

/// Puts `per_second` small records for some seconds; answers how many were throttled.
async fn put(node: &Node, seconds: u32, per_second: usize, key: impl Fn(usize) -> String) -> usize {
    let mut throttled = 0;
    for _ in 0..seconds {
        let entry = |number| PutRecordsRequestEntry {
            data: Bytes::from_static(b"v"),
            partition_key: Some(key(number)),
            explicit_hash_key: None,
        };
        let records: Vec<_> = (0..per_second).map(entry).collect();
        for records in records.chunks(500) {
            let input = PutRecordsInput {
                records: records.to_vec(),
                stream_name: Some("s".into()),
                ..Default::default()
            };
            let output = node.streams.put_records(&node.caller, input).await.unwrap();
            throttled += output.failed_record_count as usize;
        }
        tokio::time::sleep(SECOND).await;
    }
    throttled
}

async fn open_shards(node: &Node) -> usize {
    let input = DescribeStreamSummaryInput { stream_name: Some("s".into()), ..Default::default() };
    let output = node.streams.describe_stream_summary(&node.caller, input).await.unwrap();
    output.stream_description_summary.open_shard_count as usize
}

#[tokio::test(start_paused = true)]
async fn a_stream_scales_with_doubling_load_and_puts_stop_being_throttled() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, None).await;
    let key = |number: usize| format!("key {number}");
    assert_eq!(put(&node, 30, 1000, key).await, 0);
    assert_eq!(open_shards(&node).await, 4, "a quarter of the capacity changes nothing");
    assert_eq!(put(&node, 60, 2600, key).await, 0);
    assert_eq!(open_shards(&node).await, 8);
    let first = put(&node, 60, 5200, key).await;
    assert_eq!(open_shards(&node).await, 16);
    let second = put(&node, 10, 9000, key).await;
    assert!(first < 60 * 5200 / 20, "{first} were throttled on the way");
    assert!(second < 10 * 9000 / 20, "{second} with sixteen shards");
    assert_eq!(
        refusal(node.split("s", "shardId-000000000005", "1000").await),
        "ValidationException: Request is invalid. Stream s under account 000000000001 is in \
         On-Demand mode.",
        "owners still split nothing"
    );
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn everything_that_was_acknowledged_while_shards_split_is_read_back_in_order() {
    let world = World::new();
    let node = world.start().await;
    create(&node, None).await;
    let mut expected = 0;
    for second in 0..60 {
        let entry = |number: usize| PutRecordsRequestEntry {
            data: Bytes::from(format!("{}", second * 3000 + number)),
            partition_key: Some(format!("key {}", number % 50)),
            explicit_hash_key: None,
        };
        let records: Vec<_> = (0..3000).map(entry).collect();
        for records in records.chunks(500) {
            let input = PutRecordsInput {
                records: records.to_vec(),
                stream_name: Some("s".into()),
                ..Default::default()
            };
            let output = node.streams.put_records(&node.caller, input).await.unwrap();
            assert_eq!(output.failed_record_count, 0);
            expected += records.len();
        }
        tokio::time::sleep(SECOND).await;
    }
    let shards = node.shards("s", None).await.unwrap();
    assert!(shards.len() > 4, "it was split under the load");
    let mut last = std::collections::BTreeMap::new();
    let mut found = 0;
    for shard in &shards {
        let mut iterator =
            node.iterator("s", &shard.shard_id, ShardIteratorType::TrimHorizon).await;
        loop {
            let output = node.get(&iterator).await.unwrap();
            for record in &output.records {
                let number: usize = crate::world::text(record).parse().unwrap();
                let key = record.partition_key.clone().unwrap();
                let before = last.insert(key, number);
                assert!(before.is_none_or(|before| before < number), "{before:?} then {number}");
                found += 1;
            }
            match output.next_shard_iterator {
                Some(next) if !output.records.is_empty() => iterator = next,
                _ => break,
            }
        }
    }
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn one_hot_key_does_not_split_its_stream_for_ever() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, None).await;
    put(&node, 120, 1300, |_| "hot".into()).await;
    let shards = open_shards(&node).await;
    assert!(shards <= 5, "{shards} shards");
    assert!(put(&node, 5, 1300, |_| "hot".into()).await > 0, "no split cures it");
}

#[tokio::test(start_paused = true)]
async fn a_hot_key_is_cured_by_spreading_records_evenly() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, Some(RecordDistributionStrategy::Auto)).await;
    put(&node, 60, 2600, |_| "hot".into()).await;
    assert_eq!(open_shards(&node).await, 8);
    assert_eq!(put(&node, 5, 5200, |_| "hot".into()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_released_stream_shrinks_and_a_provisioned_one_never_scales() {
    let world = World::new();
    let node = world.start().await;
    let commitment =
        MinimumThroughputBillingCommitmentInput { status: CommitmentInputStatus::Enabled };
    let input = UpdateAccountSettingsInput { minimum_throughput_billing_commitment: commitment };
    node.streams.update_account_settings(&node.caller, input).await.unwrap();
    create(&node, None).await;
    for (mibps, shards) in [(16, 16), (6, 6)] {
        let input = UpdateStreamWarmThroughputInput {
            stream_name: Some("s".into()),
            warm_throughput_mibps: mibps,
            ..Default::default()
        };
        node.streams.update_stream_warm_throughput(&node.caller, input).await.unwrap();
        tokio::time::sleep(10 * 60 * SECOND).await;
        assert_eq!(open_shards(&node).await, shards);
    }
    node.delete("s").await.unwrap();
    node.create("s", 1).await;
    put(&node, 60, 900, |number| number.to_string()).await;
    assert_eq!(open_shards(&node).await, 1);
}
