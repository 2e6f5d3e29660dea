//! Two accounts in two regions with the same names everywhere: nothing of one shows in another.

use std::collections::BTreeMap;

use wire::kinesis::*;
use wire::{ApiError, Caller, Handlers};

use crate::world::{Node, World, caller, refusal, text};

const SHARD: &str = "shardId-000000000000";

/// The `n`th home, of four.
fn home(n: usize) -> Caller {
    let account = ["000000000001", "000000000002"][n / 2];
    caller(account, ["us-east-1", "eu-west-1"][n % 2])
}

fn arn(n: usize) -> String {
    let Caller { account, region, .. } = home(n);
    format!("arn:aws:kinesis:{region}:{account}:stream/s")
}

/// Makes the streams `s` and `t` at each home, with settings that tell whose they are.
async fn settled(node: &mut Node) {
    for n in 0..4 {
        node.caller = home(n);
        node.create("s", n as i32 + 1).await;
        node.create("t", 1).await;
        node.put_at("s", "0", &format!("of {n}")).await;
        let streams = &node.streams;
        let tags = BTreeMap::from([("home".to_owned(), n.to_string())]);
        let input = TagResourceInput { resource_arn: arn(n), tags, ..Default::default() };
        streams.tag_resource(&node.caller, input).await.unwrap();
        let input = IncreaseStreamRetentionPeriodInput {
            stream_arn: Some(arn(n)),
            retention_period_hours: 24 + n as i32,
            ..Default::default()
        };
        streams.increase_stream_retention_period(&node.caller, input).await.unwrap();
        let input = UpdateMaxRecordSizeInput {
            stream_arn: Some(arn(n)),
            max_record_size_in_kib: 1024 + n as i32,
            ..Default::default()
        };
        streams.update_max_record_size(&node.caller, input).await.unwrap();
        let input = EnableEnhancedMonitoringInput {
            stream_arn: Some(arn(n)),
            shard_level_metrics: vec![MetricsName::IncomingRecords],
            ..Default::default()
        };
        streams.enable_enhanced_monitoring(&node.caller, input).await.unwrap();
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"home{n}","Effect":"Allow",
            "Principal":"*","Action":"kinesis:GetRecords","Resource":"{}"}}]}}"#,
            arn(n)
        );
        let input = PutResourcePolicyInput { resource_arn: arn(n), policy, ..Default::default() };
        streams.put_resource_policy(&node.caller, input).await.unwrap();
        for consumer in ["a", "b"] {
            let input = RegisterStreamConsumerInput {
                stream_arn: arn(n),
                consumer_name: consumer.into(),
                ..Default::default()
            };
            streams.register_stream_consumer(&node.caller, input).await.unwrap();
        }
    }
}

/// Everything that can be seen of `s` at the node's present home, without what differs each time.
async fn seen(node: &Node) -> String {
    let (streams, caller) = (&node.streams, &node.caller);
    let s = || Some("s".to_owned());
    let description = node.describe("s").await.unwrap();
    let arn = description.stream_arn.clone();
    let input = DescribeStreamSummaryInput { stream_name: s(), ..Default::default() };
    let summary = streams.describe_stream_summary(caller, input).await.unwrap();
    let shards = node.shards("s", None).await.unwrap();
    let names = streams.list_streams(caller, ListStreamsInput::default()).await.unwrap();
    let input = ListTagsForStreamInput { stream_name: s(), ..Default::default() };
    let tags = streams.list_tags_for_stream(caller, input).await.unwrap();
    let input = ListTagsForResourceInput { resource_arn: arn.clone(), ..Default::default() };
    let same_tags = streams.list_tags_for_resource(caller, input).await.unwrap();
    let input = GetResourcePolicyInput { resource_arn: arn.clone(), ..Default::default() };
    let policy = streams.get_resource_policy(caller, input).await.unwrap();
    let input = ListStreamConsumersInput { stream_arn: arn.clone(), ..Default::default() };
    let consumers = streams.list_stream_consumers(caller, input).await.unwrap();
    let input = DescribeStreamConsumerInput {
        stream_arn: Some(arn),
        consumer_name: Some("b".into()),
        ..Default::default()
    };
    let consumer = streams.describe_stream_consumer(caller, input).await.unwrap();
    let limits = streams.describe_limits(caller, DescribeLimitsInput {}).await.unwrap();
    let input = DescribeAccountSettingsInput::default();
    let settings = streams.describe_account_settings(caller, input).await.unwrap();
    let (records, _) = node.read_all("s", SHARD).await;
    format!(
        "{description:?} {summary:?} {shards:?} {names:?} {tags:?} {same_tags:?} {policy:?} \
         {consumers:?} {consumer:?} {limits:?} {settings:?} {records:?}"
    )
}

