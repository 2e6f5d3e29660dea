//! Puts records in batches: one PutRecords call is under way at a time, and whatever arrives
//! meanwhile makes the next batch, so that a busy producer sends full batches and an idle one
//! waits for nothing.
//!
//! Order: records of a key are sent in the order of `put`, and a refused entry is sent again
//! before anything newer. Within one call the service may refuse an entry and take a later one
//! of the same key; then those two change places.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use runtime::Policy;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use wire::kinesis::{
    PutRecordsInput, PutRecordsOutput, PutRecordsRequestEntry, PutRecordsResultEntry,
};
use wire::{ApiError, ErrorCode};

use crate::{Client, Error, Result};

/// AWS's limit.
const BATCH_RECORDS_MAX: usize = 500;
/// Half of AWS's limit: larger calls gain nothing and hold their connection for longer.
const BATCH_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Records that may wait to be sent; a further `put` waits.
const QUEUE_RECORDS_MAX: usize = 4 * BATCH_RECORDS_MAX;
/// Bytes that may wait to be sent or answered; a further `put` waits.
const QUEUE_BYTES_MAX: usize = 4 * BATCH_BYTES_MAX;

/// How often in a row an entry may be throttled while nothing else of its call is taken either.
/// With the longest back-off that is more than a minute.
const THROTTLES_MAX: u32 = 20;

/// A record to put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Decides the shard, unless there is an explicit hash key; records of a key keep their order.
    pub partition_key: String,
    /// A hash key in decimal that decides the shard.
    pub explicit_hash_key: Option<String>,
    /// The payload.
    pub data: Bytes,
}

impl Record {
    /// A record without an explicit hash key.
    pub fn new(partition_key: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self { partition_key: partition_key.into(), explicit_hash_key: None, data: data.into() }
    }

    /// What it counts towards the service's limits.
    fn bytes(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}

/// Where a record was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its shard.
    pub shard_id: String,
    /// Its sequence number.
    pub sequence_number: String,
}

/// Resolves when the record it was given for is durable, or refused for good.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Result<Written>>);

impl Future for Ticket {
    type Output = Result<Written>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(Error::Stopped)))
    }
}

/// Puts records into one stream. Clones share the batches. What was put is sent even when the
/// last clone is gone.
///
/// ```no_run
/// use weir_client::{Client, ClientConfig, Producer, Record};
///
/// # async fn example() -> Result<(), weir_client::Error> {
/// let producer = Producer::start(Client::new(ClientConfig::default())?, "events");
/// let first = producer.put(Record::new("user-1", "in")).await?;
/// let second = producer.put(Record::new("user-1", "out")).await?;
/// assert!(first.await?.sequence_number < second.await?.sequence_number);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Producer {
    queue: mpsc::Sender<Pending>,
    room: Arc<Semaphore>,
}

impl Producer {
    /// Starts the task that sends the batches.
    pub fn start(client: Client, stream: impl Into<String>) -> Self {
        let (queue, incoming) = mpsc::channel(QUEUE_RECORDS_MAX);
        let tasks = client.world().tasks.clone();
        let batcher = Batcher { client, stream: stream.into(), incoming, waiting: VecDeque::new() };
        tasks.spawn("client.producer.batcher", Policy::Report, batcher.run());
        Self { queue, room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)) }
    }

    /// Hands a record over, waiting while too much is under way. The ticket tells what became of
    /// it.
    pub async fn put(&self, record: Record) -> Result<Ticket> {
        let bytes = u32::try_from(record.bytes().min(QUEUE_BYTES_MAX)).expect("it is 20 MiB");
        let room = self.room.clone().acquire_many_owned(bytes).await;
        let room = room.expect("the semaphore is never closed");
        let (answer, ticket) = oneshot::channel();
        let pending = Pending { record, answer, failures: 0, _room: room };
        self.queue.send(pending).await.map_err(|_| Error::Stopped)?;
        Ok(Ticket(ticket))
    }
}

struct Pending {
    record: Record,
    answer: oneshot::Sender<Result<Written>>,
    failures: u32,
    _room: OwnedSemaphorePermit,
}

impl Pending {
    fn settle(self, outcome: Result<Written>) {
        // Whoever dropped the ticket does not want to know.
        let _ = self.answer.send(outcome);
    }
}

struct Batcher {
    client: Client,
    stream: String,
    incoming: mpsc::Receiver<Pending>,
    /// What is sent next, oldest first.
    waiting: VecDeque<Pending>,
}

