//! Shards that close and open: nothing lost, nothing doubled, the hash space covered throughout.

use std::time::Duration;

use bytes::Bytes;
use model::{SequenceNumber, Timestamp};
use runtime::Clock;
use storage::LogId;
use wire::Handlers;
use wire::kinesis::*;

use crate::world::{HOUR, Node, World, refusal, text};

const HALF: &str = "170141183460469231731687303715884105728";

pub(crate) fn id(index: usize) -> String {
    format!("shardId-{index:012}")
}

fn number(text: &str) -> SequenceNumber {
    text.parse().unwrap()
}

/// Children begin after their parents ended, and open shards cover the hash space.
pub(crate) fn check_lineage(shards: &[Shard]) {
    let shard = |id: &String| shards.iter().find(|shard| shard.shard_id == *id);
    for child in shards {
        for parent in [&child.parent_shard_id, &child.adjacent_parent_shard_id] {
            let Some(parent) = parent.as_ref().and_then(shard) else { continue };
            let end = parent.sequence_number_range.ending_sequence_number.as_ref().unwrap();
            let start = &child.sequence_number_range.starting_sequence_number;
            assert!(number(end) < number(start), "{} after {}", child.shard_id, parent.shard_id);
        }
    }
    let open = shards.iter().filter(|s| s.sequence_number_range.ending_sequence_number.is_none());
    check_cover(open);
}

fn check_cover<'a>(shards: impl Iterator<Item = &'a Shard>) {
    let key = |text: &String| text.parse::<u128>().unwrap();
    let mut ranges: Vec<_> = shards
        .map(|shard| &shard.hash_key_range)
        .map(|range| (key(&range.starting_hash_key), key(&range.ending_hash_key)))
        .collect();
    ranges.sort_unstable();
    assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (0, u128::MAX));
    assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{ranges:?}");
}

fn filter(kind: ShardFilterType, timestamp: Option<Timestamp>) -> Option<ShardFilter> {
    Some(ShardFilter { kind, shard_id: None, timestamp })
}

async fn all_shards(node: &Node) -> Vec<Shard> {
    node.shards("s", None).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_closed_shard_is_read_to_its_end_and_then_names_its_children() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    node.put("s", "k", "parent").await.unwrap();
    let latest = node.iterator("s", &id(0), ShardIteratorType::Latest).await;
    node.split("s", "shardId-0", HALF).await.unwrap();
    let shards = all_shards(&node).await;
    assert_eq!(shards.len(), 3);
    check_lineage(&shards);
    let expected: Vec<_> = [1, 2]
        .map(|index| ChildShard {
            shard_id: id(index),
            parent_shards: vec![id(0)],
            hash_key_range: shards[index].hash_key_range.clone(),
        })
        .into();
    let (records, last) = node.read_all("s", &id(0)).await;
    assert_eq!(records, ["parent"]);
    assert_eq!((last.next_shard_iterator, last.child_shards), (None, Some(expected.clone())));
    assert_eq!(last.millis_behind_latest, Some(0));
    for latest in [latest, node.iterator("s", &id(0), ShardIteratorType::Latest).await] {
        let end = node.get(&latest).await.unwrap();
        assert!(end.records.is_empty());
        assert_eq!((end.next_shard_iterator, end.child_shards), (None, Some(expected.clone())));
    }
    assert_eq!(node.put_at("s", "0", "low").await.shard_id, id(1));
    assert_eq!(node.put_at("s", HALF, "high").await.shard_id, id(2));

    node.merge("s", &id(1), &id(2)).await.unwrap();
    let shards = all_shards(&node).await;
    check_lineage(&shards);
    assert_eq!(shards[3].parent_shard_id, Some(id(1)));
    assert_eq!(shards[3].adjacent_parent_shard_id, Some(id(2)));
    for parent in [1, 2] {
        let (_, last) = node.read_all("s", &id(parent)).await;
        assert_eq!(last.child_shards.unwrap()[0].parent_shards, [id(1), id(2)]);
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_rise_from_parent_to_child_when_the_clock_steps_back_in_between() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let mut last = node.put_at("s", "0", "0").await.sequence_number;
    let mut arrived = world.clock.now();
    for generation in 0..6 {
        world.clock.step(-3_600_000);
        let open = all_shards(&node).await;
        if generation % 2 == 0 {
            node.split("s", &open[open.len() - 1].shard_id, HALF).await.unwrap();
        } else {
            let ids = [open.len() - 2, open.len() - 1].map(id);
            node.merge("s", &ids[0], &ids[1]).await.unwrap();
        }
        let put = node.put_at("s", "0", "next").await;
        assert!(number(&put.sequence_number) > number(&last));
        let (_, output) = node.read_all("s", &put.shard_id).await;
        drop(output);
        let iterator = node.iterator("s", &put.shard_id, ShardIteratorType::TrimHorizon).await;
        let records = node.get(&iterator).await.unwrap().records;
        let time = records[0].approximate_arrival_timestamp.unwrap();
        assert!(time >= arrived, "{time} is before its parent's {arrived}");
        (last, arrived) = (put.sequence_number, time);
    }
    check_lineage(&all_shards(&node).await);
}

#[tokio::test(start_paused = true)]
async fn every_filter_by_time_gives_shards_that_cover_the_hash_space() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 3).await;
    let mut moments = vec![world.clock.now()];
    for step in 0..4 {
        tokio::time::advance(Duration::from_millis(1700)).await;
        let target = [6, 4, 7, 5][step];
        node.scale("s", target).await.unwrap();
        moments.push(world.clock.now());
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    for (step, moment) in moments.iter().enumerate() {
        let open = filter(ShardFilterType::AtTimestamp, Some(*moment));
        let open = node.shards("s", open).await.unwrap();
        assert_eq!(open.len(), [3, 6, 4, 7, 5][step]);
        check_cover(open.iter());
        let since = filter(ShardFilterType::FromTimestamp, Some(*moment));
        let since = node.shards("s", since).await.unwrap();
        assert!(open.iter().all(|shard| since.contains(shard)));
    }
    for (kind, count) in [(ShardFilterType::AtLatest, 5), (ShardFilterType::AtTrimHorizon, 3)] {
        let shards = node.shards("s", filter(kind, None)).await.unwrap();
        assert_eq!(shards.len(), count);
        check_cover(shards.iter());
    }
    let all = all_shards(&node).await;
    assert_eq!(
        all,
        node.shards("s", filter(ShardFilterType::FromTrimHorizon, None)).await.unwrap()
    );
    let after =
        ShardFilter { kind: ShardFilterType::AfterShardId, shard_id: Some(id(2)), timestamp: None };
    assert_eq!(node.shards("s", Some(after)).await.unwrap(), all[3..]);
    check_lineage(&all);
}

