//! What owners say about capacity: modes, warm throughput, commitments, and how records spread.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use wire::kinesis::*;
use wire::{ApiError, Handlers};

use crate::world::{HOUR, Node, World, caller, refusal};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000001:stream/s";

fn on_demand(name: &str) -> CreateStreamInput {
    CreateStreamInput {
        stream_name: name.into(),
        stream_mode_details: Some(StreamModeDetails { stream_mode: StreamMode::OnDemand }),
        ..Default::default()
    }
}

async fn create(node: &Node, input: CreateStreamInput) -> Result<(), ApiError> {
    node.streams.create_stream(&node.caller, input).await
}

async fn switch(node: &Node, mode: StreamMode, warm: Option<i32>) -> Result<(), ApiError> {
    let input = UpdateStreamModeInput {
        stream_arn: ARN.into(),
        stream_id: None,
        stream_mode_details: StreamModeDetails { stream_mode: mode },
        warm_throughput_mibps: warm,
    };
    node.streams.update_stream_mode(&node.caller, input).await
}

async fn warm(node: &Node, mibps: i32) -> Result<WarmThroughput, ApiError> {
    let input = UpdateStreamWarmThroughputInput {
        stream_name: Some("s".into()),
        warm_throughput_mibps: mibps,
        ..Default::default()
    };
    let output = node.streams.update_stream_warm_throughput(&node.caller, input).await?;
    assert_eq!(output.stream_arn.as_deref(), Some(ARN));
    Ok(output.warm_throughput.unwrap())
}

async fn distribute(node: &Node, strategy: RecordDistributionStrategy) -> Result<(), ApiError> {
    let input = UpdateStreamRecordDistributionStrategyInput {
        stream_arn: ARN.into(),
        stream_id: None,
        record_distribution_strategy: strategy,
    };
    node.streams.update_stream_record_distribution_strategy(&node.caller, input).await
}

async fn commit(
    node: &Node,
    status: CommitmentInputStatus,
) -> MinimumThroughputBillingCommitmentOutput {
    let input = UpdateAccountSettingsInput {
        minimum_throughput_billing_commitment: MinimumThroughputBillingCommitmentInput { status },
    };
    let output = node.streams.update_account_settings(&node.caller, input).await.unwrap();
    let settled = output.minimum_throughput_billing_commitment.unwrap();
    assert_eq!(settled, settings(node).await, "both operations say the same");
    settled
}

async fn settings(node: &Node) -> MinimumThroughputBillingCommitmentOutput {
    let input = DescribeAccountSettingsInput {};
    let output = node.streams.describe_account_settings(&node.caller, input).await.unwrap();
    output.minimum_throughput_billing_commitment.unwrap()
}

