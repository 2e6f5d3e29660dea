//! Enhanced fan-out: a shard's records, sent on as they come.
//!
//! A [`Subscription`] is pulled: whoever sends its events asks for the next one when the one
//! before is on its way. So a slow subscriber holds one event of at most [`EVENT_BYTES_MAX`] (or
//! one larger record), and slows down neither writers nor other subscribers. At the tip it waits
//! for the log's tail; nothing is polled.
//!
//! Invariants: events carry the shard's records from the starting position on, each once and in
//! order. To go on after the last record, or the last number, of any event loses nothing and
//! repeats nothing. The children of a closed shard come with its last event and with no other.

mod place;
mod shared;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{ConsumerName, SequenceNumber, ShardId};
use storage::Offset;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::cursor::{Budget, Cursor, Record};
use crate::catalog::{Incarnation, Shard, Snapshot, Status, Stream, StreamKey};
use crate::control::Control;
use crate::error::{Error, Result};

pub(crate) use place::{ConsumerLive, Denied, Holding};
use shared::SharedEvent;
pub(crate) use shared::SharedEvents;

/// Data and keys of one event, unless a single record is larger.
const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Records of one event.
const EVENT_RECORDS_MAX: usize = 10_000;
/// A subscriber that gets no records hears so this often, which is a little more often than it
/// was promised.
const HEARTBEAT: Duration = Duration::from_millis(model::limits::SUBSCRIPTION_EVENT_EVERY_MS - 250);

/// What an event says.
pub(crate) struct Batch<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) shard: &'a Shard,
    pub(crate) records: Vec<Record>,
    pub(crate) millis_behind: u64,
    /// After which number to go on; none at the end of a closed shard.
    pub(crate) continuation: Option<SequenceNumber>,
}

/// Writes an event.
pub(crate) type Encode = fn(Batch<'_>) -> Bytes;

/// What a subscriber gets next.
pub(crate) enum Next {
    Event(Bytes),
    /// Nothing more: another subscription of the consumer took its place.
    TakenOver,
    /// Nothing more: the records cannot be read.
    Failed(Error),
}

/// A shard as one consumer follows it.
pub(crate) struct Subscription {
    control: Control,
    key: StreamKey,
    stream: Incarnation,
    shard: ShardId,
    consumer: (ConsumerName, Incarnation),
    holding: Holding,
    shared: Arc<SharedEvents>,
    tail: watch::Receiver<u64>,
    /// Where to read on, and the number right before that place.
    next: Offset,
    continuation: SequenceNumber,
    /// When the subscriber was last told something.
    told: Instant,
    ends: Instant,
    ended: bool,
    encode: Encode,
}

/// What a subscription needs to begin.
pub(crate) struct Begin<'a> {
    pub(crate) control: Control,
    pub(crate) stream: &'a Stream,
    pub(crate) shard: &'a Shard,
    pub(crate) consumer: (ConsumerName, Incarnation),
    pub(crate) holding: Holding,
    pub(crate) from: Offset,
    pub(crate) lifetime: Duration,
    pub(crate) encode: Encode,
}

impl Subscription {
    pub(crate) fn new(begin: Begin<'_>) -> Self {
        let Begin { control, stream, shard, consumer, holding, from, lifetime, encode } = begin;
        let live = shard.live(&control.storage);
        let (shared, tail) = (SharedEvents::of(&live.shared_events), live.log.tail());
        let (record, now) = (&shard.record, Instant::now());
        Self {
            key: stream.key.clone(),
            stream: stream.record.incarnation,
            shard: shard.id,
            consumer,
            holding,
            shared,
            tail,
            next: from,
            continuation: SequenceNumber::new(shard.id, record.created, from.0 - 1, record.created),
            told: now,
            ends: now + lifetime,
            ended: false,
            encode,
            control,
        }
    }

