//! The number of a record in its shard, as 56 decimal digits.
//!
//! Version 2, as AWS writes it; 188 bits, so one leading hex digit:
//!
//! | bits | field |
//! |---|---|
//! | 184-187 | constant `2` |
//! | 148-183 | second the shard was created |
//! | 144-147 | low four bits of the shard's index |
//! | 80-143 | index of the record, top bit 0 |
//! | 72-79 | `00` |
//! | 36-71 | second of the record |
//! | 4-35 | shard's index |
//! | 0-3 | version `2` |
//!
//! Invariant: within one shard (one creation second) the order of numbers is the order of
//! indexes. Numbers of different shards do not compare in any useful way, except that a child is
//! created after its parents closed, so its numbers are the larger ones.

mod decimal;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::shard_id::ShardId;
use crate::timestamp::Timestamp;

use decimal::Wide;

/// The place of a record in its stream.
///
/// ```
/// let text = "49674026002850188218576229259473476449429298564223254594";
/// let number: model::SequenceNumber = text.parse()?;
/// assert_eq!(number.shard().to_string(), "shardId-000000003076");
/// assert_eq!(number.index(), 21_689_507_110);
/// assert_eq!(number.to_string(), text);
/// # Ok::<(), model::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SequenceNumber {
    created: u64,
    index: u64,
    time: u64,
    shard: ShardId,
}

impl SequenceNumber {
    /// The index of a closed shard's last number; no record has it.
    pub const INDEX_END: u64 = i64::MAX as u64;
    /// Creation seconds from here on make a number invalid.
    const CREATED_END: u64 = 16_025_175_000;
    /// Seconds take 36 bits.
    const SECONDS_MASK: u64 = (1 << 36) - 1;

    /// The number of the record with `index` in a shard created at `created`.
    ///
    /// Times are kept to the second; what the 36 bits cannot hold is cut off.
    pub fn new(shard: ShardId, created: Timestamp, index: u64, time: Timestamp) -> Self {
        Self {
            created: created.as_seconds() & Self::SECONDS_MASK,
            index: index & Self::INDEX_END,
            time: time.as_seconds() & Self::SECONDS_MASK,
            shard,
        }
    }

    /// A shard's StartingSequenceNumber: below every record's.
    pub fn first_of_shard(shard: ShardId, created: Timestamp) -> Self {
        Self::new(shard, created, 0, created)
    }

    /// A closed shard's EndingSequenceNumber: above every record's.
    pub fn end_of_shard(shard: ShardId, created: Timestamp, closed: Timestamp) -> Self {
        Self::new(shard, created, Self::INDEX_END, closed)
    }

    /// When a child of shards that closed at `closed` counts as created: the next second.
    pub fn child_created(closed: Timestamp) -> Timestamp {
        Timestamp::from_seconds(closed.as_seconds() + 1)
    }

    /// The shard that the number belongs to.
    pub fn shard(self) -> ShardId {
        self.shard
    }

    /// The second that shard was created; tells apart shards of streams that shared a name.
    pub fn created(self) -> Timestamp {
        Timestamp::from_seconds(self.created)
    }

    /// The index among the shard's records.
    pub fn index(self) -> u64 {
        self.index
    }

    /// The second of the record.
    pub fn time(self) -> Timestamp {
        Timestamp::from_seconds(self.time)
    }

    /// Appends the decimal digits to `text`.
    pub fn write_decimal(self, text: &mut String) {
        let mut digits = [0; decimal::DIGITS];
        text.push_str(self.to_wide().digits(&mut digits));
    }

    fn nibble(self) -> u32 {
        self.shard.index() & 0xF
    }

    fn to_wide(self) -> Wide {
        let high = 2 << 56 | self.created << 20 | u64::from(self.nibble()) << 16 | self.index >> 48;
        let low = u128::from(self.index & 0xFFFF_FFFF_FFFF) << 80
            | u128::from(self.time) << 36
            | u128::from(self.shard.index()) << 4
            | 2;
        Wide { high, low }
    }

    /// Reads any of the three layouts that AWS ever gave out; `None` if it is none of them.
    fn from_wide(number: Wide) -> Option<Self> {
        if number.high < 2 {
            return Some(Self::from_version_0(number));
        }
        let parsed = match (number.high >> 56, number.low & 0xF) {
            (2, 0..=1) => Self::from_version_1(number),
            (2, 2) => Self::from_version_2(number)?,
            _ => return None,
        };
        (parsed.created < Self::CREATED_END).then_some(parsed)
    }

    fn from_version_2(number: Wide) -> Option<Self> {
        let index = number.bits(80, 64);
        (index <= Self::INDEX_END).then_some(Self {
            created: number.bits(148, 36),
            index,
            time: number.bits(36, 36),
            shard: number.shard(4),
        })
    }

    /// Hex digits 13-21 are the time, 36-37 the index, 38-45 the shard.
    fn from_version_1(number: Wide) -> Self {
        Self {
            created: number.bits(148, 36),
            index: number.bits(36, 8),
            time: number.bits(100, 36),
            shard: number.shard(4),
        }
    }

    /// At most 33 hex digits: 1-9 are the creation, the last four the shard. Numbers below
    /// 2^124 lack the leading digit and count as if they had it.
    fn from_version_0(number: Wide) -> Self {
        Self {
            created: number.bits(88, 36),
            index: number.bits(16, 32),
            time: number.bits(52, 36),
            shard: ShardId::new(number.bits(0, 16) as u32),
        }
    }
}

impl Ord for SequenceNumber {
    /// The order of the numbers as numbers.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |n: &Self| (n.created, n.nibble(), n.index, n.time, n.shard);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for SequenceNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = Wide::from_digits(text).and_then(Self::from_wide);
        number.ok_or_else(|| Error::new("a sequence number", text))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; decimal::DIGITS];
        f.pad(self.to_wide().digits(&mut digits))
    }
}

#[cfg(test)]
mod tests;
