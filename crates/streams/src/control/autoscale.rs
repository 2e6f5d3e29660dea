//! When an on-demand stream gets more shards, and when fewer.
//!
//! Pure: [`decide`] is a function of the moment, the shards with their traffic, what was decided
//! before, and the limits. [`crate::control::scaling`] gathers the one and carries out the other.
//!
//! - A shard that takes more than half of what it can, or was throttled, is split where its weight
//!   has its median; unless one key has so much of it that no cut brings relief.
//! - Two cold neighbours are merged, slowly, while the stream keeps twice its peak of 30 days.
//! - What was just opened is left alone, and what is merged was far from [`HOT`] at its busiest, so
//!   that no split brings about a merge and no merge a split.

use model::limits::{SHARD_WRITE_BYTES_PER_SECOND, SHARD_WRITE_RECORDS_PER_SECOND, SHARDS_DEFAULT};
use model::{HashKeyRange, ShardId, Timestamp};

use super::cut::{Cut, best_cut};
use crate::catalog::{Inputs, Scaling, ScalingAction, ScalingDecision};
use crate::shard::load::{Amount, HeavyKey, SLOT_MS, Shape};

/// The part of its throughput above which a shard is split.
pub(crate) const HOT: f64 = 0.5;
/// Two neighbours are merged if their peaks of 30 days together are below this part of a shard's
/// throughput: so far below [`HOT`] that the same traffic never splits what it merged.
pub(crate) const COLD: f64 = 0.4;
/// Capacity is kept for this many times the peak.
const HEADROOM: f64 = 2.0;
/// The traffic that decides is that of so many slots: a minute.
pub(crate) const WINDOW_SLOTS: u64 = 6;
/// A shard is left alone until it had this many slots.
const SETTLING_SLOTS: u64 = 3;
/// A cut that takes less than this part of the weight off a shard brings no relief.
const RELIEF_MIN: f64 = 0.1;
/// A shard is not merged before this age.
const MERGE_AGE_MS: u64 = 3_600_000;
/// Nothing is merged within this time after any other change of the shards.
const MERGE_PAUSE_MS: u64 = 3_600_000;
/// Of the open shards, one in so many may be merged away at a time.
const MERGE_PART: usize = 8;
/// Why a shard is held is said again only after this time, in milliseconds.
const HELD_AGAIN_MS: u64 = 3_600_000;

/// A shard and its traffic.
#[derive(Clone, Debug)]
pub(crate) struct ShardTraffic {
    pub(crate) id: ShardId,
    pub(crate) range: HashKeyRange,
    pub(crate) opened: Timestamp,
    /// In the last [`WINDOW_SLOTS`] slots, or since it was opened.
    pub(crate) offered: Amount,
    /// The most that it was asked for in 30 days, as far as that is known: as a part of its
    /// throughput.
    pub(crate) peak: f64,
    pub(crate) shape: Shape,
}

/// What a decision must keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most open shards.
    pub(crate) shards_max: usize,
    /// The fewest: those that the owner keeps warm, or those of a new stream.
    pub(crate) shards_min: usize,
}

/// The decisions on a stream whose open shards are `shards`, in the order of their hash keys.
pub(crate) fn decide(
    now: Timestamp,
    shards: &[ShardTraffic],
    history: &Scaling,
    bounds: Bounds,
) -> Vec<ScalingDecision> {
    let mut decisions = splits(now, shards, bounds);
    if !decisions.iter().any(ScalingDecision::changes_shards) {
        decisions.extend(merges(now, shards, history, bounds));
    }
    decisions.retain(|decision| {
        decision.changes_shards() || !history.said_within(decision, HELD_AGAIN_MS)
    });
    decisions
}

fn splits(now: Timestamp, shards: &[ShardTraffic], bounds: Bounds) -> Vec<ScalingDecision> {
    let mut hot: Vec<_> =
        shards.iter().filter(|shard| shard.settled(now) && shard.is_hot(now)).collect();
    // The hottest first, in case not all of them may be split.
    let used = |shard: &ShardTraffic| shard.use_of_capacity(now);
    hot.sort_by(|a, b| used(b).total_cmp(&used(a)).then_with(|| a.id.cmp(&b.id)));
    let mut room = bounds.shards_max.saturating_sub(shards.len());
    let mut decide = |shard: &ShardTraffic| {
        let action = match relief(shard) {
            None => {
                let key = shard.shape.keys.first();
                let share = key.map_or(1.0, |key| key.share);
                let hash = key.and_then(|key| key.hash);
                ScalingAction::HoldForOneKey { hash, share_permille: permille(share) }
            }
            Some(_) if room == 0 => ScalingAction::HoldAtCeiling { shards: shards.len() as u32 },
            Some(cut) => {
                room -= 1;
                ScalingAction::Split { at: cut.at, below_permille: permille(cut.below) }
            }
        };
        let inputs = inputs(shard.seconds(now), shard.offered, shards);
        ScalingDecision { at: now, shard: shard.id, action, inputs }
    };
    hot.into_iter().map(&mut decide).collect()
}

/// The cut that relieves a shard, unless none does.
pub(crate) fn relief(shard: &ShardTraffic) -> Option<Cut> {
    best_cut(shard.range, &shard.shape).filter(|cut| cut.relief() >= RELIEF_MIN)
}

