//! What ExplainStream says of throttled streams, their keys and the decisions about them.

use std::time::Duration;

use bytes::Bytes;
use wire::admin::*;
use wire::kinesis::{
    CreateStreamInput, PutRecordsInput, PutRecordsRequestEntry, RecordDistributionStrategy,
    ShardIteratorType, StreamMode, StreamModeDetails,
};
use wire::{Caller, Handlers};

use crate::world::{Node, World, caller, refusal};

const SECOND: Duration = Duration::from_secs(1);
const ALICE: &str = "arn:aws:iam::000000000001:user/alice";

async fn create(node: &Node, mode: StreamMode, strategy: Option<RecordDistributionStrategy>) {
    let input = CreateStreamInput {
        stream_name: "s".into(),
        shard_count: (mode == StreamMode::Provisioned).then_some(2),
        stream_mode_details: Some(StreamModeDetails { stream_mode: mode }),
        record_distribution_strategy: strategy,
        ..Default::default()
    };
    node.streams.create_stream(&node.caller, input).await.unwrap();
}

/// For some seconds, puts as Alice: each second `hot` records of one key, `rest` of many.
async fn put(node: &Node, seconds: u32, hot: usize, rest: usize) {
    let alice = Caller { principal: ALICE.into(), ..node.caller.clone() };
    for second in 0..seconds {
        let entry = |key: String| PutRecordsRequestEntry {
            data: Bytes::from_static(b"v"),
            partition_key: Some(key),
            explicit_hash_key: None,
        };
        let hot = (0..hot).map(|_| entry("hot".into()));
        let rest = (0..rest).map(|n| entry(format!("key {second} {n}")));
        let records: Vec<_> = hot.chain(rest).collect();
        for records in records.chunks(500) {
            let stream_name = Some("s".into());
            let input =
                PutRecordsInput { records: records.to_vec(), stream_name, ..Default::default() };
            node.streams.put_records(&alice, input).await.unwrap();
        }
        tokio::time::sleep(SECOND).await;
    }
}

async fn explain(node: &Node) -> ExplainStreamOutput {
    let input = ExplainStreamInput { stream_name: Some("s".into()), stream_arn: None };
    node.streams.explain_stream(&node.caller, input).await.unwrap()
}

fn cures(found: &ExplainStreamOutput) -> Vec<&Cure> {
    found.shards.iter().flat_map(|shard| &shard.cures).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hot_key_is_named_with_its_shard_its_principal_and_its_salts() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, StreamMode::Provisioned, None).await;
    put(&node, 60, 1800, 100).await;
    let found = explain(&node).await;
    assert!(found.limits_enforced);
    assert_eq!((found.shards_ceiling, found.peak_permille), (None, None));
    let event = &found.throttled[0];
    assert_eq!((event.limit, event.refused), (ShardLimit::WriteRecords, true));
    assert_eq!(event.principal, ALICE);
    assert_eq!(event.partition_key.as_deref(), Some("hot"));
    let refused: i64 = found.throttled.iter().map(|event| event.count).sum();
    assert!((45_000..55_000).contains(&refused), "{refused} of 60 times 850");
    let shard = &found.shards[0];
    assert_eq!(shard.shard_id, event.shard_id);
    assert!(shard.use_permille > 1500, "{shard:?}");
    assert_eq!(shard.heavy_keys[0].partition_key, "hot");
    assert!(shard.heavy_keys[0].records_permille > 900, "{:?}", shard.heavy_keys);
    let [cure] = cures(&found)[..] else { panic!("{:?}", cures(&found)) };
    assert_eq!((cure.action, cure.partition_key.as_deref()), (CureAction::Salt, Some("hot")));
    assert_eq!(cure.salts, Some(4), "1,800 records in a second are four times 450");
}

#[tokio::test(start_paused = true)]
async fn the_split_that_is_advised_cures_the_stream() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, StreamMode::Provisioned, None).await;
    // Both shards would do, were it not for where the keys of the first one lie.
    let narrow = |n: usize| PutRecordsRequestEntry {
        data: Bytes::from_static(b"v"),
        partition_key: Some(format!("key {n}")),
        explicit_hash_key: Some(format!("{}", (1u128 << 126) + n as u128 * (1 << 110))),
    };
    let busy = || async {
        let mut throttled = 0;
        for _ in 0..30 {
            for batch in 0..3 {
                let records = (0..400).map(|n| narrow(batch * 400 + n)).collect();
                let stream_name = Some("s".into());
                let input = PutRecordsInput { records, stream_name, ..Default::default() };
                let output = node.streams.put_records(&node.caller, input).await.unwrap();
                throttled += output.failed_record_count;
            }
            tokio::time::sleep(SECOND).await;
        }
        throttled
    };
    assert!(busy().await > 0);
    let found = explain(&node).await;
    let shard = found.shards.iter().find(|shard| !shard.cures.is_empty()).unwrap();
    let [cure] = &shard.cures[..] else { panic!("{:?}", shard.cures) };
    assert_eq!(cure.action, CureAction::Split);
    assert!((400..=600).contains(&cure.below_permille.unwrap()), "{cure:?}");
    let at = cure.new_starting_hash_key.clone().unwrap();
    node.split("s", &shard.shard_id, &at).await.unwrap();
    busy().await;
    assert_eq!(busy().await, 0, "split at {at}");
}