async fn summary(node: &Node) -> StreamDescriptionSummary {
    let input = DescribeStreamSummaryInput { stream_name: Some("s".into()), ..Default::default() };
    let output = node.streams.describe_stream_summary(&node.caller, input).await.unwrap();
    output.stream_description_summary
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_shards_and_records_across_a_change_of_mode() {
    let world = World::slow(Duration::from_millis(500));
    let node = world.start().await;
    node.create("s", 3).await;
    assert!(refusal(switch(&node, StreamMode::OnDemand, None).await).ends_with("state CREATING"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = node.shards("s", None).await.unwrap();
    node.put("s", "k", "kept").await.unwrap();
    switch(&node, StreamMode::OnDemand, None).await.unwrap();
    assert_eq!(node.status("s").await, StreamStatus::Updating);
    assert_eq!(
        refusal(switch(&node, StreamMode::Provisioned, None).await),
        "ResourceInUseException: Stream s under account 000000000001 not ACTIVE, instead in state \
         UPDATING"
    );
    node.put("s", "k", "also while it is UPDATING").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stream = node.describe("s").await.unwrap();
    assert_eq!(stream.stream_status, StreamStatus::Active);
    assert_eq!(stream.stream_mode_details.unwrap().stream_mode, StreamMode::OnDemand);
    assert_eq!(node.shards("s", None).await.unwrap(), before);
    assert_eq!(
        refusal(node.scale("s", 6).await),
        "ValidationException: Request is invalid. Stream s under account 000000000001 is in \
         On-Demand mode."
    );
    let limits = node.streams.describe_limits(&node.caller, DescribeLimitsInput {}).await.unwrap();
    assert_eq!((limits.open_shard_count, limits.on_demand_stream_count), (0, 1));
    assert_eq!(limits.on_demand_stream_count_limit, 50);
}

#[tokio::test(start_paused = true)]
async fn the_third_change_of_mode_in_a_day_is_refused() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    switch(&node, StreamMode::OnDemand, None).await.unwrap();
    switch(&node, StreamMode::OnDemand, None).await.unwrap();
    tokio::time::advance(HOUR).await;
    switch(&node, StreamMode::Provisioned, None).await.unwrap();
    assert_eq!(
        refusal(switch(&node, StreamMode::OnDemand, None).await),
        "LimitExceededException: Stream s under account 000000000001 has reached the limit of 2 \
         UpdateStreamMode calls in 24 hours."
    );
    tokio::time::advance(23 * HOUR).await;
    switch(&node, StreamMode::OnDemand, None).await.unwrap();
    node.stop().await;
    let node = world.start().await;
    assert!(refusal(switch(&node, StreamMode::Provisioned, None).await).contains("limit of 2"));
}

#[tokio::test(start_paused = true)]
async fn shards_count_against_the_account_only_while_the_stream_is_provisioned() {
    let mut world = World::new();
    world.limits.shards_per_account = 5;
    let node = world.start().await;
    node.create("s", 4).await;
    switch(&node, StreamMode::OnDemand, None).await.unwrap();
    node.create("t", 2).await;
    let refused = refusal(switch(&node, StreamMode::Provisioned, None).await);
    assert!(refused.contains("Current shard count for the account: 2. Limit: 5."), "{refused}");
    node.delete("t").await.unwrap();
    switch(&node, StreamMode::Provisioned, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn warm_throughput_needs_a_commitment_and_opens_shards() {
    let world = World::slow(Duration::from_millis(500));
    let node = world.start().await;
    create(&node, on_demand("s")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        refusal(warm(&node, 10).await),
        "InvalidArgumentException: WarmThroughputMiBps needs MinimumThroughputBillingCommitment \
         to be enabled for the account 000000000001 in us-east-1."
    );
    assert_eq!(summary(&node).await.warm_throughput, None);
    commit(&node, CommitmentInputStatus::Enabled).await;
    let shown = |target, current| WarmThroughput { target_mibps: target, current_mibps: current };
    assert_eq!(summary(&node).await.warm_throughput, Some(shown(None, Some(4))));
    assert_eq!(warm(&node, 10).await.unwrap(), shown(Some(10), Some(4)));
    let updating = summary(&node).await;
    assert_eq!(updating.stream_status, StreamStatus::Updating);
    assert_eq!(updating.warm_throughput, Some(shown(Some(10), Some(4))));
    assert!(refusal(warm(&node, 10).await).starts_with("ResourceInUseException: "));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = summary(&node).await;
    assert_eq!((grown.stream_status, grown.open_shard_count), (StreamStatus::Active, 10));
    assert_eq!(grown.warm_throughput, Some(shown(Some(10), Some(10))));
    assert_eq!(
        refusal(warm(&node, 10_241).await),
        "LimitExceededException: Warm throughput of stream s under account 000000000001 cannot \
         be more than 10240 MiBps. Requested: 10241 MiBps."
    );
    assert_eq!(warm(&node, 2).await.unwrap(), shown(Some(2), Some(10)), "releasing is no error");
}

#[tokio::test(start_paused = true)]
async fn streams_are_created_and_switched_warm() {
    let world = World::new();
    let node = world.start().await;
    commit(&node, CommitmentInputStatus::Enabled).await;
    let input = CreateStreamInput { warm_throughput_mibps: Some(9), ..on_demand("s") };
    create(&node, input).await.unwrap();
    assert_eq!(summary(&node).await.open_shard_count, 9);
    switch(&node, StreamMode::Provisioned, None).await.unwrap();
    assert_eq!(summary(&node).await.warm_throughput, None);
    assert_eq!(
        refusal(switch(&node, StreamMode::Provisioned, Some(3)).await),
        "InvalidArgumentException: WarmThroughputMiBps is only supported for streams in On-Demand \
         mode. Stream s under account 000000000001 is in Provisioned mode."
    );
    switch(&node, StreamMode::OnDemand, Some(12)).await.unwrap();
    assert_eq!(summary(&node).await.open_shard_count, 12);
    let provisioned = CreateStreamInput {
        stream_name: "p".into(),
        warm_throughput_mibps: Some(1),
        ..Default::default()
    };
    assert!(refusal(create(&node, provisioned).await).starts_with("InvalidArgumentException: "));
}

#[tokio::test(start_paused = true)]
async fn a_commitment_of_an_account_lasts_a_day_and_ends_by_itself() {
    let world = World::new();
    let node = world.start().await;
    let unset = settings(&node).await;
    assert_eq!((unset.status, unset.started_at), (CommitmentStatus::Disabled, None));
    let enabled = commit(&node, CommitmentInputStatus::Enabled).await;
    assert_eq!(enabled.status, CommitmentStatus::Enabled);
    let day_ms = 24 * HOUR.as_millis() as u64;
    let (started, earliest) =
        (enabled.started_at.unwrap(), enabled.earliest_allowed_end_at.unwrap());
    assert_eq!(earliest.millis_since(started), day_ms);
    tokio::time::advance(HOUR).await;
    let ending = commit(&node, CommitmentInputStatus::Disabled).await;
    assert_eq!(ending.status, CommitmentStatus::EnabledUntilEarliestAllowedEnd);
    assert_eq!((ending.ended_at, ending.earliest_allowed_end_at), (None, Some(earliest)));
    let again = commit(&node, CommitmentInputStatus::Enabled).await;
    assert_eq!(again, enabled, "enabling again cancels the end");
    commit(&node, CommitmentInputStatus::Disabled).await;
    node.stop().await;
    let mut node = world.start().await;
    tokio::time::advance(23 * HOUR).await;
    let over = settings(&node).await;
    assert_eq!((over.status, over.ended_at), (CommitmentStatus::Disabled, Some(earliest)));
    node.caller = caller("000000000001", "eu-west-1");
    assert_eq!(settings(&node).await, unset, "another region has its own");
    node.caller = caller("000000000002", "us-east-1");
    assert_eq!(settings(&node).await, unset, "another account has its own");
}

#[tokio::test(start_paused = true)]
async fn records_of_an_evenly_spread_stream_need_no_key_and_look_at_none() {
    let world = World::new();
    let node = world.start().await;
    let even = Some(RecordDistributionStrategy::Auto);
    let input = CreateStreamInput { record_distribution_strategy: even, ..on_demand("s") };
    create(&node, input).await.unwrap();
    assert_eq!(summary(&node).await.record_distribution_strategy, even);
    let entry = |key: Option<&str>| PutRecordsRequestEntry {
        data: Bytes::from_static(b"v"),
        partition_key: key.map(Into::into),
        explicit_hash_key: Some("0".into()),
    };
    let input = PutRecordsInput {
        records: [vec![entry(Some("k")); 200], vec![entry(None); 200]].concat(),
        stream_name: Some("s".into()),
        ..Default::default()
    };
    let output = node.streams.put_records(&node.caller, input).await.unwrap();
    let mut per_shard = BTreeMap::<_, u32>::new();
    for record in output.records {
        *per_shard.entry(record.shard_id.unwrap()).or_default() += 1;
    }
    assert_eq!(per_shard.into_values().collect::<Vec<_>>(), [100; 4]);
    let first = node.iterator("s", "0", ShardIteratorType::TrimHorizon).await;
    let records = node.get(&first).await.unwrap().records;
    let keyed = |record: &&Record| record.partition_key.as_deref() == Some("k");
    assert_eq!(records.iter().filter(keyed).count(), 50);
    assert_eq!(records.iter().filter(|record| record.partition_key.is_none()).count(), 50);
}

#[tokio::test(start_paused = true)]
async fn the_distribution_changes_at_once_and_only_on_demand() {
    let world = World::slow(Duration::from_millis(500));
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let refused = "InvalidArgumentException: RecordDistributionStrategy AUTO is only supported in \
                   On-Demand mode.";
    assert_eq!(refusal(distribute(&node, RecordDistributionStrategy::Auto).await), refused);
    let provisioned = CreateStreamInput {
        stream_name: "p".into(),
        record_distribution_strategy: Some(RecordDistributionStrategy::Auto),
        ..Default::default()
    };
    assert_eq!(refusal(create(&node, provisioned).await), refused);
    assert_eq!(summary(&node).await.record_distribution_strategy, None);
    switch(&node, StreamMode::OnDemand, None).await.unwrap();
    let by_key = Some(RecordDistributionStrategy::UserPartitionKey);
    assert_eq!(summary(&node).await.record_distribution_strategy, by_key);
    let keyless = || PutRecordInput {
        stream_name: Some("s".into()),
        data: Bytes::from_static(b"v"),
        ..Default::default()
    };
    assert_eq!(
        refusal(node.streams.put_record(&node.caller, keyless()).await),
        "ValidationException: 1 validation error detected: Value null at 'partitionKey' failed \
         to satisfy constraint: Member must not be null"
    );
    distribute(&node, RecordDistributionStrategy::Auto).await.unwrap();
    node.streams.put_record(&node.caller, keyless()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    switch(&node, StreamMode::Provisioned, None).await.unwrap();
    assert!(node.streams.put_record(&node.caller, keyless()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_commitment_allows_fifty_consumers_of_an_on_demand_stream() {
    let world = World::aws();
    let node = world.start().await;
    create(&node, on_demand("s")).await.unwrap();
    let register = async |count: std::ops::Range<u32>| {
        for number in count {
            let input = RegisterStreamConsumerInput {
                stream_arn: ARN.into(),
                consumer_name: format!("consumer-{number}"),
                ..Default::default()
            };
            tokio::time::sleep(Duration::from_secs(1)).await;
            node.streams.register_stream_consumer(&node.caller, input).await?;
        }
        Ok::<_, ApiError>(())
    };
    register(0..20).await.unwrap();
    assert!(refusal(register(20..21).await).ends_with("Current consumer count: 20. Limit: 20."));
    commit(&node, CommitmentInputStatus::Enabled).await;
    register(20..50).await.unwrap();
    assert!(refusal(register(50..51).await).ends_with("Current consumer count: 50. Limit: 50."));
}
