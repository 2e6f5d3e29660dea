//! The rule against traffic: synthetic, and recorded. A small world of shards with exact rates
//! stands in for a node; it counts what would have been throttled and what was decided.

use std::collections::{BTreeMap, VecDeque};

use model::HashKey;
use model::limits::SHARD_WRITE_RECORDS_PER_SECOND;

use super::*;
use crate::catalog::Peaks;
use crate::shard::load::BUCKETS;

const START: u64 = 1_767_225_600_000;
const SLOT_SECONDS: u64 = SLOT_MS / 1000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const RECORD_BYTES: f64 = 100.0;
const BOUNDS: Bounds = Bounds { shards_max: 200, shards_min: 4 };

/// Traffic at one moment: records in a second that fall evenly between two parts of the hash
/// space, and of single keys at one part each.
#[derive(Clone, Default)]
struct Traffic {
    even: Vec<(f64, f64, f64)>,
    keys: Vec<(f64, f64)>,
}

struct World {
    seconds: u64,
    /// Slots between two looks: one, as in a node, or five minutes' worth, for long times.
    step: u64,
    shards: Vec<Shard>,
    next_id: u32,
    history: Scaling,
    bounds: Bounds,
    offered: f64,
    throttled: f64,
    decisions: Vec<ScalingDecision>,
}

struct Shard {
    traffic: ShardTraffic,
    slots: VecDeque<Amount>,
    peaks: Peaks,
}

fn part(key: HashKey) -> f64 {
    key.get() as f64 / u128::MAX as f64
}

impl Traffic {
    fn even(records: f64) -> Self {
        Self { even: vec![(0.0, 1.0, records)], keys: Vec::new() }
    }

    fn between(&self, from: f64, to: f64) -> f64 {
        let overlap = |(a, b, records): &(f64, f64, f64)| {
            records * ((b.min(to) - a.max(from)).max(0.0) / (b - a))
        };
        let keys = self.keys.iter().filter(|(at, _)| (from..to).contains(at));
        self.even.iter().map(overlap).sum::<f64>() + keys.map(|(_, records)| records).sum::<f64>()
    }

    fn shape(&self, range: HashKeyRange) -> Shape {
        let (from, to) = (part(range.start()), part(range.end()));
        let edge = |nth: usize| from + (to - from) * nth as f64 / BUCKETS as f64;
        let buckets: Vec<_> = (0..BUCKETS).map(|n| self.between(edge(n), edge(n + 1))).collect();
        let total: f64 = buckets.iter().sum();
        let within = self.keys.iter().filter(|(at, _)| (from..to).contains(at));
        let mut keys: Vec<_> = within
            .map(|(at, records)| HeavyKey {
                key: format!("key at {at}"),
                hash: Some(HashKey::new((at * u128::MAX as f64) as u128)),
                share: records / total,
                bytes_share: records / total,
                records_share: records / total,
            })
            .collect();
        keys.sort_by(|a, b| b.share.total_cmp(&a.share));
        if total > 0.0 { Shape { buckets, keys, ..Shape::default() } } else { Shape::default() }
    }
}

impl World {
    fn new(shards: u32) -> Self {
        let count = std::num::NonZeroU32::new(shards).unwrap();
        let mut world = Self {
            seconds: 0,
            step: 1,
            shards: Vec::new(),
            next_id: 0,
            history: Scaling::default(),
            bounds: BOUNDS,
            offered: 0.0,
            throttled: 0.0,
            decisions: Vec::new(),
        };
        for range in HashKeyRange::uniform(count) {
            let shard = world.open(range);
            world.shards.push(shard);
        }
        world
    }

    fn open(&mut self, range: HashKeyRange) -> Shard {
        let id = ShardId::new(self.next_id);
        self.next_id += 1;
        let (opened, offered, shape) = (self.now(), Amount::default(), Shape::default());
        let traffic = ShardTraffic { id, range, opened, offered, peak: 0.0, shape };
        Shard { traffic, slots: VecDeque::new(), peaks: Peaks::default() }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(START + self.seconds * 1000)
    }

    /// Looks only once in five minutes from now on.
    fn hurry(&mut self) {
        self.step = 5 * WINDOW_SLOTS;
    }