    /// Waits for what comes next; none when the subscription is over.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        if self.ended {
            return None;
        }
        let next = self.wait().await;
        self.ended |= !matches!(next, Some(Next::Event(_)));
        next
    }

    async fn wait(&mut self) -> Option<Next> {
        loop {
            self.tail.borrow_and_update();
            let snapshot = self.control.catalog.snapshot();
            let (stream, shard) = self.find(&snapshot)?;
            let now = Instant::now();
            if self.holding.is_taken_over() {
                return Some(Next::TakenOver);
            }
            if now >= self.ends {
                return None;
            }
            let paced = self.holding.paced_until(now);
            if paced.is_none() {
                match self.read(stream, shard).await {
                    Ok(None) if now < self.told + HEARTBEAT => {}
                    Ok(None) => return Some(Next::Event(self.heartbeat(stream, shard))),
                    Ok(Some(event)) => return Some(Next::Event(self.send(stream, shard, event))),
                    Err(error) => return Some(Next::Failed(error)),
                }
            }
            let alarm = paced.unwrap_or(self.told + HEARTBEAT).min(self.ends);
            tokio::select! {
                biased;
                () = self.holding.taken_over() => {}
                changed = self.control.catalog.changed_since(&snapshot) => changed.ok()?,
                grown = self.tail.changed(), if paced.is_none() => grown.ok()?,
                () = sleep_until(alarm) => {}
            }
        }
    }

    /// The shard, as long as stream and consumer are what they were.
    fn find<'s>(&self, snapshot: &'s Snapshot) -> Option<(&'s Stream, &'s Shard)> {
        let stream = snapshot.same_stream(&self.key, self.stream)?;
        let consumer = stream.consumer(&self.consumer.0)?;
        let same = consumer.record.incarnation == self.consumer.1;
        if !same || stream.consumer_status(consumer) != Status::Active {
            return None;
        }
        let horizon = stream.horizon(self.control.clock.now());
        let shard = stream.shard(self.shard).filter(|shard| shard.is_visible(horizon))?;
        Some((stream, shard))
    }

    /// The next event if there is anything to say: records, or the end of the shard.
    async fn read(&self, stream: &Stream, shard: &Shard) -> Result<Option<SharedEvent>> {
        let Control { storage, keys, .. } = &self.control;
        let at_tip = self.next >= shard.live(storage).log.state().next;
        if at_tip && shard.record.is_open() {
            return Ok(None);
        }
        if let Some(event) = self.shared.get(self.next, Instant::now()) {
            return Ok(Some(event));
        }
        // All who wait at the tip wake at the same time: the first of them makes the event.
        let _turn = self.shared.turn(self.next).await;
        if let Some(event) = self.shared.get(self.next, Instant::now()) {
            return Ok(Some(event));
        }
        let cursor = Cursor { stream, shard, storage, keys, now: self.control.clock.now() };
        let budget = Budget { records: EVENT_RECORDS_MAX, bytes: EVENT_BYTES_MAX };
        let read = cursor.read(self.next, budget).await?;
        if read.records.is_empty() && !read.ended {
            return Ok(None);
        }
        let (records, bytes) = (read.records.len(), read.bytes());
        let last = read.records.last().map_or(self.continuation, |record| record.number);
        let batch = Batch {
            stream,
            shard,
            records: read.records,
            millis_behind: read.millis_behind,
            continuation: (!read.ended).then_some(last),
        };
        let event = SharedEvent {
            from: self.next,
            next: read.next,
            last,
            records,
            bytes,
            millis_behind: read.millis_behind,
            ended: read.ended,
            message: (self.encode)(batch),
            made: Instant::now(),
        };
        self.shared.put(&event);
        Ok(Some(event))
    }

    /// Takes note that an event is on its way.
    fn send(&mut self, stream: &Stream, shard: &Shard, event: SharedEvent) -> Bytes {
        assert!(event.next >= self.next, "a subscription never goes back");
        (self.next, self.continuation) = (event.next, event.last);
        let now = Instant::now();
        self.told = now;
        self.holding.sent(&event, now);
        let counters = &shard.live(&self.control.storage).counters;
        counters.outgoing_records.add(event.records as u64);
        counters.outgoing_bytes.add(event.bytes as u64);
        if event.ended {
            tracing::debug!(stream = %stream.key.name, shard = %shard.id, "a subscription ends");
            self.ended = true;
            self.holding.forget();
        }
        event.message
    }

    /// An event without records: everything there is was sent.
    fn heartbeat(&mut self, stream: &Stream, shard: &Shard) -> Bytes {
        self.told = Instant::now();
        self.holding.told_nothing();
        let continuation = Some(self.continuation);
        (self.encode)(Batch { stream, shard, records: Vec::new(), millis_behind: 0, continuation })
    }
}
