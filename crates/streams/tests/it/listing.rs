//! Pages and their tokens.

use std::time::Duration;

use wire::Handlers;
use wire::kinesis::*;

use crate::world::{Node, World, refusal};

async fn shards(node: &Node, input: ListShardsInput) -> Result<ListShardsOutput, wire::ApiError> {
    node.streams.list_shards(&node.caller, input).await
}

fn first(kind: ShardFilterType) -> ListShardsInput {
    ListShardsInput {
        stream_name: Some("s".into()),
        max_results: Some(2),
        shard_filter: Some(ShardFilter { kind, ..Default::default() }),
        ..Default::default()
    }
}

fn next(token: &str) -> ListShardsInput {
    ListShardsInput { next_token: Some(token.into()), max_results: Some(2), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn streams_are_listed_by_name_page_by_page() {
    let world = World::new();
    let node = world.start().await;
    for name in ["c", "a", "b"] {
        node.create(name, 1).await;
    }
    let list = async |input| node.streams.list_streams(&node.caller, input).await;
    let input = ListStreamsInput { limit: Some(2), ..Default::default() };
    let page = list(input).await.unwrap();
    assert_eq!((page.stream_names.join(" "), page.has_more_streams), ("a b".into(), true));
    let input = ListStreamsInput { next_token: page.next_token.clone(), ..Default::default() };
    let last = list(input.clone()).await.unwrap();
    assert_eq!((last.stream_names.join(" "), last.has_more_streams), ("c".into(), false));
    assert_eq!(last.next_token, None);
    let after =
        ListStreamsInput { exclusive_start_stream_name: Some("aa".into()), ..Default::default() };
    assert_eq!(list(after).await.unwrap().stream_names.join(" "), "b c");
    tokio::time::advance(Duration::from_millis(300_001)).await;
    assert!(refusal(list(input).await).starts_with("ExpiredNextTokenException: "));
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_a_listing_are_of_one_moment_even_if_the_stream_is_scaled_in_between() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 4).await;
    for kind in [ShardFilterType::AtLatest, ShardFilterType::AtTrimHorizon] {
        let whole = node.shards("s", Some(ShardFilter { kind, ..Default::default() })).await;
        let whole = whole.unwrap();
        let page = shards(&node, first(kind)).await.unwrap();
        let target = if whole.len() == 4 { 8 } else { 4 };
        node.scale("s", target).await.unwrap();
        let mut listed = page.shards.unwrap();
        let mut token = page.next_token;
        while let Some(next_token) = token {
            let page = shards(&node, next(&next_token)).await.unwrap();
            listed.extend(page.shards.unwrap());
            token = page.next_token;
        }
        let ids = |shards: &[Shard]| shards.iter().map(|s| s.shard_id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&listed), ids(&whole), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_stands_alone_expires_and_is_of_one_kind() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 4).await;
    let token = shards(&node, first(ShardFilterType::AtLatest)).await.unwrap().next_token.unwrap();
    let together = |other: &str| {
        format!("InvalidArgumentException: NextToken and {other} cannot be provided together.")
    };
    let named = ListShardsInput { stream_name: Some("s".into()), ..next(&token) };
    assert_eq!(refusal(shards(&node, named).await), together("StreamName"));
    let started = ListShardsInput { exclusive_start_shard_id: Some("0".into()), ..next(&token) };
    assert_eq!(refusal(shards(&node, started).await), together("ExclusiveStartShardId"));
    let filtered = ListShardsInput {
        shard_filter: first(ShardFilterType::AtLatest).shard_filter,
        ..next(&token)
    };
    assert_eq!(refusal(shards(&node, filtered).await), together("ShardFilter"));
    assert_eq!(
        refusal(shards(&node, ListShardsInput::default()).await),
        "InvalidArgumentException: Either NextToken or StreamName should be provided."
    );
    assert_eq!(refusal(node.get(&token).await), "InvalidArgumentException: Invalid ShardIterator.");
    let iterator = node.iterator("s", "0", ShardIteratorType::Latest).await;
    assert!(refusal(shards(&node, next(&iterator)).await).starts_with("InvalidArgumentException"));
    tokio::time::advance(Duration::from_millis(300_001)).await;
    assert!(refusal(shards(&node, next(&token)).await).starts_with("ExpiredNextTokenException: "));
}

#[tokio::test(start_paused = true)]
async fn a_stream_s_shards_are_described_a_hundred_at_a_time() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 150).await;
    let input = DescribeStreamInput {
        stream_name: Some("s".into()),
        limit: Some(10_000),
        ..Default::default()
    };
    let describe = async |input| node.streams.describe_stream(&node.caller, input).await.unwrap();
    let page = describe(input.clone()).await.stream_description;
    assert_eq!((page.shards.len(), page.has_more_shards), (100, true));
    let after = page.shards.last().map(|shard| shard.shard_id.clone());
    let page = describe(DescribeStreamInput { exclusive_start_shard_id: after, ..input }).await;
    let page = page.stream_description;
    assert_eq!((page.shards.len(), page.has_more_shards), (50, false));
    assert_eq!(page.shards[0].shard_id, "shardId-000000000100");
}
