use proptest::prelude::*;

use super::*;
use crate::catalog::{Merge, Split};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// Shards that lie side by side, cut at `cuts`.
fn shards(cuts: &BTreeSet<u128>) -> BTreeMap<ShardId, ShardRecord> {
    let starts: Vec<_> = std::iter::once(0).chain(cuts.iter().copied()).collect();
    let ends = cuts.iter().map(|cut| cut - 1).chain([u128::MAX]);
    let ranges = starts.iter().zip(ends);
    let shard = |(index, (start, end)): (u32, (&u128, u128))| {
        let range = HashKeyRange::new(HashKey::new(*start), HashKey::new(end)).unwrap();
        (ShardId::new(index), ShardRecord::initial(LogId(u64::from(index)), range, NOW))
    };
    (0..).zip(ranges).map(shard).collect()
}

fn scaled(before: &BTreeMap<ShardId, ShardRecord>, target: u32) -> BTreeMap<ShardId, ShardRecord> {
    let target = NonZeroU32::new(target).unwrap();
    let mut log = 1000;
    let new_log = || {
        log += 1;
        LogId(log)
    };
    let plan = Plan::new(before.clone(), before.len() as u32, NOW, new_log);
    let (shards, next) = plan.carry_out(&Change::Scale { target });
    assert_eq!(next as usize, shards.len(), "ids are dense");
    shards
}

fn open_ranges(shards: &BTreeMap<ShardId, ShardRecord>) -> Vec<HashKeyRange> {
    let open = shards.values().filter(|shard| shard.is_open());
    let mut ranges: Vec<_> = open.map(|shard| shard.range).collect();
    ranges.sort_by_key(|range| range.start());
    ranges
}

fn uniform(count: u32) -> Vec<HashKeyRange> {
    HashKeyRange::uniform(NonZeroU32::new(count).unwrap()).collect()
}

fn cuts_of(count: u32) -> BTreeSet<u128> {
    uniform(count).iter().skip(1).map(|range| range.start().get()).collect()
}

#[test]
fn doubling_splits_every_shard_once_and_halving_merges_every_pair_once() {
    let doubled = scaled(&shards(&cuts_of(4)), 8);
    assert_eq!(open_ranges(&doubled), uniform(8));
    assert_eq!(doubled.len(), 4 + 8);
    let halved = scaled(&shards(&cuts_of(8)), 4);
    assert_eq!(open_ranges(&halved), uniform(4));
    assert_eq!(halved.len(), 8 + 4);
}

#[test]
fn three_shards_become_four_by_three_splits_and_two_merges() {
    let after = scaled(&shards(&cuts_of(3)), 4);
    assert_eq!(open_ranges(&after), uniform(4));
    let merges = after.values().filter(|shard| shard.adjacent_parent.is_some()).count();
    let splits = after.values().filter(|s| s.parent.is_some()).count() - merges;
    assert_eq!((splits, merges), (6, 2), "children of splits, children of merges");
}

#[test]
fn a_split_opens_the_lower_half_first_and_a_merge_names_both_parents() {
    let before = shards(&cuts_of(1));
    let (parent, at) = (ShardId::new(0), HashKey::new(1 << 127));
    let plan = Plan::new(before, 1, NOW, || LogId(9));
    let (split, _) = plan.carry_out(&Change::Split { shard: parent, at });
    let [lower, upper] = [1, 2].map(|index| split[&ShardId::new(index)]);
    assert_eq!((lower.range.end().get() + 1, upper.range.start()), (1 << 127, at));
    assert_eq!((lower.parent, lower.adjacent_parent), (Some(parent), None));
    assert_eq!(split[&parent].closed, Some(NOW));

    let parents = split.into_iter().filter(|(_, shard)| shard.is_open()).collect();
    let plan = Plan::new(parents, 3, NOW, || LogId(10));
    let (left, right) = (ShardId::new(1), ShardId::new(2));
    let (merged, _) = plan.carry_out(&Change::Merge { left, right });
    let child = merged[&ShardId::new(3)];
    assert_eq!((child.parent, child.adjacent_parent), (Some(left), Some(right)));
    assert_eq!(child.range, HashKeyRange::WHOLE);
}

proptest! {
    #[test]
    fn any_shards_scale_to_equal_widths_with_numbers_that_rise_from_parent_to_child(
        cuts in prop::collection::btree_set(1..=u128::MAX, 0..12),
        target in 1..40_u32,
    ) {
        let before = shards(&cuts);
        let after = scaled(&before, target);
        prop_assert_eq!(open_ranges(&after), uniform(target));
        for (id, shard) in &after {
            for parent in [shard.parent, shard.adjacent_parent].into_iter().flatten() {
                let before = after[&parent];
                prop_assert!(parent < *id);
                prop_assert!(before.last_number(parent).unwrap() < shard.first_number(*id));
                prop_assert_eq!(before.closed, Some(shard.opened));
            }
        }
    }
}

