//! DryRun: everything is checked, nothing is done and nothing is used up.

use bytes::Bytes;
use wire::kinesis::*;
use wire::{ApiError, Handlers};

use crate::world::{Node, World, iterator_input, refusal};

const SHARD: &str = "shardId-000000000000";
const DRY: &str = "DryRunOperationException: The request was rejected because the DryRun \
                   parameter was specified.";

fn one(stream: &str) -> PutRecordInput {
    PutRecordInput {
        stream_name: Some(stream.into()),
        data: Bytes::from_static(b"value"),
        partition_key: Some("k".into()),
        dry_run: Some(true),
        ..Default::default()
    }
}

fn many(stream: &str, count: usize) -> PutRecordsInput {
    let record = PutRecordsRequestEntry {
        data: Bytes::from_static(b"value"),
        partition_key: Some("k".into()),
        explicit_hash_key: None,
    };
    PutRecordsInput {
        records: vec![record; count],
        stream_name: Some(stream.into()),
        dry_run: Some(true),
        ..Default::default()
    }
}

async fn get(node: &Node, iterator: &str, dry_run: bool) -> Result<GetRecordsOutput, ApiError> {
    let input = GetRecordsInput {
        shard_iterator: iterator.into(),
        dry_run: Some(dry_run),
        ..Default::default()
    };
    node.streams.get_records(&node.caller, input).await
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_would_succeed_says_so_and_does_nothing() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    let latest = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    let before = node.meters.render();
    // Many times what a second allows.
    for _ in 0..20 {
        assert_eq!(refusal(node.streams.put_record(&node.caller, one("s")).await), DRY);
        assert_eq!(refusal(node.streams.put_records(&node.caller, many("s", 500)).await), DRY);
        let input = GetShardIteratorInput {
            dry_run: Some(true),
            ..iterator_input("s", SHARD, ShardIteratorType::Latest)
        };
        assert_eq!(refusal(node.try_iterator(input).await), DRY);
        assert_eq!(refusal(get(&node, &latest, true).await), DRY);
    }
    assert_eq!(node.meters.render(), before, "nothing is counted");
    let output = PutRecordsInput { dry_run: None, ..many("s", 500) };
    for _ in 0..2 {
        let output = node.streams.put_records(&node.caller, output.clone()).await.unwrap();
        assert_eq!(output.failed_record_count, 0, "a whole second's worth is left");
    }
    for _ in 0..5 {
        assert_eq!(get(&node, &latest, false).await.unwrap().records.len(), 1000);
    }
    for _ in 0..4 {
        node.iterator("s", SHARD, ShardIteratorType::Latest).await;
    }
    // With nothing left of the second it is still not refused for its rate.
    assert!(refusal(get(&node, &latest, false).await).starts_with("ProvisionedThroughput"));
    assert_eq!(refusal(get(&node, &latest, true).await), DRY);
    assert_eq!(refusal(node.streams.put_record(&node.caller, one("s")).await), DRY);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_would_fail_fails_in_the_same_way() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let gone = "ResourceNotFoundException: Stream t under account 000000000001 not found.";
    assert_eq!(refusal(node.streams.put_record(&node.caller, one("t")).await), gone);
    assert_eq!(refusal(node.streams.put_records(&node.caller, many("t", 1)).await), gone);
    let input = PutRecordInput { explicit_hash_key: Some("9".repeat(39)), ..one("s") };
    let refused = refusal(node.streams.put_record(&node.caller, input).await);
    assert!(refused.starts_with("InvalidArgumentException: Invalid ExplicitHashKey."), "{refused}");
    let input = PutRecordInput { data: vec![0; 1024 * 1024].into(), ..one("s") };
    let refused = refusal(node.streams.put_record(&node.caller, input).await);
    assert!(refused.starts_with("ValidationException: "), "{refused}");
    let input = GetShardIteratorInput {
        dry_run: Some(true),
        ..iterator_input("s", SHARD, ShardIteratorType::AtTimestamp)
    };
    let refused = refusal(node.try_iterator(input).await);
    assert!(refused.starts_with("InvalidArgumentException: Must specify timestampInMillis"));
    let input = GetShardIteratorInput {
        dry_run: Some(true),
        ..iterator_input("s", "shardId-000000000007", ShardIteratorType::Latest)
    };
    assert!(refusal(node.try_iterator(input).await).starts_with("ResourceNotFoundException: "));
    let refused = refusal(get(&node, "AAAA", true).await);
    assert_eq!(refused, "InvalidArgumentException: Invalid ShardIterator.");
    let iterator = node.iterator("s", SHARD, ShardIteratorType::Latest).await;
    world.clock.step(300_001);
    assert!(refusal(get(&node, &iterator, true).await).starts_with("ExpiredIteratorException: "));
}
