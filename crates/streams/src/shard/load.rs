//! What the traffic of a shard is like: how much of it there is, which keys it has, and where in
//! the shard's range it falls.
//!
//! Every record that is offered counts, also one that is refused: what is wanted of a shard
//! decides whether it is split. Amounts are exact. Keys and places are a sample, in which a record
//! stands for all the weight since the one before it, so that most records cost one addition.
//!
//! Bounded: [`SLOTS_KEPT`] amounts, [`KEYS_MAX`] keys, [`BUCKETS`] and [`PLACES_MAX`] places. A
//! shard that was idle for a while has no sample.

use std::collections::VecDeque;

use model::limits::{SHARD_WRITE_BYTES_PER_SECOND, SHARD_WRITE_RECORDS_PER_SECOND};
use model::{HashKey, HashKeyRange, Timestamp};

use crate::catalog::Peaks;

/// Amounts are kept for each of these spans.
pub(crate) const SLOT_MS: u64 = 10_000;
/// How many amounts are kept: five minutes.
const SLOTS_KEPT: usize = 30;
/// Keys that are followed. One that has more than this part of the weight is always among them.
const KEYS_MAX: usize = 32;
/// Keys of fewer records that were looked at may be there by chance.
const HITS_MIN: u32 = 3;
/// Parts of the shard's range that are told apart.
pub(crate) const BUCKETS: usize = 64;
/// Hash keys of single records that are kept, to tell where within such a part the weight lies.
const PLACES_MAX: usize = 64;
/// What a record weighs beside its bytes: its part of a shard's second, in bytes.
const RECORD_WEIGHT: u64 = SHARD_WRITE_BYTES_PER_SECOND / SHARD_WRITE_RECORDS_PER_SECOND;
/// In each slot so many records are looked at one by one; then the steps become longer.
const SAMPLES_PER_STEP: u32 = 16;
/// The longest step between two records that are looked at, in weight.
const STEP_MAX: u64 = 256 * 1024;
/// The sample loses half of its weight in so many slots.
const HALF_LIFE_SLOTS: f32 = 6.0;
/// A sample that lost more than this many halves is given up.
const HALVES_MAX: f32 = 10.0;

/// What was offered to a shard in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// Of the records, those over the shard's rate, whether they were refused or let through.
    pub(crate) over: u64,
}

/// The traffic of one shard.
#[derive(Default)]
pub(crate) struct Load {
    /// Which slot since 1970 `now` is.
    slot: u64,
    now: Amount,
    /// The slots before it that had any traffic.
    past: VecDeque<(u64, Amount)>,
    /// Weight since the record that was last looked at, and at how much the next one is.
    pending: u64,
    due: u64,
    sample: Option<Box<Sample>>,
    /// What the shard was asked for in the last days; kept only of on-demand streams.
    pub(crate) peaks: Peaks,
}

/// Weights of keys and places.
struct Sample {
    keys: Vec<Counted>,
    buckets: [f32; BUCKETS],
    places: Vec<HashKey>,
    total: Weight,
    step: u64,
    taken: u32,
    /// Varies the steps, so that they do not beat with the traffic's own rhythm.
    jitter: u64,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    weight: f32,
    bytes: f32,
    records: f32,
}

/// A key and what it weighs: at most `of.weight`, and at least `error` less than that.
struct Counted {
    key: Box<str>,
    hash: HashKey,
    /// It was seen with several hash keys, so it is at no one place.
    scattered: bool,
    of: Weight,
    error: f32,
    /// How often it was looked at.
    hits: u32,
}

/// A key that makes up much of a shard's traffic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeavyKey {
    pub(crate) key: String,
    /// Where it falls, unless it is in several places.
    pub(crate) hash: Option<HashKey>,
    /// Its part of the shard's weight, of its bytes and of its records, each from 0 to 1.
    pub(crate) share: f64,
    pub(crate) bytes_share: f64,
    pub(crate) records_share: f64,
}

/// Where the weight lies and which keys have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    /// The weight of each part of the range, all of one width; none if nothing is known.
    pub(crate) buckets: Vec<f64>,
    /// Where some of the records lie, in order.
    pub(crate) places: Vec<HashKey>,
    /// The heaviest keys, the heaviest first.
    pub(crate) keys: Vec<HeavyKey>,
}