#[tokio::test(start_paused = true)]
async fn scaling_ends_in_equal_widths_and_keeps_every_record() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 3).await;
    for i in 0..30 {
        node.put("s", &format!("k{i}"), &format!("{i}")).await.unwrap();
    }
    let output = node.scale("s", 4).await.unwrap();
    assert_eq!((output.current_shard_count, output.target_shard_count), (Some(3), Some(4)));
    let shards = all_shards(&node).await;
    check_lineage(&shards);
    let open = shards.iter().filter(|s| s.sequence_number_range.ending_sequence_number.is_none());
    let quarter = 1_u128 << 126;
    let starts: Vec<u128> =
        open.map(|s| s.hash_key_range.starting_hash_key.parse().unwrap()).collect();
    let mut sorted = starts.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, quarter, 2 * quarter, 3 * quarter]);
    let mut found = Vec::new();
    for shard in &shards {
        let (texts, _) = node.read_all("s", &shard.shard_id).await;
        found.extend(texts.iter().map(|text| text.parse::<u32>().unwrap()));
    }
    found.sort_unstable();
    assert_eq!(found, (0..30).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn puts_during_reshards_land_once_each_in_the_shard_that_is_told() {
    let world = World::slow(Duration::from_millis(20));
    let node = world.start().await;
    node.create("s", 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let puts = async {
        let mut told = Vec::new();
        for i in 0..200 {
            let records = vec![PutRecordsRequestEntry {
                data: Bytes::from(format!("{i}")),
                partition_key: Some(format!("k{i}")),
                explicit_hash_key: None,
            }];
            let input =
                PutRecordsInput { records, stream_name: Some("s".into()), ..Default::default() };
            let output = node.streams.put_records(&node.caller, input).await.unwrap();
            let entry = output.records.into_iter().next().unwrap();
            told.push((entry.shard_id.unwrap(), entry.sequence_number.unwrap()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        told
    };
    let reshards = async {
        for target in [4, 3, 5, 2, 4] {
            let scaled = node.scale("s", target).await;
            // Half of five is more than two: the others must go through.
            assert!(scaled.is_ok() || target == 2, "{scaled:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let (told, ()) = tokio::join!(puts, reshards);
    let mut found = Vec::new();
    for shard in all_shards(&node).await {
        let iterator = node.iterator("s", &shard.shard_id, ShardIteratorType::TrimHorizon).await;
        for record in node.get(&iterator).await.unwrap().records {
            let i: usize = text(&record).parse().unwrap();
            assert_eq!(told[i], (shard.shard_id.clone(), record.sequence_number));
            found.push(i);
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_reshard_cut_after_its_seal_is_completed_by_the_next_start() {
    let mut world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    node.put("s", "k", "before").await.unwrap();
    node.stop().await;

    // The first half of a split: accepted, its parent sealed, and then the node is gone.
    world.config.transition_delay = HOUR;
    let node = world.start().await;
    node.split("s", "shardId-0", HALF).await.unwrap();
    node.storage.log(LogId(1001)).seal().unwrap().durable().await.unwrap();
    assert_eq!(node.status("s").await, StreamStatus::Updating);
    assert_eq!(all_shards(&node).await.len(), 1);
    let iterator = node.iterator("s", &id(0), ShardIteratorType::Latest).await;
    let waiting = node.get(&iterator).await.unwrap();
    assert!(waiting.next_shard_iterator.is_some(), "no end before there are children");
    let put = refusal(node.put("s", "k", "refused").await);
    assert_eq!(put, "InternalFailure", "the put waits for children that do not come");
    node.stop().await;

    world.config.transition_delay = Duration::from_millis(10);
    let node = world.start().await;
    node.put("s", "k", "after").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(node.status("s").await, StreamStatus::Active);
    let shards = all_shards(&node).await;
    check_lineage(&shards);
    assert_eq!(shards.len(), 3);
    let mut texts = Vec::new();
    for shard in &shards {
        texts.extend(node.read_all("s", &shard.shard_id).await.0);
    }
    assert_eq!(texts, ["before", "after"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_split_or_merged_is_refused_in_the_words_of_aws() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 3).await;
    let of = "in stream s under account 000000000001";
    let split = async |shard: &str, at: &str| refusal(node.split("s", shard, at).await);
    assert_eq!(
        split("shardId-x", "5").await,
        format!("ResourceNotFoundException: Could not find shard shardId-x {of}.")
    );
    assert_eq!(
        split("5", "5").await,
        format!("ResourceNotFoundException: Could not find shard shardId-000000000005 {of}.")
    );
    let end = "113427455640312821154458202477256070484";
    for bad in ["0", "1", end] {
        assert_eq!(
            split("0", bad).await,
            format!(
                "InvalidArgumentException: NewStartingHashKey {bad} used in SplitShard() on shard \
                 shardId-000000000000 {of} is not both greater than one plus the shard's \
                 StartingHashKey 0 and less than the shard's EndingHashKey {end}."
            )
        );
    }
    for (left, right) in [(1, 0), (0, 2), (0, 0)] {
        assert_eq!(
            refusal(node.merge("s", &id(left), &id(right)).await),
            format!(
                "InvalidArgumentException: Shards {} and {} {of} are not an adjacent pair of \
                 shards eligible for merging",
                id(left),
                id(right)
            )
        );
    }
    node.split("s", "0", "2").await.unwrap();
    assert_eq!(
        split("0", "2").await,
        format!(
            "InvalidArgumentException: Shard shardId-000000000000 {of} has already been merged or \
             split, and thus is not eligible for merging or splitting."
        )
    );
    let counts = "Current open shard count: 4 Target shard count:";
    assert_eq!(
        refusal(node.scale("s", 9).await),
        format!(
            "InvalidArgumentException: UpdateShardCount cannot scale up over double your current \
             open shard count. {counts} 9"
        )
    );
    assert_eq!(
        refusal(node.scale("s", 1).await),
        format!(
            "InvalidArgumentException: UpdateShardCount cannot scale down below half your current \
             open shard count. {counts} 1"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_shard_disappears_when_all_of_it_is_past_retention() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    node.put("s", "k", "old").await.unwrap();
    node.split("s", "0", HALF).await.unwrap();
    tokio::time::advance(HOUR * 24 + Duration::from_millis(1)).await;
    let left = all_shards(&node).await;
    assert_eq!(left.iter().map(|s| s.shard_id.clone()).collect::<Vec<_>>(), [id(1), id(2)]);
    assert_eq!(left[0].parent_shard_id, Some(id(0)), "the lineage still says where it came from");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let gone = node.storage.log(LogId(1001)).read(storage::Offset::FIRST, 1, 1).await;
    assert!(matches!(gone, Err(storage::Error::NotFound(_))), "{gone:?}");
    node.stop().await;
    let node = world.start().await;
    assert_eq!(all_shards(&node).await.len(), 2);
    check_lineage(&all_shards(&node).await);
}