async fn all_seen(node: &mut Node) -> Vec<String> {
    let mut all = Vec::new();
    for n in 0..4 {
        node.caller = home(n);
        all.push(seen(node).await);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn every_home_sees_its_own_streams_and_no_others() {
    let world = World::new();
    let mut node = world.start().await;
    settled(&mut node).await;
    let all = all_seen(&mut node).await;
    for (n, seen) in all.iter().enumerate() {
        for wanted in [
            format!("OpenShardCount: {}", n + 2).replace("OpenShardCount", "open_shard_count"),
            format!("retention_period_hours: {}", 24 + n),
            format!("max_record_size_in_kib: Some({})", 1024 + n),
            format!("value: Some(\"{n}\")"),
            format!("[\"of {n}\"]"),
            format!("home{n}"),
            format!("{}/consumer/a:", arn(n)),
            "stream_names: [\"s\", \"t\"]".to_owned(),
        ] {
            assert!(seen.contains(&wanted), "{wanted} at home {n}: {seen}");
        }
        for other in (0..4).filter(|other| *other != n) {
            assert!(!seen.contains(&arn(other)), "{other} at home {n}: {seen}");
        }
    }
    let metrics = node.meters.render();
    for n in 0..4 {
        let Caller { account, region, .. } = home(n);
        let labels = format!("account=\"{account}\",region=\"{region}\",stream=\"s\"");
        for line in [
            format!("weir_streams_incoming_records_total{{{labels}}} 1"),
            format!("weir_streams_shard_incoming_records_total{{{labels},shard=\"{SHARD}\"}} 1"),
        ] {
            assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
        }
    }
}

/// Changes everything that can be changed of `s` at the node's present home, the `n`th.
async fn change_everything(node: &Node, n: usize) {
    let (streams, caller) = (&node.streams, &node.caller);
    let s = || Some("s".to_owned());
    node.encrypt("s", "alias/aws/kinesis").await.unwrap();
    node.put_at("s", "0", "another").await;
    node.stop_encrypting("s").await.unwrap();
    node.split("s", SHARD, "1000").await.unwrap();
    node.merge("s", &(n + 1).to_string(), &(n + 2).to_string()).await.unwrap();
    node.scale("s", 2).await.unwrap();
    let arn = node.describe("s").await.unwrap().stream_arn;
    let tags = BTreeMap::from([("home".to_owned(), "changed".to_owned())]);
    let input = AddTagsToStreamInput { stream_name: s(), tags, ..Default::default() };
    streams.add_tags_to_stream(caller, input).await.unwrap();
    let tag_keys = vec!["home".to_owned()];
    let input = RemoveTagsFromStreamInput {
        stream_name: s(),
        tag_keys: tag_keys.clone(),
        ..Default::default()
    };
    streams.remove_tags_from_stream(caller, input).await.unwrap();
    let input = UntagResourceInput { resource_arn: arn.clone(), tag_keys, ..Default::default() };
    streams.untag_resource(caller, input).await.unwrap();
    let input = DeleteResourcePolicyInput { resource_arn: arn.clone(), ..Default::default() };
    streams.delete_resource_policy(caller, input).await.unwrap();
    let input = DisableEnhancedMonitoringInput {
        stream_name: s(),
        shard_level_metrics: vec![MetricsName::All],
        ..Default::default()
    };
    streams.disable_enhanced_monitoring(caller, input).await.unwrap();
    let input = DecreaseStreamRetentionPeriodInput {
        stream_name: s(),
        retention_period_hours: 24,
        ..Default::default()
    };
    streams.decrease_stream_retention_period(caller, input).await.unwrap();
    let input = DeregisterStreamConsumerInput {
        stream_arn: Some(arn.clone()),
        consumer_name: Some("a".into()),
        ..Default::default()
    };
    streams.deregister_stream_consumer(caller, input).await.unwrap();
    let input = UpdateAccountSettingsInput {
        minimum_throughput_billing_commitment: MinimumThroughputBillingCommitmentInput {
            status: CommitmentInputStatus::Enabled,
        },
    };
    streams.update_account_settings(caller, input).await.unwrap();
    let on_demand = StreamModeDetails { stream_mode: StreamMode::OnDemand };
    let input = UpdateStreamModeInput {
        stream_arn: arn,
        stream_mode_details: on_demand,
        ..Default::default()
    };
    streams.update_stream_mode(caller, input).await.unwrap();
    let input = DeleteStreamInput {
        stream_name: s(),
        enforce_consumer_deletion: Some(true),
        ..Default::default()
    };
    streams.delete_stream(caller, input).await.unwrap();
    assert!(node.describe("s").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn changes_at_one_home_leave_the_others_as_they_were() {
    let world = World::new();
    let mut node = world.start().await;
    settled(&mut node).await;
    for n in 0..3 {
        let before = all_seen_of(&mut node, n + 1).await;
        node.caller = home(n);
        change_everything(&node, n).await;
        assert_eq!(all_seen_of(&mut node, n + 1).await, before, "after changes at home {n}");
    }
}

/// What is seen at the homes from the `from`th on.
async fn all_seen_of(node: &mut Node, from: usize) -> Vec<String> {
    let mut all = Vec::new();
    for n in from..4 {
        node.caller = home(n);
        all.push(seen(node).await);
    }
    all
}

/// A token of each kind, got at the node's present home.
async fn tokens(node: &Node) -> (String, String, String, String) {
    let (streams, caller) = (&node.streams, &node.caller);
    let input = ListStreamsInput { limit: Some(1), ..Default::default() };
    let listed = streams.list_streams(caller, input).await.unwrap().next_token.unwrap();
    node.scale("s", 2).await.unwrap();
    let input = ListShardsInput {
        stream_name: Some("s".into()),
        max_results: Some(1),
        ..Default::default()
    };
    let shards = streams.list_shards(caller, input).await.unwrap().next_token.unwrap();
    let stream_arn = node.describe("s").await.unwrap().stream_arn;
    let input = ListStreamConsumersInput { stream_arn, max_results: Some(1), ..Default::default() };
    let consumers = streams.list_stream_consumers(caller, input).await.unwrap().next_token.unwrap();
    let iterator = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    (listed, shards, consumers, iterator)
}

async fn list_streams(node: &Node, token: &str) -> Result<ListStreamsOutput, ApiError> {
    let input = ListStreamsInput { next_token: Some(token.into()), ..Default::default() };
    node.streams.list_streams(&node.caller, input).await
}

async fn list_shards(node: &Node, token: &str) -> Result<ListShardsOutput, ApiError> {
    let input = ListShardsInput { next_token: Some(token.into()), ..Default::default() };
    node.streams.list_shards(&node.caller, input).await
}

async fn list_consumers(
    node: &Node,
    stream: String,
    token: &str,
) -> Result<ListStreamConsumersOutput, ApiError> {
    let input = ListStreamConsumersInput {
        stream_arn: stream,
        next_token: Some(token.into()),
        ..Default::default()
    };
    node.streams.list_stream_consumers(&node.caller, input).await
}

#[tokio::test(start_paused = true)]
async fn tokens_and_iterators_are_good_where_they_were_given_for_what_they_were_given() {
    let world = World::new();
    let mut node = world.start().await;
    settled(&mut node).await;
    node.caller = home(0);
    let (listed, shards, consumers, iterator) = tokens(&node).await;
    let bad_token = "InvalidArgumentException: Invalid NextToken.";
    for n in 1..4 {
        node.caller = home(n);
        assert_eq!(refusal(list_streams(&node, &listed).await), bad_token);
        assert_eq!(refusal(list_consumers(&node, arn(n), &consumers).await), bad_token);
        if node.caller.region == home(0).region {
            // Whether another account may use them is decided before they get here.
            continue;
        }
        assert_eq!(refusal(list_shards(&node, &shards).await), bad_token);
        let refused = refusal(node.get(&iterator).await);
        assert_eq!(refused, "InvalidArgumentException: Invalid ShardIterator.");
    }
    node.caller = home(0);
    for wrong in [&shards, &consumers, &iterator, &"AAAA".to_owned(), &"not base64 !".to_owned()] {
        assert_eq!(refusal(list_streams(&node, wrong).await), bad_token);
    }
    for wrong in [&listed, &consumers, &iterator, &shards[1..].to_owned()] {
        assert_eq!(refusal(list_shards(&node, wrong).await), bad_token);
    }
    for wrong in [&listed, &shards, &iterator] {
        assert_eq!(refusal(list_consumers(&node, arn(0), wrong).await), bad_token);
    }
    world.clock.step(300_000);
    assert_eq!(list_streams(&node, &listed).await.unwrap().stream_names, ["t"]);
    assert_eq!(list_shards(&node, &shards).await.unwrap().shards.unwrap().len(), 2);
    assert_eq!(
        list_consumers(&node, arn(0), &consumers).await.unwrap().consumers.unwrap().len(),
        1
    );
    assert_eq!(text(&node.get(&iterator).await.unwrap().records[0]), "of 0");
    world.clock.step(1);
    for expired in [
        refusal(list_streams(&node, &listed).await),
        refusal(list_shards(&node, &shards).await),
        refusal(list_consumers(&node, arn(0), &consumers).await),
    ] {
        assert!(expired.starts_with("ExpiredNextTokenException: NextToken expired."), "{expired}");
    }
    assert!(refusal(node.get(&iterator).await).starts_with("ExpiredIteratorException: "));
}

#[tokio::test(start_paused = true)]
async fn an_arn_of_another_region_is_not_found_whosever_it_is() {
    let world = World::new();
    let mut node = world.start().await;
    settled(&mut node).await;
    node.caller = home(0);
    let put = async |n| {
        let input = PutRecordInput {
            stream_arn: Some(arn(n)),
            data: "v".into(),
            partition_key: Some("k".into()),
            ..Default::default()
        };
        refusal(node.streams.put_record(&node.caller, input).await)
    };
    assert!(put(1).await.starts_with("ResourceNotFoundException: "), "{}", put(1).await);
    assert!(put(3).await.starts_with("ResourceNotFoundException: "), "{}", put(3).await);
}

#[tokio::test(start_paused = true)]
async fn rates_and_quotas_of_one_home_are_not_those_of_another() {
    let mut world = World::aws();
    world.limits.shards_per_account = 3;
    let mut node = world.start().await;
    for n in 0..4 {
        node.caller = home(n);
        node.create("s", 3).await;
        let refused = refusal(node.try_create("u", 1).await);
        assert!(refused.starts_with("LimitExceededException: This request would exceed the shard"));
        let (mut described, mut put) = (0, 0);
        while node.describe("s").await.is_ok() {
            described += 1;
        }
        while node.put("s", "k", &"x".repeat(100_000)).await.is_ok() {
            put += 1;
        }
        assert_eq!((described, put), (10, 10), "at home {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_id_is_taken_and_means_nothing_and_is_not_given() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let input = DescribeStreamSummaryInput {
        stream_name: Some("s".into()),
        stream_id: Some("abcdefghij0123456789-a1b".into()),
        ..Default::default()
    };
    let output = node.streams.describe_stream_summary(&node.caller, input).await.unwrap();
    assert_eq!(output.stream_description_summary.stream_name, "s");
    assert_eq!(output.stream_description_summary.stream_id, None);
}
