use model::HashKey;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
const BOUNDS: Bounds = Bounds { shards_max: 200, shards_min: 4 };

/// Shards of one width, opened long ago, with so many records in the last minute each.
fn shards(records: &[u64]) -> Vec<ShardTraffic> {
    let count = std::num::NonZeroU32::new(records.len() as u32).unwrap();
    let shard = |(id, (range, records)): (u32, (HashKeyRange, &u64))| ShardTraffic {
        id: ShardId::new(id),
        range,
        opened: NOW.minus_millis(30 * MERGE_AGE_MS),
        offered: Amount { bytes: records * 100, records: *records, over: 0 },
        peak: 0.0,
        shape: Shape::default(),
    };
    (0..).zip(HashKeyRange::uniform(count).zip(records)).map(shard).collect()
}

fn decided(shards: &[ShardTraffic]) -> Vec<ScalingAction> {
    let decisions = decide(NOW, shards, &Scaling::default(), BOUNDS);
    decisions.into_iter().map(|decision| decision.action).collect()
}

#[test]
fn a_shard_is_split_above_half_of_its_records_or_of_its_bytes() {
    assert_eq!(decided(&shards(&[30_000; 4])), []);
    let mut by_bytes = shards(&[10_000; 4]);
    by_bytes[2].offered.bytes = 31 * 1024 * 1024;
    for hot in [shards(&[10_000, 10_000, 30_001, 10_000]), by_bytes] {
        let decisions = decide(NOW, &hot, &Scaling::default(), BOUNDS);
        assert_eq!(decisions.len(), 1);
        let ScalingDecision { shard, action, inputs, .. } = decisions[0];
        assert_eq!(shard, ShardId::new(2));
        let middle = HashKey::new(hot[2].range.start().get() + (1 << 125));
        assert_eq!(action, ScalingAction::Split { at: middle, below_permille: 500 });
        assert_eq!((inputs.seconds, inputs.open_shards), (60, 4));
        assert!(inputs.used_permille >= 500, "{inputs:?}");
    }
}

#[test]
fn a_shard_that_is_throttled_is_split_though_its_minute_was_not_full() {
    let mut bursts = shards(&[20_000; 4]);
    bursts[0].offered.over = 1000;
    assert_eq!(decided(&bursts).len(), 1);
    bursts[0].offered.over = 100;
    assert_eq!(decided(&bursts), [], "a moment's burst alone is none");
    let mut nearly_idle = shards(&[1000; 4]);
    nearly_idle[0].offered.over = 500;
    assert_eq!(decided(&nearly_idle), [], "nor is one in an otherwise quiet minute");
}

#[test]
fn a_shard_that_was_just_opened_is_left_alone() {
    let mut hot = shards(&[59_000; 4]);
    for shard in &mut hot {
        shard.opened = NOW.minus_millis(SETTLING_SLOTS * SLOT_MS - 1);
    }
    assert_eq!(decided(&hot), []);
    hot[1].opened = NOW.minus_millis(SETTLING_SLOTS * SLOT_MS);
    assert_eq!(decided(&hot).len(), 1);
}

#[test]
fn cold_neighbours_merge_above_the_fewest_shards_and_never_below() {
    let none: [u32; 0] = [];
    let merged = |shards: &[ShardTraffic], bounds, history: &Scaling| {
        let decisions = decide(NOW, shards, history, bounds);
        let merges = |d: &ScalingDecision| matches!(d.action, ScalingAction::Merge { .. });
        assert!(decisions.iter().all(merges));
        decisions.iter().map(|decision| decision.shard.index()).collect::<Vec<_>>()
    };
    let cold = shards(&[2000; 16]);
    let new = Scaling::default();
    assert_eq!(merged(&cold, BOUNDS, &new), [0, 2], "an eighth at a time");
    assert_eq!(merged(&cold, Bounds { shards_min: 15, ..BOUNDS }, &new), [0]);
    assert_eq!(merged(&cold, Bounds { shards_min: 16, ..BOUNDS }, &new), none);
    let mut history = Scaling::default();
    history.peaks.note(NOW.minus_millis(20 * 24 * 3_600_000), 3.3);
    assert_eq!(merged(&cold, BOUNDS, &history), none, "a pair's part of the peak is 0.41");
    let mut history = Scaling::default();
    history.peaks.note(NOW.minus_millis(20 * 24 * 3_600_000), 3.0);
    assert_eq!(merged(&cold, BOUNDS, &history), [0, 2]);
    history.changed = Some(NOW.minus_millis(MERGE_PAUSE_MS - 1));
    assert_eq!(merged(&cold, BOUNDS, &history), none);
    let mut young = shards(&[2000; 5]);
    young[0].opened = NOW.minus_millis(MERGE_AGE_MS - 1);
    assert_eq!(merged(&young, BOUNDS, &new), [1]);
    let nearly = shards(&[13_000, 11_000, 13_000, 10_999, 13_001]);
    assert_eq!(merged(&nearly, BOUNDS, &new), [2], "only below 0.4 together");
    let mut busy_by_day = shards(&[100; 5]);
    busy_by_day[1].peak = 0.4;
    busy_by_day[3].peak = 0.2;
    assert_eq!(merged(&busy_by_day, BOUNDS, &new), [2], "their peaks count");
}

#[test]
fn nothing_merges_while_something_splits() {
    let mut mixed = shards(&[100; 8]);
    mixed[7].offered.records = 50_000;
    let actions = decided(&mixed);
    assert!(matches!(actions[..], [ScalingAction::Split { .. }]), "{actions:?}");
}

#[test]
fn the_hottest_shards_get_the_last_room() {
    let hot = shards(&[40_000, 50_000, 45_000, 10_000]);
    let decisions = decide(NOW, &hot, &Scaling::default(), Bounds { shards_max: 5, ..BOUNDS });
    let shown: Vec<_> = decisions.iter().map(|d| (d.shard.index(), d.changes_shards())).collect();
    assert_eq!(shown, [(1, true), (2, false), (0, false)]);
}

#[test]
fn a_split_of_the_hottest_shard_is_never_followed_by_its_merge() {
    // The two halves of a shard that is just hot, and of one that is just merged, stay.
    const { assert!(COLD < HOT, "what was split stays split") };
    assert_eq!(decided(&shards(&[15_001, 15_001, 15_001, 15_001, 15_001])), []);
    assert_eq!(decided(&shards(&[12_000; 5])), []);
}
