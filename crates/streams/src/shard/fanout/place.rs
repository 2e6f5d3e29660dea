//! One subscription for each consumer and shard: who holds the place, who may take it over, and
//! how fast it is served.
//!
//! Decisions are functions of the place and of `now`, by a clock that never steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::ShardId;
use model::limits::{
    CONSUMER_READ_BYTES_PER_SECOND, SUBSCRIBE_CALLS_PER_SECOND, SUBSCRIPTION_EXCLUSIVE_MS,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::shared::SharedEvent;
use crate::config::Mode;
use crate::metrics::ConsumerCounters;

const EXCLUSIVE: Duration = Duration::from_millis(SUBSCRIPTION_EXCLUSIVE_MS);
const CALLS_EVERY: Duration = Duration::from_millis(1000 / SUBSCRIBE_CALLS_PER_SECOND);

/// What a consumer is doing.
#[derive(Default)]
pub(crate) struct ConsumerLive {
    places: Mutex<BTreeMap<ShardId, Place>>,
    pub(crate) counters: ConsumerCounters,
}

/// Why a subscription may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Another one began too short a while ago.
    Held,
    /// It is asked for more often than once a second.
    TooFast,
}

/// The place of one shard's subscription.
struct Place {
    /// Which subscription holds it, or held it last; counted up.
    holder: watch::Sender<u64>,
    /// Whether that one still lasts.
    open: bool,
    /// When that one began.
    began: Instant,
    /// When somebody was last told that the place is held.
    refused: Option<Instant>,
    pace: Pace,
}

impl Place {
    /// Whether another subscription may take the place. AWS keeps it for a while even if its
    /// subscriber is gone.
    fn decide(&self, mode: Mode, now: Instant) -> Result<(), Denied> {
        let kept = self.open || mode == Mode::Aws;
        if !kept || now >= self.began + EXCLUSIVE {
            return Ok(());
        }
        let refused_just_now = self.refused.is_some_and(|at| now < at + CALLS_EVERY);
        if refused_just_now && mode == Mode::Aws { Err(Denied::TooFast) } else { Err(Denied::Held) }
    }
}

impl ConsumerLive {
    /// Takes the place of `shard`, from who holds it if that is allowed.
    pub(crate) fn take(
        self: &Arc<Self>,
        shard: ShardId,
        mode: Mode,
        now: Instant,
    ) -> Result<Holding, Denied> {
        let mut places = self.places.lock();
        let place = match places.get_mut(&shard) {
            Some(place) => {
                if let Err(denied) = place.decide(mode, now) {
                    self.counters.subscribe_rate_exceeded.add((denied == Denied::TooFast) as u64);
                    place.refused = if denied == Denied::Held { Some(now) } else { place.refused };
                    return Err(denied);
                }
                (place.open, place.began, place.refused) = (true, now, None);
                place
            }
            None => places.entry(shard).or_insert_with(|| Place {
                holder: watch::Sender::new(0),
                open: true,
                began: now,
                refused: None,
                pace: Pace::default(),
            }),
        };
        place.holder.send_modify(|holder| *holder += 1);
        let holder = place.holder.subscribe();
        let number = *holder.borrow();
        self.counters.subscribe_successes.add(1);
        self.counters.subscriptions.add(1);
        Ok(Holding { live: self.clone(), shard, mode, number, holder })
    }
}

/// A subscription's hold of its place, until it is dropped.
pub(crate) struct Holding {
    live: Arc<ConsumerLive>,
    shard: ShardId,
    mode: Mode,
    number: u64,
    holder: watch::Receiver<u64>,
}

impl Holding {
    pub(super) fn is_taken_over(&self) -> bool {
        *self.holder.borrow() != self.number
    }

    /// Waits until another subscription takes the place.
    pub(super) async fn taken_over(&mut self) {
        let number = self.number;
        if self.holder.wait_for(|holder| *holder != number).await.is_err() {
            // The place was forgotten: nobody can take it.
            std::future::pending().await
        }
    }

    /// Until when nothing may be sent, if so.
    pub(super) fn paced_until(&self, now: Instant) -> Option<Instant> {
        if self.mode == Mode::Relaxed {
            return None;
        }
        let places = self.live.places.lock();
        places.get(&self.shard).and_then(|place| place.pace.busy_until(now))
    }