impl Load {
    /// Takes note of the time. To be called before records are offered.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let slot = now.as_millis() / SLOT_MS;
        // A clock that steps back stays in the slot.
        if slot <= self.slot {
            return;
        }
        if self.now.records > 0 {
            self.past.push_back((self.slot, self.now));
            let excess = self.past.len().saturating_sub(SLOTS_KEPT);
            self.past.drain(..excess);
        }
        let halves = slot.saturating_sub(self.slot) as f32 / HALF_LIFE_SLOTS;
        if halves > HALVES_MAX {
            self.sample = None;
        } else if let Some(sample) = &mut self.sample {
            sample.fade(0.5f32.powf(halves));
        }
        (self.slot, self.now, self.due) = (slot, Amount::default(), 0);
    }

    /// A record is offered to the shard of this range; `within` is whether its rate has room.
    pub(crate) fn offer(
        &mut self,
        range: HashKeyRange,
        hash: HashKey,
        key: Option<&str>,
        bytes: usize,
        within: bool,
    ) {
        let bytes = bytes as u64;
        self.now.bytes += bytes;
        self.now.records += 1;
        self.now.over += u64::from(!within);
        let weight = bytes + RECORD_WEIGHT;
        self.pending += weight;
        if self.pending >= self.due {
            let stands_for = self.pending as f32 / weight as f32;
            let of = Weight {
                weight: self.pending as f32,
                bytes: stands_for * bytes as f32,
                records: stands_for,
            };
            let sample = self.sample.get_or_insert_with(Box::default);
            sample.note(bucket(range, hash), hash, key, of);
            (self.pending, self.due) = (0, sample.next_step());
        }
    }

    /// What was offered in the `slots` slots before the present one.
    pub(crate) fn recent(&self, slots: u64) -> Amount {
        let first = self.slot.saturating_sub(slots);
        let recent = self.past.iter().filter(|(slot, _)| *slot >= first);
        recent.fold(Amount::default(), |sum, (_, amount)| Amount {
            bytes: sum.bytes + amount.bytes,
            records: sum.records + amount.records,
            over: sum.over + amount.over,
        })
    }

    pub(crate) fn shape(&self) -> Shape {
        self.sample.as_ref().map(|sample| sample.shape()).unwrap_or_default()
    }
}

/// In which part of the range a hash key is.
fn bucket(range: HashKeyRange, hash: HashKey) -> usize {
    let width = (range.end().get() - range.start().get()) / BUCKETS as u128 + 1;
    let from_start = hash.get().saturating_sub(range.start().get());
    (from_start / width).min(BUCKETS as u128 - 1) as usize
}

impl Default for Sample {
    fn default() -> Self {
        let (keys, places, total) = (Vec::new(), Vec::new(), Weight::default());
        let (buckets, jitter) = ([0.0; BUCKETS], 0x9e37_79b9_7f4a_7c15);
        Self { keys, buckets, places, total, step: 0, taken: 0, jitter }
    }
}

impl Sample {
    fn note(&mut self, bucket: usize, hash: HashKey, key: Option<&str>, of: Weight) {
        self.buckets[bucket] += of.weight;
        self.total.add(of);
        if self.places.len() < PLACES_MAX {
            self.places.push(hash);
        } else {
            self.places[(self.jitter >> 32) as usize % PLACES_MAX] = hash;
        }
        let Some(key) = key else { return };
        if let Some(known) = self.keys.iter_mut().find(|known| *known.key == *key) {
            known.of.add(of);
            known.hits = known.hits.saturating_add(1);
            known.scattered |= known.hash != hash;
            return;
        }
        let mut new = Counted { key: key.into(), hash, scattered: false, of, error: 0.0, hits: 1 };
        if self.keys.len() < KEYS_MAX {
            return self.keys.push(new);
        }
        // The lightest gives up its place, and its weight: the newcomer may have had it before.
        let lightest = self.keys.iter_mut().min_by(|a, b| a.of.weight.total_cmp(&b.of.weight));
        let lightest = lightest.expect("there are keys");
        new.error = lightest.of.weight;
        new.of.weight += lightest.of.weight;
        *lightest = new;
    }

    /// The weight up to the next record to look at: from half to one and a half steps.
    fn next_step(&mut self) -> u64 {
        self.taken += 1;
        if self.taken == SAMPLES_PER_STEP {
            self.taken = 0;
            self.step = (self.step * 2).clamp(RECORD_WEIGHT, STEP_MAX);
        }
        // An xorshift generator; it needs to be even, not unpredictable.
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        self.step / 2 + self.jitter % (self.step + 1)
    }

    fn fade(&mut self, factor: f32) {
        self.total.fade(factor);
        self.buckets.iter_mut().for_each(|weight| *weight *= factor);
        for key in &mut self.keys {
            key.of.fade(factor);
            key.error *= factor;
        }
        (self.step, self.taken) = (0, 0);
    }

    fn shape(&self) -> Shape {
        let part = |of: f32, total: f32| f64::from(if total > 0.0 { of / total } else { 0.0 });
        let key = |counted: &Counted| HeavyKey {
            key: counted.key.to_string(),
            hash: (!counted.scattered).then_some(counted.hash),
            share: part(counted.of.weight - counted.error, self.total.weight),
            bytes_share: part(counted.of.bytes, self.total.bytes),
            records_share: part(counted.of.records, self.total.records),
        };
        let seen = self.keys.iter().filter(|counted| counted.hits >= HITS_MIN);
        let mut keys: Vec<_> = seen.map(key).collect();
        keys.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.key.cmp(&b.key)));
        let buckets = self.buckets.iter().map(|weight| f64::from(*weight)).collect();
        let mut places = self.places.clone();
        places.sort_unstable();
        Shape { buckets, places, keys }
    }
}

impl Weight {
    fn add(&mut self, more: Self) {
        self.weight += more.weight;
        self.bytes += more.bytes;
        self.records += more.records;
    }

    fn fade(&mut self, factor: f32) {
        self.weight *= factor;
        self.bytes *= factor;
        self.records *= factor;
    }
}

#[cfg(test)]
mod tests;
