//! What was decided about the capacity of an on-demand stream, with what it was decided by.
//!
//! Bounded: the peaks of [`PEAK_DAYS`] and the last [`DECISIONS_MAX`] decisions. No partition key
//! is in it, only hash keys: the stream may be encrypted, the catalog is not.

use minicbor::{Decode, Encode};
use model::{HashKey, ShardId, Timestamp};

use super::cbor;

/// Decisions of a stream that are kept.
pub(crate) const DECISIONS_MAX: usize = 64;
/// For how long a peak counts.
pub(crate) const PEAK_DAYS: u64 = 30;

const DAY_MS: u64 = 24 * 3_600_000;
/// For how long a stream lets go of capacity that its owner released.
const RELEASE_MS: u64 = 3_600_000;

/// The scaling of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Scaling {
    #[n(0)]
    pub(crate) peaks: Peaks,
    /// The oldest first.
    #[n(1)]
    pub(crate) decisions: Vec<ScalingDecision>,
    /// When a decision last changed shards.
    #[cbor(n(2), with = "cbor")]
    pub(crate) changed: Option<Timestamp>,
    /// When the owner last released capacity.
    #[cbor(n(3), with = "cbor")]
    pub(crate) released: Option<Timestamp>,
}

/// The most that was asked for in any minute of each of the last days, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Peaks(#[n(0)] Vec<Peak>);

/// The most that was asked for in any minute of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Peak {
    /// Since 1970.
    #[n(0)]
    pub(crate) day: u32,
    /// In thousandths of what a shard takes.
    #[n(1)]
    pub(crate) permille: u64,
}

/// A decision on one shard, or on one and its upper neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ScalingDecision {
    #[cbor(n(0), with = "cbor")]
    pub(crate) at: Timestamp,
    #[cbor(n(1), with = "cbor")]
    pub(crate) shard: ShardId,
    #[n(2)]
    pub(crate) action: ScalingAction,
    #[n(3)]
    pub(crate) inputs: Inputs,
}

/// What to do with a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum ScalingAction {
    /// Split it, so that this part of its weight is in the lower half.
    #[n(0)]
    Split {
        #[cbor(n(0), with = "cbor")]
        at: HashKey,
        #[n(1)]
        below_permille: u32,
    },
    /// Merge it with its upper neighbour.
    #[n(1)]
    Merge {
        #[cbor(n(0), with = "cbor")]
        right: ShardId,
    },
    /// It would be split, but no cut brings relief: one key has this part of its weight.
    #[n(2)]
    HoldForOneKey {
        /// Where the key falls, if it is one place.
        #[cbor(n(0), with = "cbor")]
        hash: Option<HashKey>,
        #[n(1)]
        share_permille: u32,
    },
    /// It would be split, but the stream has as many shards as it may.
    #[n(3)]
    HoldAtCeiling {
        #[n(0)]
        shards: u32,
    },
}

/// What a decision went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Inputs {
    /// What was asked for, in thousandths of what the shard or the merged one takes.
    #[n(0)]
    pub(crate) used_permille: u32,
    /// What was offered in so many seconds, and the records over the shard's rate among it.
    #[n(1)]
    pub(crate) seconds: u32,
    #[n(2)]
    pub(crate) bytes: u64,
    #[n(3)]
    pub(crate) records: u64,
    #[n(4)]
    pub(crate) over: u64,
    /// The stream's open shards.
    #[n(5)]
    pub(crate) open_shards: u32,
}

impl Peaks {
    /// The most that was asked for in the days that count, in what a shard takes.
    pub(crate) fn most(&self, now: Timestamp) -> f64 {
        let counts = |peak: &&Peak| day(now).saturating_sub(u64::from(peak.day)) < PEAK_DAYS;
        let most = self.0.iter().filter(counts).map(|peak| peak.permille).max();
        most.unwrap_or_default() as f64 / 1000.0
    }

    /// Takes note of what is asked for now; whether that is worth keeping, being a tenth more than
    /// what was known of the day.
    pub(crate) fn note(&mut self, now: Timestamp, demand: f64) -> bool {
        let (today, permille) = (day(now), (demand * 1000.0) as u64);
        self.0.retain(|peak| today.saturating_sub(u64::from(peak.day)) < PEAK_DAYS);
        let known = self.0.iter_mut().find(|peak| u64::from(peak.day) == today);
        match known {
            Some(known) if permille * 10 <= known.permille * 11 => return false,
            Some(known) => known.permille = permille,
            None if permille == 0 => return false,
            None => self.0.push(Peak { day: today as u32, permille }),
        }
        true
    }
}

