//! How much a shard takes and gives in a second: token buckets over the time they are told.
//!
//! Pure: `now` is an argument. A clock that steps back gives no tokens and takes none.

use model::Timestamp;
use model::limits::{
    GET_RECORDS_BYTES_MAX, SHARD_READ_BYTES_PER_SECOND, SHARD_READ_CALLS_PER_SECOND,
    SHARD_WRITE_BYTES_PER_SECOND, SHARD_WRITE_RECORDS_PER_SECOND,
};

/// Tokens are kept in thousandths, so that a millisecond refills a whole number of them.
const UNIT: i64 = 1000;

/// Tokens that come back at a constant rate, at most those of one second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    level: i64,
    filled: Timestamp,
}

/// A new bucket is full.
impl Default for Bucket {
    fn default() -> Self {
        Self { level: i64::MAX, filled: Timestamp::default() }
    }
}

impl Bucket {
    fn fill(&mut self, per_second: u64, now: Timestamp) {
        let per_second = per_second as i64;
        let elapsed = i64::try_from(now.millis_since(self.filled)).unwrap_or(i64::MAX);
        let level = self.level.saturating_add(elapsed.saturating_mul(per_second));
        self.level = level.min(per_second * UNIT);
        self.filled = now;
    }

    /// Takes `count` tokens, if there are that many. What is more than a full bucket needs a full
    /// one, and leaves a debt: so a large record goes through and the average holds.
    pub(crate) fn take(&mut self, count: u64, per_second: u64, now: Timestamp) -> bool {
        self.fill(per_second, now);
        let wanted = count as i64 * UNIT;
        let admitted = self.level >= wanted.min(per_second as i64 * UNIT);
        if admitted {
            self.level -= wanted;
        }
        admitted
    }

    /// Gives back what was taken for nothing.
    fn give_back(&mut self, count: u64) {
        self.level += count as i64 * UNIT;
    }

    /// Takes what turned out to be used. Who takes more than there is forfeits the rest: a full
    /// answer of GetRecords closes the shard for as long as its bytes take at the shard's rate.
    fn charge(&mut self, count: u64) {
        let used = count as i64 * UNIT;
        self.level = if used > self.level { -used } else { self.level - used };
    }

    /// Whether nothing was taken in the last second.
    pub(crate) fn is_full(&self, per_second: u64, now: Timestamp) -> bool {
        let mut bucket = *self;
        bucket.fill(per_second, now);
        bucket.level >= per_second as i64 * UNIT
    }
}

/// What puts use of a shard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteThrottle {
    bytes: Bucket,
    records: Bucket,
}

impl WriteThrottle {
    /// Takes a record of `bytes`, partition key included, if the second has room for it.
    pub(crate) fn take(&mut self, bytes: usize, now: Timestamp) -> bool {
        if !self.records.take(1, SHARD_WRITE_RECORDS_PER_SECOND, now) {
            return false;
        }
        let admitted = self.bytes.take(bytes as u64, SHARD_WRITE_BYTES_PER_SECOND, now);
        if !admitted {
            self.records.give_back(1);
        }
        admitted
    }

    /// The records were taken and then not written.
    pub(crate) fn give_back(&mut self, bytes: usize, records: usize) {
        self.bytes.give_back(bytes as u64);
        self.records.give_back(records as u64);
    }
}

/// What GetRecords and GetShardIterator use of a shard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadThrottle {
    bytes: Bucket,
    calls: Bucket,
    iterators: Bucket,
}

impl ReadThrottle {
    /// Lets a GetRecords call begin, unless the calls or the bytes before it used up the second.
    pub(crate) fn take_call(&mut self, now: Timestamp) -> bool {
        self.bytes.fill(SHARD_READ_BYTES_PER_SECOND, now);
        self.bytes.level >= 0 && self.calls.take(1, SHARD_READ_CALLS_PER_SECOND, now)
    }

    /// The call answered with this many bytes.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.bytes.charge(bytes.min(GET_RECORDS_BYTES_MAX) as u64);
    }

    /// Lets a GetShardIterator call begin.
    pub(crate) fn take_iterator(&mut self, now: Timestamp) -> bool {
        self.iterators.take(1, SHARD_READ_CALLS_PER_SECOND, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;
    const START: u64 = 1_700_000_000_000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(START + millis)
    }

    #[test]
    fn a_shard_takes_a_mebibyte_in_a_second_and_more_as_time_passes() {
        let mut throttle = WriteThrottle::default();
        assert!(throttle.take(MIB, at(0)));
        assert!(!throttle.take(1, at(0)));
        assert!(!throttle.take(MIB / 2 + 1, at(500)));
        assert!(throttle.take(MIB / 2, at(500)));
        assert!(!throttle.take(1024, at(500)));
        assert!(throttle.take(MIB, at(60_000)));
        assert!(!throttle.take(1024, at(60_000)), "a quiet minute saves up one second only");
    }

    #[test]
    fn a_shard_takes_a_thousand_records_in_a_second() {
        let mut throttle = WriteThrottle::default();
        assert!((0..1000).all(|_| throttle.take(10, at(0))));
        assert!(!throttle.take(10, at(0)));
        assert!(throttle.take(10, at(1)));
        assert!(!throttle.take(10, at(1)));
    }

    #[test]
    fn a_record_refused_for_its_bytes_does_not_count_as_a_record() {
        let mut throttle = WriteThrottle::default();
        assert!(throttle.take(MIB, at(0)));
        for _ in 0..2000 {
            assert!(!throttle.take(MIB, at(0)));
        }
        assert!((0..999).all(|_| throttle.take(1, at(1))), "999 records are left of the second");
    }

    #[test]
    fn a_record_larger_than_a_second_goes_through_and_is_paid_for_afterwards() {
        let mut throttle = WriteThrottle::default();
        assert!(throttle.take(10 * MIB, at(0)));
        assert!(!throttle.take(1, at(9_000)));
        assert!(throttle.take(1, at(9_001)));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut throttle = WriteThrottle::default();
        assert!(throttle.take(MIB, at(0)));
        throttle.give_back(MIB, 1);
        assert!(throttle.take(MIB, at(0)));
        assert!(!throttle.take(1, at(0)));
    }

    #[test]
    fn five_calls_a_second_read_a_shard() {
        let mut throttle = ReadThrottle::default();
        assert!((0..5).all(|_| throttle.take_call(at(0))));
        assert!(!throttle.take_call(at(199)));
        assert!(throttle.take_call(at(200)));
        assert!((0..5).all(|_| throttle.take_iterator(at(0))));
        assert!(!throttle.take_iterator(at(0)));
    }

    #[test]
    fn a_full_answer_closes_the_shard_to_readers_for_five_seconds() {
        let mut throttle = ReadThrottle::default();
        assert!(throttle.take_call(at(0)));
        throttle.charge(10 * MIB);
        assert!(!throttle.take_call(at(4_999)));
        assert!(throttle.take_call(at(5_000)));
    }

    #[test]
    fn two_mebibytes_a_second_are_read_without_a_pause() {
        let mut throttle = ReadThrottle::default();
        for call in 0..50 {
            assert!(throttle.take_call(at(call * 200)));
            throttle.charge(2 * MIB / 5);
        }
    }

    #[test]
    fn a_clock_that_steps_back_neither_gives_nor_blocks() {
        let mut throttle = WriteThrottle::default();
        assert!(throttle.take(MIB, at(3_600_000)));
        assert!(!throttle.take(1, at(0)));
        assert!(throttle.take(MIB, at(1_000)), "a second later by the new clock");
    }
}
