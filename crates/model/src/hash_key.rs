//! Where a record belongs: a point in the hash space, and the ranges shards own.
//!
//! Invariant: a range is never empty and `start <= end`, both inclusive.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A point in the hash space `0 ..= 2^128 - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashKey(u128);

impl HashKey {
    /// The first point.
    pub const MIN: Self = Self(0);
    /// The last point.
    pub const MAX: Self = Self(u128::MAX);

    /// The point with this number.
    pub const fn new(key: u128) -> Self {
        Self(key)
    }

    /// The number.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl FromStr for HashKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let key = if digits { text.parse().ok() } else { None };
        key.map(Self).ok_or_else(|| Error::new("a hash key of 0 to 2^128-1", text))
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The part of the hash space that a shard owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashKeyRange {
    start: HashKey,
    end: HashKey,
}

impl HashKeyRange {
    /// The whole hash space.
    pub const WHOLE: Self = Self { start: HashKey::MIN, end: HashKey::MAX };

    /// The range from `start` to `end`, both in it; nothing if `end` is smaller.
    pub fn new(start: HashKey, end: HashKey) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// Its first key.
    pub const fn start(self) -> HashKey {
        self.start
    }

    /// Its last key.
    pub const fn end(self) -> HashKey {
        self.end
    }

    /// Is `key` one of its keys?
    pub fn contains(self, key: HashKey) -> bool {
        self.start <= key && key <= self.end
    }

    /// The whole space in `count` ranges of one width; the last takes the remainder.
    pub fn uniform(count: NonZeroU32) -> impl ExactSizeIterator<Item = Self> {
        let shards = count.get();
        let wide = u128::from(shards);
        // 2^128 / count without a 129-bit number; it wraps for one shard, whose start is 0.
        let width = (u128::MAX / wide).wrapping_add(u128::from(u128::MAX % wide == wide - 1));
        (0..shards).map(move |i| {
            let start = u128::from(i).wrapping_mul(width);
            let end = if i + 1 == shards { u128::MAX } else { start + (width - 1) };
            Self { start: HashKey(start), end: HashKey(end) }
        })
    }

    /// Cuts the range in two: keys below `key`, and `key` and above.
    ///
    /// AWS's rule is narrower than two non-empty halves: `start + 1 < key < end`.
    pub fn split_at(self, key: HashKey) -> Option<(Self, Self)> {
        let legal = key.0 > self.start.0.saturating_add(1) && key < self.end;
        let below = Self { start: self.start, end: HashKey(key.0.wrapping_sub(1)) };
        legal.then_some((below, Self { start: key, end: self.end }))
    }

    /// The range over both, if `right` begins just after this one ends.
    pub fn merge(self, right: Self) -> Option<Self> {
        let adjacent = self.end.0.checked_add(1) == Some(right.start.0);
        adjacent.then_some(Self { start: self.start, end: right.end })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uniform(count: u32) -> Vec<HashKeyRange> {
        HashKeyRange::uniform(NonZeroU32::new(count).unwrap()).collect()
    }

    #[test]
    fn three_shards_get_the_ranges_that_aws_gives() {
        let text: Vec<_> =
            uniform(3).iter().map(|r| format!("{} {}", r.start(), r.end())).collect();
        assert_eq!(
            text,
            [
                "0 113427455640312821154458202477256070484",
                "113427455640312821154458202477256070485 226854911280625642308916404954512140969",
                "226854911280625642308916404954512140970 340282366920938463463374607431768211455",
            ]
        );
        assert_eq!(uniform(1), [HashKeyRange::WHOLE]);
    }

    #[test]
    fn a_split_keeps_two_keys_below_and_one_above() {
        let range = HashKeyRange::new(HashKey::new(10), HashKey::new(20)).unwrap();
        assert!(range.split_at(HashKey::new(11)).is_none());
        assert!(range.split_at(HashKey::new(12)).is_some());
        assert!(range.split_at(HashKey::new(19)).is_some());
        assert!(range.split_at(HashKey::new(20)).is_none());
        assert!(HashKeyRange::WHOLE.split_at(HashKey::MIN).is_none());
        assert!(HashKeyRange::WHOLE.split_at(HashKey::MAX).is_none());
    }

    #[test]
    fn a_hash_key_of_2_to_the_128_is_refused() {
        assert_eq!("340282366920938463463374607431768211455".parse(), Ok(HashKey::MAX));
        for bad in ["340282366920938463463374607431768211456", "", "-1", "+1", "x"] {
            assert!(bad.parse::<HashKey>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn uniform_ranges_cover_the_space_once(count in 1..5000_u32) {
            let ranges = uniform(count);
            prop_assert_eq!(ranges.len(), count as usize);
            let merged = ranges.iter().copied().map(Some).reduce(|a, b| a?.merge(b?));
            prop_assert_eq!(merged.flatten(), Some(HashKeyRange::WHOLE));
        }

        #[test]
        fn the_halves_of_a_split_merge_back(start: u128, end: u128, key: u128) {
            let range = HashKeyRange::new(HashKey(start), HashKey(end));
            if let Some((range, (below, above))) =
                range.and_then(|r| Some((r, r.split_at(HashKey(key))?)))
            {
                prop_assert!(above.contains(HashKey(key)) && !below.contains(HashKey(key)));
                prop_assert_eq!(below.merge(above), Some(range));
                prop_assert_eq!(above.merge(below), None);
            }
        }
    }
}