fn merges(
    now: Timestamp,
    shards: &[ShardTraffic],
    history: &Scaling,
    bounds: Bounds,
) -> Vec<ScalingDecision> {
    let released = history.is_released(now);
    let pause = history.changed.is_some_and(|at| now.millis_since(at) < MERGE_PAUSE_MS);
    if pause && !released {
        return Vec::new();
    }
    let peak = history.peaks.most(now);
    let fewest = bounds.shards_min.max(shards_for(peak));
    let room = shards.len().saturating_sub(fewest).min((shards.len() / MERGE_PART).max(1));
    let age = if released { SETTLING_SLOTS * SLOT_MS } else { MERGE_AGE_MS };
    let is_old = |shard: &ShardTraffic| now.millis_since(shard.opened) >= age;
    let mut merges = Vec::new();
    let mut rest = shards;
    while let [left, right, further @ ..] = rest
        && merges.len() < room
    {
        let (offered, seconds) = (left.offered.plus(right.offered), left.seconds(now));
        let used = left.most(peak, now) + right.most(peak, now);
        if is_old(left) && is_old(right) && used < COLD && offered.over == 0 {
            let action = ScalingAction::Merge { right: right.id };
            let inputs = inputs(seconds, offered, shards);
            merges.push(ScalingDecision { at: now, shard: left.id, action, inputs });
            rest = further;
        } else {
            rest = &rest[1..];
        }
    }
    merges
}

fn inputs(seconds: f64, offered: Amount, shards: &[ShardTraffic]) -> Inputs {
    Inputs {
        used_permille: permille(offered.use_of_capacity(seconds)),
        seconds: seconds as u32,
        bytes: offered.bytes,
        records: offered.records,
        over: offered.over,
        open_shards: shards.len() as u32,
    }
}

fn permille(part: f64) -> u32 {
    (part * 1000.0).round() as u32
}

/// The shards that have room for twice this much of a shard's throughput.
fn shards_for(peak: f64) -> usize {
    ((peak * HEADROOM).ceil() as usize).max(SHARDS_DEFAULT as usize)
}

/// What a stream takes, in shards' worth.
pub(crate) fn demand(now: Timestamp, shards: &[ShardTraffic]) -> f64 {
    shards.iter().map(|shard| shard.use_of_capacity(now)).sum()
}

impl ShardTraffic {
    /// Whether it is open for long enough to be judged.
    fn settled(&self, now: Timestamp) -> bool {
        self.measured_ms(now) >= SETTLING_SLOTS * SLOT_MS
    }

    /// For how many seconds `offered` is.
    pub(crate) fn seconds(&self, now: Timestamp) -> f64 {
        self.measured_ms(now).clamp(SLOT_MS, WINDOW_SLOTS * SLOT_MS) as f64 / 1000.0
    }

    /// For how long it was open when the last whole slot ended.
    fn measured_ms(&self, now: Timestamp) -> u64 {
        let slot = Timestamp::from_millis(now.as_millis() / SLOT_MS * SLOT_MS);
        slot.millis_since(self.opened)
    }

    /// The part of its throughput that is asked for: more than 1 if it is not enough.
    pub(crate) fn use_of_capacity(&self, now: Timestamp) -> f64 {
        self.offered.use_of_capacity(self.seconds(now))
    }

    /// The most that it is asked for in a stream with this peak, as a part of its throughput: its
    /// own peak, or its part of the stream's, which is all that is known after a restart.
    fn most(&self, stream_peak: f64, now: Timestamp) -> f64 {
        let keys = self.range.end().get() - self.range.start().get();
        let part = keys as f64 / u128::MAX as f64;
        self.use_of_capacity(now).max(self.peak).max(part * stream_peak)
    }

    /// Whether it is asked for more than is good for it.
    pub(crate) fn is_hot(&self, now: Timestamp) -> bool {
        // A burst that is over its rate for a moment alone does not make a shard hot.
        let throttled = self.offered.over as f64 > 0.01 * self.offered.records as f64;
        let used = self.use_of_capacity(now);
        used > HOT || (throttled && used > HOT / 2.0)
    }
}

impl Amount {
    /// The part of a shard's throughput that it is, over so many seconds.
    pub(crate) fn use_of_capacity(&self, seconds: f64) -> f64 {
        let bytes = self.bytes as f64 / (seconds * SHARD_WRITE_BYTES_PER_SECOND as f64);
        let records = self.records as f64 / (seconds * SHARD_WRITE_RECORDS_PER_SECOND as f64);
        bytes.max(records)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            records: self.records + other.records,
            over: self.over + other.over,
        }
    }
}

/// The fewest parts that a key must be given so that each is no more than half a shard's worth, if
/// it is more than that now. `used` is the part of its shard's throughput that is asked for.
pub(crate) fn salts(key: &HeavyKey, offered: Amount, seconds: f64) -> Option<u32> {
    let share = |of: f64, part: f64| (of * part) as u64;
    let own = Amount {
        bytes: share(offered.bytes as f64, key.bytes_share),
        records: share(offered.records as f64, key.records_share),
        over: 0,
    };
    let parts = own.use_of_capacity(seconds) / HOT;
    (parts > 1.0).then(|| parts.ceil() as u32)
}

#[cfg(test)]
mod backtest;
#[cfg(test)]
mod tests;