#[tokio::test(start_paused = true)]
async fn decisions_are_shown_with_what_they_went_by_and_outlive_a_restart() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, StreamMode::OnDemand, None).await;
    put(&node, 41, 0, 2600).await;
    let found = explain(&node).await;
    assert_eq!(found.shards_ceiling, Some(200));
    let peak = found.peak_permille.unwrap();
    assert!((2000..3000).contains(&peak), "{peak}");
    assert_eq!(found.open_shard_count, 8);
    assert_eq!(found.decisions.len(), 4);
    for decision in &found.decisions {
        assert_eq!((decision.action, decision.open_shard_count), (ScalingAction::Split, 4));
        assert!((500..800).contains(&decision.use_permille), "{decision:?}");
        assert!((450..=550).contains(&decision.below_permille.unwrap()), "{decision:?}");
        assert!(decision.reason.contains("of its throughput in"), "{}", decision.reason);
    }
    node.stop().await;
    let node = world.start().await;
    let again = explain(&node).await;
    assert_eq!(again.decisions, found.decisions);
    assert_eq!(again.peak_permille, found.peak_permille);
    assert!(again.shards.is_empty() && again.throttled.is_empty(), "these are in memory");
    node.delete("s").await.unwrap();
    create(&node, StreamMode::OnDemand, None).await;
    assert!(explain(&node).await.decisions.is_empty(), "a new stream has no past");
}

#[tokio::test(start_paused = true)]
async fn a_held_key_says_so_and_evenly_spread_keys_are_never_blamed() {
    let world = World::new();
    let node = world.start().await;
    create(&node, StreamMode::OnDemand, None).await;
    put(&node, 60, 1500, 0).await;
    let found = explain(&node).await;
    let held = &found.decisions[0];
    assert_eq!(held.action, ScalingAction::HoldForOneKey);
    assert!(held.share_permille.unwrap() > 900, "{held:?}");
    assert_eq!(held.hash_key, found.shards[0].heavy_keys[0].hash_key);
    assert!(found.throttled.iter().all(|event| !event.refused), "limits are relaxed");
    assert!(!found.limits_enforced && !found.throttled.is_empty());
    node.delete("s").await.unwrap();
    create(&node, StreamMode::OnDemand, Some(RecordDistributionStrategy::Auto)).await;
    put(&node, 15, 3000, 0).await;
    assert!(cures(&explain(&node).await).iter().all(|cure| cure.action == CureAction::Split));
}

#[tokio::test(start_paused = true)]
async fn throttled_reads_are_events_too() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, StreamMode::Provisioned, None).await;
    let iterator = node.iterator("s", "0", ShardIteratorType::Latest).await;
    for _ in 0..8 {
        let _ = node.get(&iterator).await;
    }
    let found = explain(&node).await;
    let [event] = &found.throttled[..] else { panic!("{:?}", found.throttled) };
    assert_eq!((event.limit, event.count), (ShardLimit::ReadCalls, 3));
    assert_eq!((&event.hash_key, &event.partition_key), (&None, &None));
    let metrics = node.meters.render();
    let line = "weir_streams_throttled_total{account=\"000000000001\",region=\"us-east-1\",\
                stream=\"s\",limit=\"read_calls\",outcome=\"refused\"} 3";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn streams_of_others_and_missing_ones_are_not_explained() {
    let world = World::new();
    let mut node = world.start().await;
    create(&node, StreamMode::Provisioned, None).await;
    let ask = |node: &Node, name: Option<&str>| {
        let input = ExplainStreamInput { stream_name: name.map(Into::into), ..Default::default() };
        let (streams, caller) = (node.streams.clone(), node.caller.clone());
        async move { refusal(streams.explain_stream(&caller, input).await) }
    };
    assert!(ask(&node, None).await.starts_with("InvalidArgumentException: "));
    assert!(ask(&node, Some("t")).await.starts_with("ResourceNotFoundException: "));
    node.caller = caller("000000000002", "us-east-1");
    assert!(ask(&node, Some("s")).await.starts_with("ResourceNotFoundException: "));
}
