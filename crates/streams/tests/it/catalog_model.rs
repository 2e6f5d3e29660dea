//! Random lives of a catalog against a simple model: streams that come and go, shards that split,
//! merge and scale, refused calls, restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use wire::kinesis::Shard;

use crate::reshard::{check_lineage, id};
use crate::world::{Node, World};

#[derive(Clone, Debug)]
enum Step {
    Create { stream: u8, shards: u32 },
    Delete { stream: u8 },
    Split { stream: u8, shard: Index, at: Cut },
    Merge { stream: u8, left: Index, right: Neighbour },
    Scale { stream: u8, target: u32 },
    TurnClock(i64),
    Restart,
}

/// Where to split a shard.
#[derive(Clone, Debug)]
enum Cut {
    /// At the key that many above its first.
    AboveStart(u128),
    /// At the key that many below its last.
    BelowEnd(u128),
    Anywhere(u128),
}

#[derive(Clone, Debug)]
enum Neighbour {
    /// The open shard that goes on where the left one ends.
    Next,
    Any(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let stream = 0..3_u8;
    let cut = prop_oneof![
        1 => (0..4_u128).prop_map(Cut::AboveStart),
        1 => (0..3_u128).prop_map(Cut::BelowEnd),
        2 => any::<u128>().prop_map(Cut::Anywhere),
    ];
    let neighbour =
        prop_oneof![3 => Just(Neighbour::Next), 1 => any::<Index>().prop_map(Neighbour::Any)];
    prop_oneof![
        4 => (stream.clone(), 1..6_u32)
            .prop_map(|(stream, shards)| Step::Create { stream, shards }),
        1 => stream.clone().prop_map(|stream| Step::Delete { stream }),
        6 => (stream.clone(), any::<Index>(), cut)
            .prop_map(|(stream, shard, at)| Step::Split { stream, shard, at }),
        6 => (stream.clone(), any::<Index>(), neighbour)
            .prop_map(|(stream, left, right)| Step::Merge { stream, left, right }),
        3 => (stream, 1..16_u32).prop_map(|(stream, target)| Step::Scale { stream, target }),
        1 => (-5000..5000_i64).prop_map(Step::TurnClock),
        1 => Just(Step::Restart),
    ]
}

/// A shard by its index.
#[derive(Clone, Debug, PartialEq)]
struct ModelShard {
    range: (u128, u128),
    is_open: bool,
    parents: Vec<String>,
}

/// The shards of each stream.
type Model = BTreeMap<String, Vec<ModelShard>>;

fn shard(range: (u128, u128), parents: &[usize]) -> ModelShard {
    let parents = parents.iter().map(|index| id(*index)).collect();
    ModelShard { range, is_open: true, parents }
}

fn uniform(count: u32) -> Vec<(u128, u128)> {
    let count = u128::from(count);
    // One more than the greatest number divided by the count, without a number of 129 bits.
    let width = u128::MAX / count + u128::from(u128::MAX % count == count - 1 && count > 1);
    let start = |index: u128| index * width;
    let end = |index: u128| if index + 1 == count { u128::MAX } else { start(index + 1) - 1 };
    (0..count).map(|index| (start(index), end(index))).collect()
}

fn open_ranges(shards: &[ModelShard]) -> Vec<(u128, u128)> {
    let open = shards.iter().filter(|shard| shard.is_open);
    let mut ranges: Vec<_> = open.map(|shard| shard.range).collect();
    ranges.sort_unstable();
    ranges
}

/// Takes a step in both, which agree on whether it may be taken.
async fn take(step: &Step, node: &Node, model: &mut Model) {
    match step {
        Step::Create { stream, shards } => {
            let name = name(*stream);
            let created = node.try_create(&name, *shards as i32).await;
            assert_eq!(created.is_ok(), !model.contains_key(&name), "{created:?}");
            let fresh = || uniform(*shards).into_iter().map(|range| shard(range, &[])).collect();
            model.entry(name).or_insert_with(fresh);
        }
        Step::Delete { stream } => {
            let name = name(*stream);
            let deleted = node.delete(&name).await;
            assert_eq!(deleted.is_ok(), model.remove(&name).is_some(), "{deleted:?}");
        }
        Step::Split { stream, shard, at } => split(node, model, (*stream, shard, at)).await,
        Step::Merge { stream, left, right } => merge(node, model, (*stream, left, right)).await,
        Step::Scale { stream, target } => scale(node, model, *stream, *target).await,
        Step::TurnClock(_) | Step::Restart => unreachable!("taken by the caller"),
    }
}

fn name(stream: u8) -> String {
    format!("stream-{stream}")
}

async fn split(node: &Node, model: &mut Model, (stream, picked, cut): (u8, &Index, &Cut)) {
    let name = name(stream);
    let Some(shards) = model.get_mut(&name) else {
        return assert!(node.split(&name, &id(0), "9").await.is_err());
    };
    // One more than there are, so that now and then it is none.
    let picked = picked.index(shards.len() + 1);
    let (start, end) = shards.get(picked).map_or((0, u128::MAX), |shard| shard.range);
    let at = match cut {
        Cut::AboveStart(keys) => start.saturating_add(*keys),
        Cut::BelowEnd(keys) => end.saturating_sub(*keys),
        Cut::Anywhere(key) => *key,
    };
    let split = node.split(&name, &id(picked), &at.to_string()).await;
    // Two keys stay below the cut, and one above.
    let is_legal = shards.get(picked).is_some_and(|shard| shard.is_open)
        && at.checked_sub(start).is_some_and(|below| below >= 2)
        && at < end;
    assert_eq!(split.is_ok(), is_legal, "{split:?}");
    if is_legal {
        shards[picked].is_open = false;
        shards.push(shard((start, at - 1), &[picked]));
        shards.push(shard((at, end), &[picked]));
    }
}

async fn merge(node: &Node, model: &mut Model, (stream, left, right): (u8, &Index, &Neighbour)) {
    let name = name(stream);
    let Some(shards) = model.get_mut(&name) else {
        return assert!(node.merge(&name, &id(0), &id(1)).await.is_err());
    };
    let left = left.index(shards.len() + 1);
    let end = shards.get(left).map_or(0, |shard| shard.range.1);
    let goes_on = |shard: &ModelShard| shard.is_open && shard.range.0 == end.wrapping_add(1);
    let right = match right {
        Neighbour::Next => shards.iter().position(goes_on).unwrap_or(0),
        Neighbour::Any(picked) => picked.index(shards.len() + 1),
    };
    let merged = node.merge(&name, &id(left), &id(right)).await;
    let is_open = |index: usize| shards.get(index).is_some_and(|shard| shard.is_open);
    let is_legal = is_open(left) && is_open(right) && end < u128::MAX && goes_on(&shards[right]);
    assert_eq!(merged.is_ok(), is_legal, "{merged:?}");
    if is_legal {
        let range = (shards[left].range.0, shards[right].range.1);
        shards[left].is_open = false;
        shards[right].is_open = false;
        shards.push(shard(range, &[left, right]));
    }
}

/// Which shards it goes through is not modelled: what it leaves open is, and that it leaves alone
/// what it need not touch.
async fn scale(node: &Node, model: &mut Model, stream: u8, target: u32) {
    let name = name(stream);
    let scaled = node.scale(&name, target as i32).await;
    let Some(before) = model.get(&name) else { return assert!(scaled.is_err()) };
    let current = open_ranges(before).len() as u32;
    let is_legal = target <= 2 * current && 2 * target >= current;
    assert_eq!(scaled.is_ok(), is_legal, "from {current} to {target}: {scaled:?}");
    if !is_legal {
        return;
    }
    let after = listed(&shards_of(node, &name).await);
    assert_eq!(open_ranges(&after), uniform(target));
    for (old, new) in before.iter().zip(&after) {
        let stays = old.is_open && uniform(target).contains(&old.range);
        assert_eq!(*new, ModelShard { is_open: stays, ..old.clone() });
    }
    for parents in after[before.len()..].iter().map(|shard| &shard.parents) {
        assert!(!parents.is_empty(), "a reshard makes no shard from nothing");
    }
    model.insert(name, after);
}

async fn shards_of(node: &Node, name: &str) -> Vec<Shard> {
    node.shards(name, None).await.unwrap()
}

/// Shards as the node lists them, as the model has them.
fn listed(shards: &[Shard]) -> Vec<ModelShard> {
    let key = |text: &String| text.parse().unwrap();
    let shard = |shard: &Shard| {
        let range = &shard.hash_key_range;
        let parents = shard.parent_shard_id.iter().chain(&shard.adjacent_parent_shard_id);
        ModelShard {
            range: (key(&range.starting_hash_key), key(&range.ending_hash_key)),
            is_open: shard.sequence_number_range.ending_sequence_number.is_none(),
            parents: parents.cloned().collect(),
        }
    };
    shards.iter().map(shard).collect()
}

/// What a shard closed with is what its children begin with.
fn check_children(shards: &[ModelShard]) {
    for (index, parent) in shards.iter().enumerate().filter(|(_, shard)| !shard.is_open) {
        let children = shards.iter().filter(|child| child.parents.contains(&id(index)));
        let mut ranges: Vec<_> = children.map(|child| child.range).collect();
        ranges.sort_unstable();
        let (first, last) = (ranges[0], ranges[ranges.len() - 1]);
        assert!(first.0 <= parent.range.0 && parent.range.1 <= last.1, "{parent:?} {ranges:?}");
        assert!(ranges.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{parent:?} {ranges:?}");
    }
}

async fn compare(node: &Node, model: &Model) {
    for stream in 0..3 {
        let name = name(stream);
        let Some(shards) = model.get(&name) else {
            assert!(node.describe(&name).await.is_err(), "{name} is not there");
            continue;
        };
        let found = shards_of(node, &name).await;
        assert!(found.iter().zip(0..).all(|(shard, index)| shard.shard_id == id(index)));
        assert_eq!(&listed(&found), shards, "{name}");
        check_lineage(&found);
        check_children(shards);
    }
}

async fn live(steps: Vec<Step>) {
    let world = World::new();
    let mut node = world.start().await;
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::TurnClock(milliseconds) => world.clock.step(milliseconds),
            Step::Restart => {
                node.stop().await;
                node = world.start().await;
            }
            step => take(&step, &node, &mut model).await,
        }
        compare(&node, &model).await;
    }
    node.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_catalog_behaves_like_its_model(steps in proptest::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live(steps));
    }
}