    /// Takes note of an event that goes out.
    pub(super) fn sent(&self, event: &SharedEvent, now: Instant) {
        if let Some(place) = self.live.places.lock().get_mut(&self.shard) {
            place.pace.pay(event.bytes, now);
        }
        let counters = &self.live.counters;
        counters.events.add(1);
        counters.event_records.add(event.records as u64);
        counters.event_bytes.add(event.bytes as u64);
        counters.event_millis_behind.set(event.millis_behind);
    }

    /// Takes note of an event without records.
    pub(super) fn told_nothing(&self) {
        self.live.counters.events.add(1);
        self.live.counters.event_millis_behind.set(0);
    }

    /// The shard has ended: nobody will hold its place for long any more.
    pub(super) fn forget(&self) {
        let mut places = self.live.places.lock();
        if places.get(&self.shard).is_some_and(|place| *place.holder.borrow() == self.number) {
            places.remove(&self.shard);
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.live.counters.subscriptions.take_back(1);
        if let Some(place) = self.live.places.lock().get_mut(&self.shard)
            && *place.holder.borrow() == self.number
        {
            place.open = false;
        }
    }
}

/// How fast one consumer gets one shard: what was sent must have taken its time at the nominal
/// rate before more is sent. Nothing is saved up.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    free: Option<Instant>,
}

impl Pace {
    fn busy_until(self, now: Instant) -> Option<Instant> {
        self.free.filter(|free| *free > now)
    }

    fn pay(&mut self, bytes: usize, now: Instant) {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / CONSUMER_READ_BYTES_PER_SECOND;
        let free = self.free.map_or(now, |free| free.max(now));
        self.free = Some(free + Duration::from_nanos(nanos));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: ShardId = ShardId::new(3);

    fn at(now: Instant, millis: u64) -> Instant {
        now + Duration::from_millis(millis)
    }

    #[test]
    fn a_place_is_held_for_five_seconds_and_then_taken_over() {
        for mode in [Mode::Aws, Mode::Relaxed] {
            let (live, now) = (Arc::new(ConsumerLive::default()), Instant::now());
            let first = live.take(SHARD, mode, now).unwrap();
            assert_eq!(live.take(SHARD, mode, at(now, 4999)).err(), Some(Denied::Held));
            assert!(!first.is_taken_over());
            let second = live.take(SHARD, mode, at(now, 5000)).unwrap();
            assert!(first.is_taken_over() && !second.is_taken_over());
            // The one that lost the place does not free it by going.
            drop(first);
            assert_eq!(live.take(SHARD, mode, at(now, 9999)).err(), Some(Denied::Held));
            live.take(ShardId::new(4), mode, at(now, 9999)).unwrap();
        }
    }

    #[test]
    fn aws_keeps_the_place_of_a_subscriber_that_is_gone_and_relaxed_mode_does_not() {
        for (mode, expected) in [(Mode::Aws, Some(Denied::Held)), (Mode::Relaxed, None)] {
            let (live, now) = (Arc::new(ConsumerLive::default()), Instant::now());
            drop(live.take(SHARD, mode, now).unwrap());
            assert_eq!(live.take(SHARD, mode, at(now, 100)).err(), expected);
        }
    }

    #[test]
    fn who_asks_more_often_than_once_a_second_is_told_to_slow_down() {
        let (live, now) = (Arc::new(ConsumerLive::default()), Instant::now());
        let _first = live.take(SHARD, Mode::Aws, now).unwrap();
        let ask = |millis| live.take(SHARD, Mode::Aws, at(now, millis)).err();
        assert_eq!(ask(100), Some(Denied::Held));
        assert_eq!(ask(200), Some(Denied::TooFast));
        assert_eq!(ask(1099), Some(Denied::TooFast));
        assert_eq!(ask(1100), Some(Denied::Held));
    }

    #[test]
    fn a_consumer_gets_two_mebibytes_a_second_within_two_percent() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let (mut sent, mut now) = (0, start);
        while now < at(start, 10_000) {
            match pace.busy_until(now) {
                Some(free) => now = free,
                None => {
                    pace.pay(super::super::EVENT_BYTES_MAX, now);
                    sent += super::super::EVENT_BYTES_MAX;
                }
            }
        }
        let nominal = 10.0 * CONSUMER_READ_BYTES_PER_SECOND as f64;
        assert!((sent as f64 / nominal - 1.0).abs() < 0.02, "{sent} bytes");
        assert!(pace.busy_until(at(start, 20_000)).is_none());
        pace.pay(super::super::EVENT_BYTES_MAX, at(start, 20_000));
        assert!(pace.busy_until(at(start, 20_000)).is_some(), "nothing is saved up");
    }
}