    /// Lets traffic flow for some seconds, deciding after each step.
    fn run(&mut self, seconds: u64, traffic: impl Fn(u64) -> Traffic) {
        let end = self.seconds + seconds;
        while self.seconds < end {
            let traffic = traffic(self.seconds);
            let step_seconds = self.step * SLOT_SECONDS;
            self.seconds += step_seconds;
            let now = self.now();
            for Shard { traffic: shard, slots, peaks } in &mut self.shards {
                let range = (part(shard.range.start()), part(shard.range.end()));
                let records = traffic.between(range.0, range.1);
                let over = (records - SHARD_WRITE_RECORDS_PER_SECOND as f64).max(0.0);
                self.offered += records * step_seconds as f64;
                self.throttled += over * step_seconds as f64;
                let in_slot = |each: f64| (each * SLOT_SECONDS as f64) as u64;
                let bytes = in_slot(records * RECORD_BYTES);
                let slot = Amount { bytes, records: in_slot(records), over: in_slot(over) };
                slots.extend((0..self.step).map(|_| slot));
                slots.drain(..slots.len().saturating_sub(WINDOW_SLOTS as usize));
                shard.offered = slots.iter().fold(Amount::default(), |sum, slot| sum.plus(*slot));
                peaks.note(now, shard.use_of_capacity(now));
                shard.peak = if self.history.is_released(now) { 0.0 } else { peaks.most(now) };
                // Nothing else asks for it, and it takes long.
                if over > 0.0 || records > HOT * SHARD_WRITE_RECORDS_PER_SECOND as f64 {
                    shard.shape = traffic.shape(shard.range);
                }
            }
            self.decide();
        }
    }

    fn decide(&mut self) {
        let now = self.now();
        let shards: Vec<_> = self.shards.iter().map(|shard| shard.traffic.clone()).collect();
        self.history.peaks.note(now, demand(now, &shards));
        let decisions = decide(now, &shards, &self.history, self.bounds);
        self.history.keep(&decisions);
        for decision in &decisions {
            let at = self.shards.iter().position(|s| s.traffic.id == decision.shard).unwrap();
            let range = self.shards[at].traffic.range;
            match decision.action {
                ScalingAction::Split { at: key, .. } => {
                    let (below, above) = range.split_at(key).unwrap();
                    let opened = [self.open(below), self.open(above)];
                    self.shards.splice(at..=at, opened);
                }
                ScalingAction::Merge { right } => {
                    assert_eq!(self.shards[at + 1].traffic.id, right);
                    let whole = range.merge(self.shards[at + 1].traffic.range).unwrap();
                    let opened = self.open(whole);
                    self.shards.splice(at..=at + 1, [opened]);
                }
                ScalingAction::HoldForOneKey { .. } | ScalingAction::HoldAtCeiling { .. } => {}
            }
        }
        self.decisions.extend(decisions);
    }

    fn changes(&self) -> usize {
        self.decisions.iter().filter(|decision| decision.changes_shards()).count()
    }

    /// The part of what was offered that was throttled, since this was last asked.
    fn throttled_part(&mut self) -> f64 {
        let part = self.throttled / self.offered.max(1.0);
        (self.offered, self.throttled) = (0.0, 0.0);
        part
    }

    fn hottest(&self) -> f64 {
        let used = |shard: &Shard| shard.traffic.use_of_capacity(self.now());
        self.shards.iter().map(used).fold(0.0, f64::max)
    }
}

#[test]
fn steady_traffic_changes_nothing() {
    let mut world = World::new(4);
    world.run(3 * DAY, |_| Traffic::even(1900.0));
    assert_eq!(world.decisions, []);
}

#[test]
fn traffic_that_doubles_in_a_quarter_of_an_hour_is_never_throttled() {
    let mut world = World::new(4);
    world.run(6 * 15 * 60, |second| Traffic::even(1000.0 * 2f64.powf(second as f64 / 900.0)));
    assert_eq!(world.throttled, 0.0);
    assert!((100..=200).contains(&world.shards.len()), "{} for 64,000/s", world.shards.len());
}

#[test]
fn a_spike_of_twenty_times_is_taken_within_minutes_and_brings_no_flapping() {
    let mut world = World::new(4);
    world.run(HOUR, |_| Traffic::even(1000.0));
    assert_eq!((world.changes(), world.throttled_part()), (0, 0.0));
    world.run(3 * 60, |_| Traffic::even(20_000.0));
    assert!(world.throttled_part() > 0.1, "nobody can know a spike beforehand");
    world.run(10 * 60, |_| Traffic::even(20_000.0));
    assert_eq!(world.throttled_part(), 0.0, "but it is taken after three minutes");
    let after_spike = world.changes();
    world.hurry();
    world.run(29 * DAY, |_| Traffic::even(1000.0));
    assert_eq!(world.changes(), after_spike, "twice the peak of thirty days is kept");
    world.run(5 * DAY, |_| Traffic::even(1000.0));
    assert_eq!(world.shards.len(), 4, "and then let go of");
    assert_eq!(world.throttled_part(), 0.0);
}

