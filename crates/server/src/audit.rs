//! Who asked for what, and what was answered: a chain of records in a stream of the node's own.
//!
//! Invariants:
//! - A call that is audited begins only when it has a place in the queue, and its record is
//!   written whatever becomes of its client: there is no call without a record but for a crash
//!   in between, and the caller of such a one got no answer.
//! - It is answered when its record is durable.
//! - Each record holds its place in the chain and the digest of the one before it. The place is
//!   that in the stream, so it goes on when older ones are gone.

mod record;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{AccountId, Timestamp};
use parking_lot::Mutex;
use runtime::{Clock, Entropy, Policy, Tasks};
use streams::{Newest, Streams, SystemStream};
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use wire::{ApiError, Class, ErrorCode};

use crate::{Result, config, metrics};

pub(crate) use record::{Asked, Call, Refused};
use record::{Event, Link};

/// Calls under way or waiting for their records to be written; further ones wait to begin.
const QUEUE_MAX: usize = 1024;
/// Records written at once.
const BATCH_MAX: usize = 256;
/// How long a call may wait for a place, and then for its record.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after a failed write to try again.
const RETRY: Duration = Duration::from_millis(500);
/// Records per second about callers that nobody knows: whoever reaches the port can cause them.
/// The next one tells how many were left out.
const STRANGERS_PER_SECOND: u64 = 50;

const STREAM: SystemStream = SystemStream::Audit;

/// Writes the audit stream.
pub(crate) struct Audit {
    data_plane: bool,
    queue: mpsc::Sender<Pending>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    strangers: Mutex<Strangers>,
    metrics: metrics::Audit,
}

struct Pending {
    event: Box<Event>,
    written: oneshot::Sender<()>,
}

/// A record that will be written, at the latest when this is dropped.
pub(crate) struct Owed {
    event: Option<Box<Event>>,
    place: Option<OwnedPermit<Pending>>,
}

/// The refusal of a call whose record cannot be written.
fn unwritten() -> ApiError {
    ApiError::new(ErrorCode::ServiceUnavailable, "The audit record of this call cannot be written.")
}

impl Audit {
    /// Finds the end of the chain and starts the task that goes on with it.
    pub(crate) async fn start(
        config: &config::Audit,
        account: AccountId,
        streams: Streams,
        (clock, entropy, tasks): (Arc<dyn Clock>, Arc<dyn Entropy>, &Tasks),
        metrics: &metrics::Audit,
    ) -> Result<Self> {
        streams.keep_system_stream(STREAM, config.retention_hours(), account).await?;
        let link = Link::after(streams.newest(STREAM).await?);
        let (queue, pending) = mpsc::channel(QUEUE_MAX);
        let writer = Writer { streams, link, metrics: metrics.clone() };
        let stopping = tasks.stopping();
        tasks.spawn("server.audit", Policy::StopNode, async move {
            tokio::select! {
                biased;
                () = stopping.cancelled() => {}
                () = writer.run(pending) => {}
            }
        });
        let (strangers, metrics) = (Mutex::default(), metrics.clone());
        Ok(Self { data_plane: config.data_plane, queue, clock, entropy, strangers, metrics })
    }

    /// Makes room for the record of a call, which may then begin. `None`: it gets no record.
    pub(crate) async fn begin(
        &self,
        asked: Asked<'_>,
    ) -> std::result::Result<Option<Owed>, ApiError> {
        if !self.covers(asked.call.class()) {
            return Ok(None);
        }
        let mut omitted = 0;
        if asked.caller.is_none() {
            match self.strangers.lock().admit(self.clock.now()) {
                Some(before) => omitted = before,
                None => {
                    self.metrics.omitted.inc();
                    return Ok(None);
                }
            }
        }
        let place = timeout(PATIENCE, self.queue.clone().reserve_owned()).await;
        let place = place.ok().and_then(|place| place.ok()).ok_or_else(unwritten)?;
        let mut id = [0; 16];
        self.entropy.fill(&mut id);
        let event = asked.into_event(self.clock.now(), u128::from_be_bytes(id), omitted);
        Ok(Some(Owed { event: Some(Box::new(event)), place: Some(place) }))
    }

    fn covers(&self, class: Class) -> bool {
        self.data_plane || class == Class::Control
    }
}

impl Owed {
    /// Writes the record and waits until it is durable.
    pub(crate) async fn settle(
        mut self,
        refusal: Option<&impl Refused>,
    ) -> std::result::Result<(), ApiError> {
        let (Some(mut event), Some(place)) = (self.event.take(), self.place.take()) else {
            return Ok(());
        };
        event.answer(refusal);
        let (written, waiting) = oneshot::channel();
        place.send(Pending { event, written });
        match timeout(PATIENCE, waiting).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(unwritten()),
        }
    }
}

impl Drop for Owed {
    /// The client left, or the call's handling panicked: what was done is done all the same.
    fn drop(&mut self) {
        if let (Some(event), Some(place)) = (self.event.take(), self.place.take()) {
            let (written, _) = oneshot::channel();
            place.send(Pending { event, written });
        }
    }
}