impl Scaling {
    /// Keeps decisions that were taken.
    pub(crate) fn keep(&mut self, decisions: &[ScalingDecision]) {
        self.decisions.extend_from_slice(decisions);
        let excess = self.decisions.len().saturating_sub(DECISIONS_MAX);
        self.decisions.drain(..excess);
        let changes = decisions.iter().filter(|decision| decision.changes_shards());
        self.changed = changes.map(|decision| decision.at).max().or(self.changed);
    }

    /// Forgets the peaks, so that what they kept is let go of.
    pub(crate) fn release(&mut self, now: Timestamp) {
        self.peaks = Peaks::default();
        self.released = Some(now);
    }

    pub(crate) fn is_released(&self, now: Timestamp) -> bool {
        self.released.is_some_and(|released| now.millis_since(released) < RELEASE_MS)
    }

    /// Whether the same was decided of the same shard within `millis`.
    pub(crate) fn said_within(&self, decision: &ScalingDecision, millis: u64) -> bool {
        let same = |known: &&ScalingDecision| {
            let kind = std::mem::discriminant::<ScalingAction>;
            known.shard == decision.shard && kind(&known.action) == kind(&decision.action)
        };
        let last = self.decisions.iter().rev().find(same);
        last.is_some_and(|last| decision.at.millis_since(last.at) < millis)
    }
}

impl ScalingDecision {
    pub(crate) fn changes_shards(&self) -> bool {
        matches!(self.action, ScalingAction::Split { .. } | ScalingAction::Merge { .. })
    }
}

fn day(time: Timestamp) -> u64 {
    time.as_millis() / DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_day(day: u64) -> Timestamp {
        Timestamp::from_millis(day * DAY_MS + 1)
    }

    #[test]
    fn the_highest_peak_of_thirty_days_counts() {
        let mut scaling = Scaling::default();
        assert!(!scaling.peaks.note(on_day(100), 0.0));
        assert!(scaling.peaks.note(on_day(100), 7.0));
        assert!(!scaling.peaks.note(on_day(100), 7.5), "hardly more is not worth a write");
        assert!(scaling.peaks.note(on_day(100), 8.0));
        for day in 101..=140 {
            assert!(scaling.peaks.note(on_day(day), 1.0));
            assert!(scaling.peaks.0.len() <= PEAK_DAYS as usize);
            let peak = if day < 130 { 8.0 } else { 1.0 };
            assert_eq!(scaling.peaks.most(on_day(day)), peak, "day {day}");
        }
        scaling.release(on_day(140));
        assert_eq!(scaling.peaks.most(on_day(140)), 0.0);
        assert!(scaling.is_released(on_day(140)) && !scaling.is_released(on_day(141)));
    }

    #[test]
    fn the_latest_decisions_are_kept_and_read_back_as_written() {
        let decision = |at| ScalingDecision {
            at: Timestamp::from_millis(at),
            shard: ShardId::new(at as u32 % 2),
            action: match at % 3 {
                0 => ScalingAction::Split { at: HashKey::MAX, below_permille: 480 },
                1 => ScalingAction::HoldForOneKey { hash: Some(HashKey::MIN), share_permille: 990 },
                _ => ScalingAction::HoldAtCeiling { shards: 200 },
            },
            inputs: Inputs {
                used_permille: 800,
                seconds: 60,
                bytes: 1,
                records: 2,
                over: 3,
                open_shards: 4,
            },
        };
        let mut scaling = Scaling::default();
        for at in 0..100 {
            scaling.keep(&[decision(at)]);
        }
        assert_eq!(scaling.decisions.len(), DECISIONS_MAX);
        assert_eq!(scaling.changed, Some(Timestamp::from_millis(99)));
        scaling.peaks.note(on_day(7), 3.0);
        let bytes = super::super::record::encode(&scaling);
        let read: Scaling = super::super::record::decode(b"d", &bytes).unwrap();
        assert_eq!(read, scaling);
        let later = ScalingDecision { at: Timestamp::from_millis(100), ..decision(97) };
        assert!(scaling.said_within(&later, 4));
        assert!(!scaling.said_within(&later, 3));
        let other = ScalingDecision { shard: ShardId::new(9), ..later };
        assert!(!scaling.said_within(&other, 1000));
    }
}
