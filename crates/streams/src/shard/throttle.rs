//! How much a shard takes and gives in a second. Pure: `now` is an argument.
//!
//! A limit is an amount for each [`Second`]. The first use begins a second, and while a shard is
//! used its seconds follow each other without a gap: so a whole second's worth may come at once,
//! and still ten seconds never take more than ten seconds' worth. Nothing is saved up while
//! nobody asks. A clock that steps back gives nothing and takes nothing.

use model::Timestamp;
use model::limits::{
    GET_RECORDS_BYTES_MAX, SHARD_READ_BYTES_PER_SECOND, SHARD_READ_CALLS_PER_SECOND,
    SHARD_WRITE_BYTES_PER_SECOND, SHARD_WRITE_RECORDS_PER_SECOND,
};

const SECOND_MS: u64 = 1000;

/// A second of which only this part was used, [`QUIET_MS`] ago, begins anew with the next use, so
/// that a single record does not set the beat for the load that follows it.
const BARELY_USED: i64 = 50;
const QUIET_MS: u64 = 100;

/// What of a shard can be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    WriteBytes,
    WriteRecords,
    ReadBytes,
    ReadCalls,
    IteratorCalls,
}

/// The running second of a limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    began: Timestamp,
    /// When somebody last asked.
    asked: Timestamp,
    /// Less than nothing: later seconds pay for it.
    allowed: i64,
    used: i64,
    /// Something did not fit into what is left, which the next second therefore has on top: less
    /// than that something.
    tight: bool,
}

impl Second {
    fn left(&self) -> i64 {
        self.allowed - self.used
    }

    fn advance(&mut self, per_second: u64, now: Timestamp) {
        let rate = per_second as i64;
        let quiet_ms = now.millis_since(self.asked);
        self.asked = now;
        if now < self.began {
            self.began = now;
            return;
        }
        let seconds = (now.as_millis() - self.began.as_millis()) / SECOND_MS;
        if seconds == 0 {
            let barely_used = !self.tight && self.used * BARELY_USED <= rate;
            if barely_used && self.allowed >= rate && quiet_ms >= QUIET_MS {
                (self.began, self.used) = (now, 0);
            }
            return;
        }
        let left = self.left();
        let paid = left.saturating_add(rate.saturating_mul(seconds as i64));
        let was_in_use = seconds == 1 || (left < 0 && paid <= rate);
        if was_in_use {
            self.allowed = if self.tight || left < 0 { paid } else { rate };
            self.began = Timestamp::from_millis(self.began.as_millis() + seconds * SECOND_MS);
        } else {
            (self.allowed, self.began) = (rate, now);
        }
        (self.used, self.tight) = (0, false);
    }

    /// Takes `count`, if there is that much. What is more than a second's worth needs a whole
    /// second, and takes the following ones as well.
    pub(crate) fn take(&mut self, count: u64, per_second: u64, now: Timestamp) -> bool {
        self.advance(per_second, now);
        let (wanted, rate) = (count as i64, per_second as i64);
        let admitted = self.left() >= wanted.min(rate);
        if admitted {
            self.used += wanted;
        } else {
            self.tight |= wanted <= rate;
        }
        admitted
    }

    /// Gives back what was taken for nothing.
    fn give_back(&mut self, count: u64) {
        self.used -= count as i64;
    }

    /// Whether anything is left.
    fn has_any(&mut self, per_second: u64, now: Timestamp) -> bool {
        self.advance(per_second, now);
        self.left() > 0
    }

    /// Takes what turned out to be used, whether there is that much or not. More than a second's
    /// worth is paid for from now on: 5 seconds for 10 MiB at 2 MiB a second.
    fn charge(&mut self, count: u64, per_second: u64, now: Timestamp) {
        self.used += count as i64;
        if count > per_second {
            self.began = now;
        }
    }

    /// Whether nobody asked in the last second, so that it may be forgotten.
    pub(crate) fn is_idle(&self, per_second: u64, now: Timestamp) -> bool {
        let owed = self.left().min(0).unsigned_abs() / per_second.max(1);
        now.millis_since(self.asked) / SECOND_MS > owed + 1
    }
}

/// What puts use of a shard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteThrottle {
    bytes: Second,
    records: Second,
}

impl WriteThrottle {
    /// Takes a record of `bytes`, partition key included, if the second has room for it; or says
    /// which limit has none.
    pub(crate) fn take(&mut self, bytes: usize, now: Timestamp) -> Result<(), Limit> {
        if !self.records.take(1, SHARD_WRITE_RECORDS_PER_SECOND, now) {
            return Err(Limit::WriteRecords);
        }
        if !self.bytes.take(bytes as u64, SHARD_WRITE_BYTES_PER_SECOND, now) {
            self.records.give_back(1);
            return Err(Limit::WriteBytes);
        }
        Ok(())
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
    bytes: Second,
    calls: Second,
    iterators: Second,
}

impl ReadThrottle {
    /// Lets a GetRecords call begin, unless the calls or the bytes before it used up the second.
    pub(crate) fn take_call(&mut self, now: Timestamp) -> Result<(), Limit> {
        if !self.bytes.has_any(SHARD_READ_BYTES_PER_SECOND, now) {
            return Err(Limit::ReadBytes);
        }
        let taken = self.calls.take(1, SHARD_READ_CALLS_PER_SECOND, now);
        taken.then_some(()).ok_or(Limit::ReadCalls)
    }

    /// A call that was let begin answered with this many bytes.
    pub(crate) fn charge(&mut self, bytes: usize, now: Timestamp) {
        let bytes = bytes.min(GET_RECORDS_BYTES_MAX) as u64;
        self.bytes.charge(bytes, SHARD_READ_BYTES_PER_SECOND, now);
    }

    /// Lets a GetShardIterator call begin.
    pub(crate) fn take_iterator(&mut self, now: Timestamp) -> Result<(), Limit> {
        let taken = self.iterators.take(1, SHARD_READ_CALLS_PER_SECOND, now);
        taken.then_some(()).ok_or(Limit::IteratorCalls)
    }
}

#[cfg(test)]
mod tests;