#[test]
fn capacity_is_let_go_of_slowly_and_at_once_when_its_owner_releases_it() {
    let mut world = World::new(64);
    world.run(6 * HOUR, |_| Traffic::even(1000.0));
    assert!((25..64).contains(&world.shards.len()), "{} after six hours", world.shards.len());
    let mut world = World::new(64);
    world.history.release(world.now());
    world.run(HOUR, |_| Traffic::even(1000.0));
    assert_eq!(world.shards.len(), 4);
    assert_eq!(world.throttled, 0.0);
}

#[test]
fn one_hot_key_is_isolated_and_then_held_not_split_for_ever() {
    let mut world = World::new(4);
    let traffic = |_| Traffic { even: vec![(0.0, 1.0, 800.0)], keys: vec![(0.4, 1500.0)] };
    world.run(HOUR, traffic);
    let changes = world.changes();
    assert!(changes <= 4, "{changes} changes");
    let shards = world.shards.len();
    world.run(DAY, traffic);
    assert_eq!((world.changes(), world.shards.len()), (changes, shards));
    let held: Vec<_> =
        world.decisions.iter().filter(|decision| !decision.changes_shards()).collect();
    assert!((20..=26).contains(&held.len()), "said once an hour: {}", held.len());
    for decision in held {
        let ScalingAction::HoldForOneKey { hash, share_permille } = decision.action else {
            panic!("{decision:?}")
        };
        assert!((part(hash.unwrap()) - 0.4).abs() < 1e-9 && share_permille > 850);
    }
    let mut shards = world.shards.iter().map(|shard| &shard.traffic);
    let hot = shards.find(|shard| !shard.shape.keys.is_empty()).unwrap();
    let parts = salts(&hot.shape.keys[0], hot.offered, 60.0);
    assert_eq!(parts, Some(3), "1,500 records in a second need three keys of 500");
}

#[test]
fn a_hot_range_is_split_where_its_weight_is_until_no_shard_is_hot() {
    let mut world = World::new(4);
    let hot_range = (0.301, 0.302, 4000.0);
    world.run(HOUR, |_| Traffic { even: vec![(0.0, 1.0, 400.0), hot_range], keys: Vec::new() });
    assert!(world.hottest() <= HOT, "{}", world.hottest());
    assert!(world.shards.len() <= 24, "{} shards", world.shards.len());
    world.throttled_part();
    world.run(HOUR, |_| Traffic { even: vec![(0.0, 1.0, 400.0), hot_range], keys: Vec::new() });
    assert_eq!(world.throttled_part(), 0.0);
}

#[test]
fn a_diurnal_rhythm_is_learnt_in_a_day_and_changes_nothing_afterwards() {
    let mut world = World::new(4);
    let daily = |second: u64| {
        let phase = second as f64 / DAY as f64 * std::f64::consts::TAU;
        Traffic::even(7000.0 - 5000.0 * phase.cos())
    };
    world.run(DAY, daily);
    assert_eq!(world.throttled_part(), 0.0);
    let changes = world.changes();
    world.hurry();
    world.run(10 * DAY, daily);
    assert_eq!(world.changes(), changes);
    assert_eq!(world.throttled, 0.0);
}

#[test]
fn the_ceiling_holds_and_is_said() {
    let mut world = World::new(4);
    world.bounds.shards_max = 50;
    world.run(HOUR, |_| Traffic::even(100_000.0));
    assert_eq!(world.shards.len(), 50);
    let ceiling =
        |decision: &ScalingDecision| decision.action == ScalingAction::HoldAtCeiling { shards: 50 };
    let held: BTreeMap<_, usize> = world.decisions.iter().filter(|d| ceiling(d)).fold(
        BTreeMap::new(),
        |mut held, decision| {
            *held.entry(decision.shard).or_default() += 1;
            held
        },
    );
    assert!(!held.is_empty() && held.values().all(|times| *times <= 2), "{held:?}");
}

/// Departures from New York in each hour of 2013, as records: sixty in a second for each flight, so
/// that the busiest hour brings 5,640 of them.
#[test]
fn a_recorded_year_of_flights_is_taken_without_throttling_or_flapping() {
    let hours: Vec<f64> = include_str!("flights-2013.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split_whitespace().map(|count| count.parse().unwrap()))
        .collect();
    assert_eq!(hours.len(), 365 * 24);
    let mut world = World::new(4);
    let traffic = |second: u64| Traffic::even(hours[(second / HOUR) as usize] * 60.0);
    world.run(DAY, traffic);
    world.throttled_part();
    world.hurry();
    world.run(364 * DAY, traffic);
    assert!(world.throttled_part() < 0.001);
    let changes = world.changes();
    assert!(changes <= 40, "{changes} changes in a year");
    assert!((6..=24).contains(&world.shards.len()), "{} shards", world.shards.len());
}
