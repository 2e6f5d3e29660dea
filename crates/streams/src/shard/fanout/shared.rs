//! Encoded events that the subscribers of one shard share.
//!
//! Who is at the tip reads from the same offset as all others there, so the event that the first
//! one makes serves them all. Kept only while the shard has subscribers, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use model::SequenceNumber;
use parking_lot::Mutex;
use storage::Offset;
use tokio::sync::{Mutex as Turn, MutexGuard};
use tokio::time::Instant;

/// Bytes of one shard's shared events, unless a single one is larger.
const SHARED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What an event says about being behind may be this old.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// An event and what it covers.
#[derive(Clone)]
pub(super) struct SharedEvent {
    /// Made for a reader that was here.
    pub(super) from: Offset,
    /// The reader is here after it.
    pub(super) next: Offset,
    /// The number right before that place.
    pub(super) last: SequenceNumber,
    pub(super) records: usize,
    /// Of data and keys.
    pub(super) bytes: usize,
    pub(super) millis_behind: u64,
    /// It ends a closed shard.
    pub(super) ended: bool,
    pub(super) message: Bytes,
    pub(super) made: Instant,
}

/// The latest events of a shard.
#[derive(Default)]
pub(crate) struct SharedEvents {
    kept: Mutex<Kept>,
    making: Turn<()>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<SharedEvent>,
    bytes: usize,
}

impl SharedEvents {
    /// What the subscribers of a shard share, for one more of them.
    pub(super) fn of(slot: &Mutex<Weak<Self>>) -> Arc<Self> {
        let mut slot = slot.lock();
        slot.upgrade().unwrap_or_else(|| {
            let shared = Arc::default();
            *slot = Arc::downgrade(&shared);
            shared
        })
    }

    /// Keeps others who are as far as anybody from making the event that is made here, until it is
    /// dropped. Who is behind, and may have to read from afar, keeps nobody waiting.
    pub(super) async fn turn(&self, from: Offset) -> Option<MutexGuard<'_, ()>> {
        let furthest = self.kept.lock().events.iter().map(|event| event.next).max();
        if furthest == Some(from) { Some(self.making.lock().await) } else { None }
    }

    /// The event for a reader at `from`.
    pub(super) fn get(&self, from: Offset, now: Instant) -> Option<SharedEvent> {
        let kept = self.kept.lock();
        let fits = |event: &&SharedEvent| event.from == from && now < event.made + SHARED_FOR;
        kept.events.iter().rev().find(fits).cloned()
    }

    /// Keeps an event for others, and lets go of what is too old or too much.
    pub(super) fn put(&self, event: &SharedEvent) {
        let mut kept = self.kept.lock();
        kept.bytes += event.message.len();
        kept.events.push_back(event.clone());
        while kept.events.len() > 1
            && (kept.bytes > SHARED_BYTES_MAX || kept.events[0].made + SHARED_FOR <= event.made)
        {
            let gone = kept.events.pop_front().expect("there is more than one");
            kept.bytes -= gone.message.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use model::{ShardId, Timestamp};

    use super::*;

    fn event(from: u64, bytes: usize, made: Instant) -> SharedEvent {
        let time = Timestamp::from_seconds(1_700_000_000);
        SharedEvent {
            from: Offset(from),
            next: Offset(from + 1),
            last: SequenceNumber::new(ShardId::new(0), time, from, time),
            records: 1,
            bytes,
            millis_behind: 0,
            ended: false,
            message: Bytes::from(vec![0; bytes]),
            made,
        }
    }

    #[test]
    fn an_event_is_shared_by_who_reads_from_its_place_and_only_for_a_second() {
        let (shared, now) = (SharedEvents::default(), Instant::now());
        shared.put(&event(5, 10, now));
        assert!(shared.get(Offset(5), now + Duration::from_millis(999)).is_some());
        assert!(shared.get(Offset(5), now + SHARED_FOR).is_none());
        assert!(shared.get(Offset(6), now).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_in_time() {
        let (shared, now) = (SharedEvents::default(), Instant::now());
        for from in 0..100 {
            shared.put(&event(from, 100_000, now));
            assert!(shared.kept.lock().bytes <= SHARED_BYTES_MAX);
        }
        assert!(shared.get(Offset(0), now).is_none());
        assert!(shared.get(Offset(99), now).is_some());
        shared.put(&event(100, 2 * SHARED_BYTES_MAX, now));
        assert_eq!(shared.kept.lock().events.len(), 1, "one that is too large is the only one");
        shared.put(&event(101, 10, now + SHARED_FOR));
        let kept = shared.kept.lock();
        assert_eq!((kept.events.len(), kept.bytes), (1, 10));
    }

    #[tokio::test]
    async fn who_is_furthest_makes_an_event_alone_and_who_is_behind_keeps_nobody_waiting() {
        let (shared, now) = (SharedEvents::default(), Instant::now());
        assert!(shared.turn(Offset(5)).await.is_none());
        shared.put(&event(4, 10, now));
        shared.put(&event(5, 10, now));
        shared.put(&event(1, 10, now));
        assert!(shared.turn(Offset(2)).await.is_none());
        let turn = shared.turn(Offset(6)).await;
        assert!(turn.is_some());
        assert!(shared.turn(Offset(6)).now_or_never().is_none(), "it waits for its turn");
        drop(turn);
        assert!(shared.turn(Offset(6)).await.is_some());
    }

    #[test]
    fn nothing_is_kept_without_subscribers() {
        let slot = Mutex::default();
        let first = SharedEvents::of(&slot);
        assert!(Arc::ptr_eq(&first, &SharedEvents::of(&slot)));
        drop(first);
        assert!(slot.lock().upgrade().is_none());
    }
}