impl Batcher {
    async fn run(mut self) {
        let mut failures = 0;
        while self.gather().await {
            let batch = take_batch(&mut self.waiting);
            let sent = batch.len();
            let refused = self.send(batch).await;
            if refused.is_empty() {
                failures = 0;
                continue;
            }
            // While some are taken the service only sets the pace: no need to wait ever longer.
            failures = if refused.len() < sent { 1 } else { failures + 1 };
            for pending in refused.into_iter().rev() {
                self.waiting.push_front(pending);
            }
            self.client.pause(failures).await;
        }
    }

    /// Waits for something to send, then takes what else is there. False when all is done.
    async fn gather(&mut self) -> bool {
        if self.waiting.is_empty() {
            match self.incoming.recv().await {
                Some(pending) => self.waiting.push_back(pending),
                None => return false,
            }
        }
        while self.waiting.len() < BATCH_RECORDS_MAX {
            let Ok(pending) = self.incoming.try_recv() else { break };
            self.waiting.push_back(pending);
        }
        true
    }

    /// Sends a batch and answers its tickets; gives back the entries to send again.
    async fn send(&self, batch: Vec<Pending>) -> Vec<Pending> {
        let mut refused = Vec::new();
        let mut batches = vec![batch];
        while let Some(mut batch) = batches.pop() {
            match self.client.call(self.input(&batch)).await {
                Ok(output) => refused.extend(self.settle(batch, output)),
                // One bad record fails the whole call: halve it until only that one fails.
                Err(error) if is_malformed(&error) && batch.len() > 1 => {
                    batches.push(batch.split_off(batch.len() / 2));
                    batches.push(batch);
                }
                Err(error) => {
                    batch.into_iter().for_each(|pending| pending.settle(Err(error.clone())));
                }
            }
        }
        refused
    }

    fn input(&self, batch: &[Pending]) -> PutRecordsInput {
        let entry = |pending: &Pending| PutRecordsRequestEntry {
            data: pending.record.data.clone(),
            explicit_hash_key: pending.record.explicit_hash_key.clone(),
            partition_key: Some(pending.record.partition_key.clone()),
        };
        PutRecordsInput {
            records: batch.iter().map(entry).collect(),
            stream_name: Some(self.stream.clone()),
            ..PutRecordsInput::default()
        }
    }

    /// Answers the tickets of the entries that were taken or refused for good.
    fn settle(&self, batch: Vec<Pending>, output: PutRecordsOutput) -> Vec<Pending> {
        let some_were_taken = output.records.iter().any(|entry| entry.error_code.is_none());
        let mut results = output.records.into_iter();
        let mut refused = Vec::new();
        for mut pending in batch {
            let error = match outcome(results.next()) {
                Ok(written) => {
                    pending.settle(Ok(written));
                    continue;
                }
                Err(error) => error,
            };
            // An entry that is throttled while others are taken only waits for its turn.
            let throttled = error.code() == Some(ErrorCode::ProvisionedThroughputExceeded);
            let attempts_max =
                if throttled { THROTTLES_MAX } else { self.client.config().attempts_max };
            pending.failures = if throttled && some_were_taken { 0 } else { pending.failures + 1 };
            if error.is_retryable() && pending.failures < attempts_max {
                refused.push(pending);
            } else {
                pending.settle(Err(error));
            }
        }
        refused
    }
}

/// As many of the oldest records as fit one call, at least one.
fn take_batch(waiting: &mut VecDeque<Pending>) -> Vec<Pending> {
    let mut batch = Vec::with_capacity(waiting.len().min(BATCH_RECORDS_MAX));
    let mut bytes = 0;
    while let Some(pending) = waiting.front() {
        bytes += pending.record.bytes();
        let full = batch.len() == BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX;
        if full && !batch.is_empty() {
            break;
        }
        batch.extend(waiting.pop_front());
    }
    batch
}

fn is_malformed(error: &Error) -> bool {
    matches!(error.code(), Some(ErrorCode::Validation | ErrorCode::InvalidArgument))
}

fn outcome(entry: Option<PutRecordsResultEntry>) -> Result<Written> {
    const OPERATION: &str = "PutRecords";
    let malformed = |reason: &str| Error::Answer { operation: OPERATION, reason: reason.into() };
    let entry = entry.ok_or_else(|| malformed("it has fewer results than records were sent"))?;
    if let (Some(shard_id), Some(sequence_number)) = (entry.shard_id, entry.sequence_number) {
        return Ok(Written { shard_id, sequence_number });
    }
    let name =
        entry.error_code.ok_or_else(|| malformed("a result is neither taken nor refused"))?;
    let code = ErrorCode::from_name(&name).unwrap_or(ErrorCode::Unrecognized);
    let error = ApiError { code, message: entry.error_message.or(Some(name)) };
    Err(Error::Service { operation: OPERATION, error, request_id: None })
}
