//! What was throttled in a stream: when, which shard, by which limit, for whom.
//!
//! One event stands for all that one limit of one shard did to one principal in one minute. The
//! last [`EVENTS_MAX`] of them are kept, in memory.

use std::collections::VecDeque;

use model::{HashKey, ShardId, Timestamp};
use parking_lot::Mutex;

use super::throttle::Limit;
use crate::metrics::Count;

/// Events of one stream that are kept.
const EVENTS_MAX: usize = 512;

const MINUTE_MS: u64 = 60_000;

/// What one limit did to one principal in one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThrottleEvent {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) shard: ShardId,
    pub(crate) limit: Limit,
    /// Whether it was refused; otherwise it was let through, because limits are relaxed.
    pub(crate) refused: bool,
    /// The ARN of who asked.
    pub(crate) principal: Box<str>,
    /// Records or calls.
    pub(crate) count: u64,
    /// The hash key that may have had most of the records.
    candidate: Option<HashKey>,
    /// By how many it leads.
    lead: u64,
}

/// Something that a limit met just now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttled<'a> {
    pub(crate) shard: ShardId,
    pub(crate) limit: Limit,
    pub(crate) refused: bool,
    pub(crate) principal: &'a str,
    pub(crate) hash: Option<HashKey>,
}

/// The events of one stream, and how many there ever were.
#[derive(Default)]
pub(crate) struct ThrottleEvents {
    latest: Mutex<VecDeque<ThrottleEvent>>,
    refused: [Count; Limit::ALL.len()],
    let_through: [Count; Limit::ALL.len()],
}

impl Limit {
    pub(crate) const ALL: [Self; 5] = [
        Self::WriteBytes,
        Self::WriteRecords,
        Self::ReadBytes,
        Self::ReadCalls,
        Self::IteratorCalls,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WriteBytes => "WRITE_BYTES",
            Self::WriteRecords => "WRITE_RECORDS",
            Self::ReadBytes => "READ_BYTES",
            Self::ReadCalls => "READ_CALLS",
            Self::IteratorCalls => "ITERATOR_CALLS",
        }
    }
}

impl ThrottleEvents {
    pub(crate) fn note(&self, now: Timestamp, throttled: Throttled<'_>) {
        let Throttled { shard, limit, refused, principal, hash } = throttled;
        self.count(limit, refused).add(1);
        let mut latest = self.latest.lock();
        let minute = now.as_millis() / MINUTE_MS;
        let of_minute = |event: &&mut ThrottleEvent| event.first.as_millis() / MINUTE_MS == minute;
        let same = latest.iter_mut().rev().take_while(of_minute).find(|event| {
            (event.shard, event.limit, event.refused) == (shard, limit, refused)
                && *event.principal == *principal
        });
        if let Some(event) = same {
            (event.last, event.count) = (now.max(event.last), event.count + 1);
            return event.vote(hash);
        }
        if latest.len() == EVENTS_MAX {
            latest.pop_front();
        }
        let principal = principal.into();
        let (first, last, count, lead) = (now, now, 1, 1);
        latest.push_back(ThrottleEvent {
            first,
            last,
            shard,
            limit,
            refused,
            principal,
            count,
            candidate: hash,
            lead,
        });
    }

    /// The latest first.
    pub(crate) fn latest(&self) -> Vec<ThrottleEvent> {
        self.latest.lock().iter().rev().cloned().collect()
    }

    /// How often a limit refused something or let it through.
    pub(crate) fn count(&self, limit: Limit, refused: bool) -> &Count {
        let counts = if refused { &self.refused } else { &self.let_through };
        &counts[limit as usize]
    }
}

impl ThrottleEvent {
    /// The hash key that most of the records had, if one stands out.
    pub(crate) fn hash(&self) -> Option<HashKey> {
        self.candidate.filter(|_| self.lead * 4 >= self.count)
    }

    /// Finds the hash key that has the majority, if one has.
    fn vote(&mut self, hash: Option<HashKey>) {
        if self.candidate == hash {
            self.lead += 1;
        } else if self.lead == 0 {
            (self.candidate, self.lead) = (hash, 1);
        } else {
            self.lead -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_040 + seconds)
    }

    fn write(principal: &str, hash: u128) -> Throttled<'_> {
        Throttled {
            shard: ShardId::new(0),
            limit: Limit::WriteBytes,
            refused: true,
            principal,
            hash: Some(HashKey::new(hash)),
        }
    }

    #[test]
    fn what_a_limit_does_in_a_minute_is_one_event_with_the_key_that_stands_out() {
        let events = ThrottleEvents::default();
        for (second, hash) in [(0, 1), (1, 7), (2, 7), (3, 9), (4, 7), (5, 7)] {
            events.note(at(second), write("a", hash));
        }
        events.note(at(6), write("b", 1));
        events.note(at(7), Throttled { limit: Limit::WriteRecords, ..write("a", 1) });
        events.note(at(8), Throttled { refused: false, ..write("a", 1) });
        events.note(at(65), write("a", 1));
        let latest = events.latest();
        let counts: Vec<_> = latest.iter().map(|event| event.count).collect();
        assert_eq!(counts, [1, 1, 1, 1, 6]);
        assert_eq!((latest[4].first, latest[4].last), (at(0), at(5)));
        assert_eq!(latest[4].hash(), Some(HashKey::new(7)));
        assert_eq!(events.count(Limit::WriteBytes, true).get(), 8);
        assert_eq!(events.count(Limit::WriteBytes, false).get(), 1);
    }

    #[test]
    fn no_key_stands_out_where_all_are_alike() {
        let events = ThrottleEvents::default();
        for hash in 0..100 {
            events.note(at(0), write("a", hash));
        }
        assert_eq!(events.latest()[0].hash(), None);
    }

    #[test]
    fn the_oldest_event_makes_room() {
        let events = ThrottleEvents::default();
        for principal in 0..EVENTS_MAX + 3 {
            events.note(at(0), write(&principal.to_string(), 0));
        }
        let latest = events.latest();
        assert_eq!(latest.len(), EVENTS_MAX);
        assert_eq!(&*latest[EVENTS_MAX - 1].principal, "3");
    }
}
