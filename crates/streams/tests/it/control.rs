//! Streams as a whole: states, quotas, retention, tags, addresses.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wire::Handlers;
use wire::kinesis::*;

use crate::world::{HOUR, Node, World, refusal};

async fn tag(node: &Node, tags: &[(&str, &str)]) -> Result<(), wire::ApiError> {
    let tags: BTreeMap<_, _> =
        tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let input = AddTagsToStreamInput { stream_name: Some("s".into()), tags, ..Default::default() };
    node.streams.add_tags_to_stream(&node.caller, input).await
}

async fn tags(node: &Node, after: Option<&str>, limit: Option<i32>) -> (String, bool) {
    let input = ListTagsForStreamInput {
        stream_name: Some("s".into()),
        exclusive_start_tag_key: after.map(str::to_owned),
        limit,
        ..Default::default()
    };
    let output = node.streams.list_tags_for_stream(&node.caller, input).await.unwrap();
    let tags: Vec<_> =
        output.tags.into_iter().map(|tag| format!("{}={}", tag.key, tag.value.unwrap())).collect();
    (tags.join(" "), output.has_more_tags)
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_created_updated_and_deleted_through_its_states() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    node.create("s", 2).await;
    let creating = node.describe("s").await.unwrap();
    assert_eq!(creating.stream_status, StreamStatus::Creating);
    assert!(creating.shards.is_empty());
    assert_eq!(
        refusal(node.put("s", "k", "v").await),
        "ResourceNotFoundException: Stream s under account 000000000001 not found."
    );
    assert_eq!(
        refusal(node.shards("s", None).await),
        "ResourceInUseException: Stream s under account 000000000001 not ACTIVE or UPDATING, \
         instead in state CREATING"
    );
    assert_eq!(
        refusal(node.try_create("s", 1).await),
        "ResourceInUseException: Stream s under account 000000000001 already exists."
    );
    tokio::time::sleep(Duration::from_millis(210)).await;
    let active = node.describe("s").await.unwrap();
    assert_eq!((active.stream_status, active.shards.len()), (StreamStatus::Active, 2));
    assert_eq!(active.stream_arn, "arn:aws:kinesis:us-east-1:000000000001:stream/s");
    assert_eq!(active.retention_period_hours, 24);

    node.split("s", "0", "1000").await.unwrap();
    assert_eq!(node.status("s").await, StreamStatus::Updating);
    assert!(node.put("s", "k", "v").await.is_ok(), "records go on while it is UPDATING");
    assert_eq!(
        refusal(node.scale("s", 2).await),
        "ResourceInUseException: Stream s under account 000000000001 not ACTIVE, instead in state \
         UPDATING"
    );
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert_eq!(node.describe("s").await.unwrap().shards.len(), 4);

    node.delete("s").await.unwrap();
    assert_eq!(node.status("s").await, StreamStatus::Deleting);
    assert!(refusal(node.delete("s").await).ends_with("instead in state DELETING"));
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert_eq!(
        refusal(node.describe("s").await),
        "ResourceNotFoundException: Stream s under account 000000000001 not found."
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_pending_when_the_node_stopped_is_completed_after_the_restart() {
    let mut world = World::slow(HOUR);
    let node = world.start().await;
    node.create("born", 2).await;
    node.stop().await;
    let node = world.start().await;
    assert_eq!(node.status("born").await, StreamStatus::Creating);
    // A clock set back must not make the stream wait for the clock to come round again.
    world.clock.step(-86_400_000);
    tokio::time::sleep(HOUR + Duration::from_millis(10)).await;
    assert_eq!(node.status("born").await, StreamStatus::Active);
    node.put("born", "k", "v").await.unwrap();
    node.delete("born").await.unwrap();
    node.stop().await;
    world.config.transition_delay = Duration::from_millis(1);
    let node = world.start().await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(node.describe("born").await.is_err());
    node.create("born", 1).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(node.read_all("born", "0").await.0, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stream_deleted_before_it_had_shards_takes_no_records() {
    let world = World::slow(HOUR);
    let node = world.start().await;
    node.create("s", 2).await;
    node.delete("s").await.unwrap();
    assert_eq!(node.status("s").await, StreamStatus::Deleting);
    assert_eq!(
        refusal(node.put("s", "k", "v").await),
        "ResourceNotFoundException: Stream s under account 000000000001 not found."
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_cut_between_its_logs_is_completed_by_the_next_start() {
    let mut world = World::new();
    let node = world.start().await;
    node.create("s", 2).await;
    node.put_at("s", "0", "v").await;
    let iterator = node.iterator("s", "0", ShardIteratorType::TrimHorizon).await;
    node.stop().await;
    world.config.transition_delay = HOUR;
    let node = world.start().await;
    node.delete("s").await.unwrap();
    node.storage.log(storage::LogId(1001)).delete().unwrap().durable().await.unwrap();
    assert!(refusal(node.get(&iterator).await).ends_with("does not exist"));
    node.stop().await;
    world.config.transition_delay = Duration::ZERO;
    let node = world.start().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(node.describe("s").await.is_err());
    node.create("s", 1).await;
    assert_eq!(node.read_all("s", "0").await.0, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn quotas_refuse_in_the_words_of_aws() {
    let mut world = World::aws();
    world.limits.shards_per_account = 6;
    world.config.transition_delay = Duration::from_secs(2);
    let node = world.start().await;
    node.create("a", 4).await;
    let limit = |current, more| {
        format!(
            "LimitExceededException: This request would exceed the shard limit for the account \
             000000000001 in us-east-1. Current shard count for the account: {current}. Limit: 6. \
             Number of additional shards that would have resulted from this request: {more}. \
             Refer to the AWS Service Limits page \
             (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current \
             limits and how to request higher limits."
        )
    };
    assert_eq!(refusal(node.try_create("b", 3).await), limit(4, 3));
    for name in ["b", "c"] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        node.create(name, 1).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(refusal(node.split("a", "0", "1000").await), limit(6, 1));
    for name in ["a", "b", "c"] {
        node.delete(name).await.unwrap();
    }
    let on_demand = |name: &str| CreateStreamInput {
        stream_name: name.into(),
        stream_mode_details: Some(StreamModeDetails { stream_mode: StreamMode::OnDemand }),
        ..Default::default()
    };
    for name in ["d", "e"] {
        node.streams.create_stream(&node.caller, on_demand(name)).await.unwrap();
    }
    assert_eq!(
        refusal(node.streams.create_stream(&node.caller, on_demand("f")).await),
        "LimitExceededException: This request would have exceed the limit on the number  of \
         streams that can simultaneously be in CREATING or DELETING for the account \
         000000000001. Limit: 5."
    );
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        refusal(node.split("d", "0", "1000").await),
        "ValidationException: Request is invalid. Stream d under account 000000000001 is in \
         On-Demand mode."
    );
    let limits = node.streams.describe_limits(&node.caller, DescribeLimitsInput {}).await.unwrap();
    assert_eq!((limits.shard_limit, limits.open_shard_count), (6, 0));
    assert_eq!(limits.on_demand_stream_count, 2);
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_scaling_of_a_day_is_refused() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    for call in 0..10 {
        node.scale("s", 1 + (call + 1) % 2).await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert!(refusal(node.scale("s", 2).await).starts_with("LimitExceededException: "));
    tokio::time::advance(HOUR * 24).await;
    node.scale("s", 2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn shorter_retention_trims_at_once_and_longer_retention_brings_nothing_back() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let longer = async |hours| {
        let input = IncreaseStreamRetentionPeriodInput {
            stream_name: Some("s".into()),
            retention_period_hours: hours,
            ..Default::default()
        };
        node.streams.increase_stream_retention_period(&node.caller, input).await
    };
    longer(24).await.unwrap();
    longer(48).await.unwrap();
    node.put("s", "k", "old").await.unwrap();
    tokio::time::advance(HOUR * 30).await;
    node.put("s", "k", "new").await.unwrap();
    assert_eq!(node.read_all("s", "0").await.0, ["old", "new"]);
    let input = DecreaseStreamRetentionPeriodInput {
        stream_name: Some("s".into()),
        retention_period_hours: 24,
        ..Default::default()
    };
    node.streams.decrease_stream_retention_period(&node.caller, input).await.unwrap();
    assert_eq!(node.read_all("s", "0").await.0, ["new"]);
    longer(48).await.unwrap();
    assert_eq!(node.read_all("s", "0").await.0, ["new"]);
    assert_eq!(node.describe("s").await.unwrap().retention_period_hours, 48);
}

#[tokio::test(start_paused = true)]
async fn tags_are_merged_listed_in_pages_removed_and_kept_over_a_restart() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    tag(&node, &[("b", "2"), ("a", "1")]).await.unwrap();
    tag(&node, &[("b", "3"), ("c", "")]).await.unwrap();
    assert_eq!(tags(&node, None, None).await, ("a=1 b=3 c=".into(), false));
    assert_eq!(tags(&node, None, Some(2)).await, ("a=1 b=3".into(), true));
    assert_eq!(tags(&node, Some("b"), Some(2)).await, ("c=".into(), false));
    node.stop().await;
    let node = world.start().await;
    let resource = "arn:aws:kinesis:us-east-1:000000000001:stream/s".to_owned();
    let input = UntagResourceInput {
        tag_keys: vec!["a".into(), "unknown".into()],
        resource_arn: resource.clone(),
        ..Default::default()
    };
    node.streams.untag_resource(&node.caller, input).await.unwrap();
    let input = ListTagsForResourceInput { resource_arn: resource, ..Default::default() };
    let listed = node.streams.list_tags_for_resource(&node.caller, input).await.unwrap();
    assert_eq!(listed.tags.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn tags_with_other_characters_or_too_many_of_them_are_refused() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    assert_eq!(
        refusal(tag(&node, &[("a;b", "c")]).await),
        "InvalidArgumentException: Some tags contain invalid characters. Valid characters: \
         Unicode letters, digits, white space, _ . / = + - % @."
    );
    assert_eq!(
        refusal(tag(&node, &[("a", "100%")]).await),
        "InvalidArgumentException: Failed to add tags to stream s under account 000000000001 \
         because some tags contained illegal characters. The allowed characters are Unicode \
         letters, white-spaces, '_',',','/','=','+','-','@'."
    );
    let many: Vec<_> = (0..51).map(|i| format!("k{i}")).collect();
    let many: Vec<_> = many.iter().map(|key| (key.as_str(), "")).collect();
    assert_eq!(
        refusal(tag(&node, &many).await),
        "InvalidArgumentException: Failed to add tags to stream s under account 000000000001 \
         because a given stream cannot have more than 10 tags associated with it."
    );
    assert_eq!(tags(&node, None, None).await, (String::new(), false));
    tag(&node, &many[..50]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_found_by_name_by_arn_or_by_both_in_agreement() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let summary = async |name: Option<&str>, arn: Option<&str>| {
        let input = DescribeStreamSummaryInput {
            stream_name: name.map(str::to_owned),
            stream_arn: arn.map(str::to_owned),
            ..Default::default()
        };
        let output = node.streams.describe_stream_summary(&node.caller, input).await;
        output.map(|output| output.stream_description_summary.open_shard_count)
    };
    let arn =
        |account: &str, name: &str| format!("arn:aws:kinesis:us-east-1:{account}:stream/{name}");
    let (own, other) = (arn("000000000001", "s"), arn("000000000001", "other"));
    assert_eq!(summary(Some("s"), None).await, Ok(1));
    assert_eq!(summary(None, Some(&own)).await, Ok(1));
    assert_eq!(summary(Some("s"), Some(&own)).await, Ok(1));
    assert!(refusal(summary(Some("s"), Some(&other)).await).starts_with("InvalidArgument"));
    assert!(refusal(summary(None, None).await).starts_with("InvalidArgument"));
    assert_eq!(
        refusal(summary(None, Some(&other)).await),
        "ResourceNotFoundException: Stream other under account 000000000001 not found."
    );
    let foreign = arn("000000000002", "s");
    // Whether it may be used at all is decided before it is looked for.
    assert_eq!(
        refusal(summary(None, Some(&foreign)).await),
        "ResourceNotFoundException: Stream s under account 000000000002 not found."
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_retryably_and_is_forgotten_when_there_is_space_again() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.put("s", "k", "before").await.unwrap();
    node.split("s", "0", "1000").await.unwrap();
    world.disk_is_full.store(true, Ordering::Relaxed);
    let large = "x".repeat(500_000);
    let mut written = 0;
    while node.put("s", "k", &large).await.is_ok() {
        written += 1;
        assert!(written < 100, "the disk takes no new file");
    }
    assert_eq!(refusal(node.put("s", "k", "refused").await), "InternalFailure");
    let created = refusal(node.try_create("t", 1).await);
    assert_eq!(created, "ServiceUnavailableException");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(node.status("s").await, StreamStatus::Updating, "the split waits for space");
    assert_eq!(node.read_all("s", "0").await.0.len(), 1 + written, "reads go on");

    world.disk_is_full.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(node.status("s").await, StreamStatus::Active);
    assert_eq!(node.describe("s").await.unwrap().shards.len(), 3);
    node.put("s", "k", "after").await.unwrap();
    node.create("u", 1).await;
    node.stop().await;
    let node = world.start().await;
    let mut texts = Vec::new();
    for shard in node.shards("s", None).await.unwrap() {
        texts.extend(node.read_all("s", &shard.shard_id).await.0);
    }
    texts.retain(|text| *text != large);
    assert_eq!(texts, ["before", "after"]);
}