/// Bounds the records about callers that nobody knows.
#[derive(Default)]
struct Strangers {
    second: u64,
    admitted: u64,
    omitted: u64,
}

impl Strangers {
    /// Whether one more is written now, and how many were not since the last one.
    fn admit(&mut self, now: Timestamp) -> Option<u64> {
        let second = now.as_millis() / 1000;
        if self.second != second {
            (self.second, self.admitted) = (second, 0);
        }
        if self.admitted >= STRANGERS_PER_SECOND {
            self.omitted += 1;
            return None;
        }
        self.admitted += 1;
        Some(std::mem::take(&mut self.omitted))
    }
}

/// The task that writes: it alone goes on with the chain.
struct Writer {
    streams: Streams,
    link: Link,
    metrics: metrics::Audit,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let mut records = Vec::with_capacity(batch.len());
            let first = self.link.place();
            for pending in &batch {
                records.push(self.link.add(&pending.event));
            }
            self.write(first, &records).await;
            for Pending { written, .. } in batch.drain(..) {
                // The call may have given up waiting.
                let _ = written.send(());
            }
            self.metrics.written.inc_by(records.len() as u64);
        }
    }

    /// Writes records whose first one belongs at the place `first`, however often that fails.
    async fn write(&self, first: u64, records: &[Bytes]) {
        let mut left = records;
        while let Err(error) = self.streams.append(STREAM, left).await {
            self.metrics.failed.inc();
            tracing::error!(%error, "audit records wait to be written");
            // A write of unknown outcome may have come true, and then must not be repeated.
            let done = loop {
                sleep(RETRY).await;
                if let Ok(Newest { next, .. }) = self.streams.newest(STREAM).await {
                    break usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
                }
            };
            left = records.get(done..).unwrap_or_default();
            if left.is_empty() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use runtime::{Meters, SystemEntropy};
    use wire::{Caller, Encoding, Operation};

    use super::*;
    use crate::metrics::Metrics;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(1_800_000_000)
        }
    }

    /// An audit with room for so many records, and what nobody writes of it yet.
    fn audit(room: usize) -> (Audit, mpsc::Receiver<Pending>) {
        let (queue, pending) = mpsc::channel(room);
        let audit = Audit {
            data_plane: false,
            queue,
            clock: Arc::new(Noon),
            entropy: Arc::new(SystemEntropy),
            strangers: Mutex::default(),
            metrics: Metrics::new(&Meters::default()).audit,
        };
        (audit, pending)
    }

    async fn begin(audit: &Audit, operation: Operation) -> Result<Option<Owed>, ApiError> {
        let caller = Caller::root("000000000000", "us-east-1");
        let body = Bytes::from_static(b"{}");
        let asked = Asked {
            call: Call::Operation(operation, Encoding::Json, &body),
            caller: Some(&caller),
            claimed_key: String::new(),
            source_ip: [127, 0, 0, 1].into(),
            user_agent: "",
            request_id: "",
        };
        audit.begin(asked).await
    }

    type Result<T, E> = std::result::Result<T, E>;

    #[tokio::test(start_paused = true)]
    async fn no_call_begins_without_a_place_for_its_record() {
        let (audit, mut pending) = audit(1);
        let first = begin(&audit, Operation::DeleteStream).await.unwrap().unwrap();
        // Nobody writes: the second is told so, and would not have been carried out.
        let refused = begin(&audit, Operation::DeleteStream).await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::ServiceUnavailable);
        assert!(begin(&audit, Operation::PutRecord).await.unwrap().is_none(), "it is no concern");
        // The client of the first leaves: its record waits to be written all the same.
        drop(first);
        assert!(pending.recv().await.is_some());
        assert!(begin(&audit, Operation::DeleteStream).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_record_is_not_written_is_not_answered_as_done() {
        let (audit, mut pending) = audit(2);
        let owed = begin(&audit, Operation::DeleteStream).await.unwrap().unwrap();
        let unwritten = owed.settle(None::<&ApiError>).await.unwrap_err();
        assert_eq!(unwritten.code, ErrorCode::ServiceUnavailable);
        assert!(pending.recv().await.is_some(), "its record is given up");

        let owed = begin(&audit, Operation::DeleteStream).await.unwrap().unwrap();
        let writes = async {
            let Pending { written, .. } = pending.recv().await.unwrap();
            written.send(()).unwrap();
        };
        let (settled, ()) = tokio::join!(owed.settle(None::<&ApiError>), writes);
        settled.unwrap();
    }

    #[test]
    fn records_about_strangers_are_bounded_and_those_left_out_are_told() {
        let mut strangers = Strangers::default();
        let (first, next) = (Timestamp::from_seconds(10), Timestamp::from_seconds(11));
        for _ in 0..STRANGERS_PER_SECOND {
            assert_eq!(strangers.admit(first), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(strangers.admit(first), None);
        }
        assert_eq!(strangers.admit(next), Some(7));
        assert_eq!(strangers.admit(next), Some(0));
    }
}