fn grown(before: &BTreeMap<ShardId, ShardRecord>, count: usize) -> Vec<HashKeyRange> {
    let open = before.iter().map(|(id, shard)| (*id, shard.range));
    let cut: BTreeSet<_> = pieces(open, count).into_keys().collect();
    let is_cut = |id: &ShardId| cut.contains(id);
    let parents: BTreeMap<_, _> =
        before.iter().filter(|(id, _)| is_cut(id)).map(|(id, shard)| (*id, *shard)).collect();
    let others = before.len() - parents.len();
    let plan = Plan::new(parents, before.len() as u32, NOW, || LogId(9)).beside(others);
    let (after, _) = plan.carry_out(&Change::Grow { shards: count as u32 });
    let untouched = before.iter().filter(|(id, _)| !is_cut(id)).map(|(id, shard)| (*id, *shard));
    open_ranges(&untouched.chain(after).collect())
}

#[test]
fn growing_cuts_the_widest_shards_and_leaves_the_others_alone() {
    assert_eq!(grown(&shards(&cuts_of(1)), 4), uniform(4));
    assert_eq!(grown(&shards(&cuts_of(4)), 4), uniform(4), "there are enough");
    assert_eq!(grown(&shards(&cuts_of(4)), 2), uniform(4), "it never merges");
    let (half, tenth) = (1 << 127, u128::MAX / 10);
    let ranges = grown(&shards(&BTreeSet::from([tenth, half])), 5);
    let starts: Vec<_> = ranges.iter().map(|range| range.start().get()).collect();
    let (above, below) = (half + (1 << 126), tenth + (half - tenth) / 2);
    assert_eq!(starts, [0, tenth, below, half, above]);
}

proptest! {
    #[test]
    fn growing_covers_the_hash_space_with_as_many_shards_as_asked(
        cuts in prop::collection::btree_set(1..u128::MAX, 0..20), count in 1usize..64,
    ) {
        let before = shards(&cuts);
        let ranges = grown(&before, count);
        prop_assert_eq!(ranges.len(), count.max(before.len()));
        prop_assert_eq!(ranges[0].start(), HashKey::MIN);
        prop_assert_eq!(ranges[ranges.len() - 1].end(), HashKey::MAX);
        prop_assert!(ranges.windows(2).all(|pair| pair[0].merge(pair[1]).is_some()));
    }
}

proptest! {
    #[test]
    fn adapting_covers_the_hash_space_and_closes_only_what_it_names(
        cuts in prop::collection::btree_set(1..u128::MAX / 8, 1..20), choices: [u8; 20],
    ) {
        let before = shards(&cuts.iter().map(|cut| cut * 8).collect());
        let (mut splits, mut merges) = (Vec::new(), Vec::new());
        let mut rest = before.iter().zip(choices).peekable();
        while let Some(((id, shard), choice)) = rest.next() {
            let (start, end) = (shard.range.start().get(), shard.range.end().get());
            let next = rest.peek().map(|((right, _), _)| **right);
            match (choice % 3, next) {
                (0, _) if end - start > 3 => {
                    splits.push(Split { shard: *id, at: HashKey::new(start + (end - start) / 2) });
                }
                (1, Some(right)) => {
                    merges.push(Merge { left: *id, right });
                    rest.next();
                }
                _ => {}
            }
        }
        let open = before.len() + splits.len() - merges.len();
        let named: BTreeSet<_> = splits.iter().map(|split| split.shard)
            .chain(merges.iter().flat_map(|merge| [merge.left, merge.right])).collect();
        let is_named = |id: &ShardId| named.contains(id);
        let (parents, untouched): (BTreeMap<_, _>, BTreeMap<_, _>) =
            before.clone().into_iter().partition(|(id, _)| is_named(id));
        let plan = Plan::new(parents, before.len() as u32, NOW, || LogId(9));
        let (after, _) = plan.carry_out(&Change::Adapt { splits, merges });
        prop_assert!(named.iter().all(|id| !after[id].is_open()));
        let ranges = open_ranges(&untouched.into_iter().chain(after).collect());
        prop_assert_eq!(ranges.len(), open);
        prop_assert_eq!((ranges[0].start(), ranges[open - 1].end()), (HashKey::MIN, HashKey::MAX));
        prop_assert!(ranges.windows(2).all(|pair| pair[0].merge(pair[1]).is_some()));
    }
}
