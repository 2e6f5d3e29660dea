//! Reads all the shards of a stream, in order per key.
//!
//! Invariants: a shard is read after all its parents have been read to their ends, so records of
//! a key come in their order across splits and merges. Each shard has at most one call under way
//! and one batch in memory.

mod lineage;
mod reader;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, try_join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use model::Timestamp;
use wire::ErrorCode;
use wire::kinesis::{GetRecordsOutput, ShardFilter, ShardFilterType};

use crate::{Client, Record, Result};
use lineage::Lineage;
use reader::{Reader, Resume};

/// What to read, and from where.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// The stream.
    pub stream: String,
    /// Where to start.
    pub from: Position,
    /// Whether to end when every shard has been read to its newest record, instead of waiting
    /// for more.
    pub until_caught_up: bool,
    /// How long to wait before asking a shard again that had nothing new. The service allows five
    /// reads per second and shard.
    pub poll_interval: Duration,
    /// The most records of one read; at most 10,000.
    pub batch_records_max: u16,
}

impl ConsumerConfig {
    /// Reads all of `stream` from its beginning and waits for more.
    pub fn new(stream: impl Into<String>) -> Self {
        Self {
            stream: stream.into(),
            from: Position::Beginning,
            until_caught_up: false,
            poll_interval: Duration::from_millis(250),
            batch_records_max: 10_000,
        }
    }
}

/// Where in a stream to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the oldest record that is kept.
    Beginning,
    /// After the newest record.
    End,
    /// At the first record that arrived at this moment or later.
    At(Timestamp),
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its shard.
    pub shard_id: Arc<str>,
    /// Its sequence number.
    pub sequence_number: String,
    /// When the service took it.
    pub arrival: Timestamp,
    /// The record. Services do not tell explicit hash keys.
    pub record: Record,
}

/// Reads all the shards of a stream.
///
/// ```no_run
/// use weir_client::{Client, ClientConfig, Consumer, ConsumerConfig};
///
/// # async fn example() -> Result<(), weir_client::Error> {
/// let client = Client::new(ClientConfig::default())?;
/// let config = ConsumerConfig { until_caught_up: true, ..ConsumerConfig::new("events") };
/// let mut consumer = Consumer::open(client, config).await?;
/// while let Some(received) = consumer.next().await? {
///     println!("{} {}", received.shard_id, received.sequence_number);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Consumer {
    client: Client,
    config: Arc<ConsumerConfig>,
    lineage: Lineage,
    reading: FuturesUnordered<BoxFuture<'static, (Reader, Result<GetRecordsOutput>)>>,
    received: VecDeque<Received>,
}

impl Consumer {
    /// Finds the shards. Records put after this returns are read, wherever it starts.
    pub async fn open(client: Client, config: ConsumerConfig) -> Result<Self> {
        let (kind, timestamp) = match config.from {
            Position::Beginning => (ShardFilterType::FromTrimHorizon, None),
            Position::End => (ShardFilterType::AtLatest, None),
            Position::At(time) => (ShardFilterType::FromTimestamp, Some(time)),
        };
        let filter = ShardFilter { kind, timestamp, ..ShardFilter::default() };
        let mut lineage = Lineage::default();
        for shard in client.shards(&config.stream, filter).await? {
            let parents = shard.parent_shard_id.into_iter().chain(shard.adjacent_parent_shard_id);
            lineage.add(shard.shard_id, parents.collect());
        }
        let mut consumer = Self {
            client,
            config: Arc::new(config),
            lineage,
            reading: FuturesUnordered::new(),
            received: VecDeque::new(),
        };
        consumer.start_readers().await?;
        Ok(consumer)
    }

    /// The next record, or `None` when all is read and no more is to be waited for. May be
    /// dropped and called again without losing a record; after an error it goes on where it was.
    pub async fn next(&mut self) -> Result<Option<Received>> {
        loop {
            if let Some(received) = self.received.pop_front() {
                return Ok(Some(received));
            }
            let Some((reader, outcome)) = self.reading.next().await else { return Ok(None) };
            self.take(reader, outcome)?;
        }
    }

    fn take(&mut self, mut reader: Reader, outcome: Result<GetRecordsOutput>) -> Result<()> {
        let output = match outcome {
            Ok(output) => output,
            // The shard is past its retention, or its stream is gone: there is nothing to read.
            Err(error) if error.code() == Some(ErrorCode::ResourceNotFound) => {
                self.finish(&reader.shard_id);
                return Ok(());
            }
            Err(error) => {
                reader.is_idle = true;
                self.read(reader);
                // A service that gives a shard slowly is no reason to stop reading it.
                let throttled = error.code() == Some(ErrorCode::ProvisionedThroughputExceeded);
                return if throttled { Ok(()) } else { Err(error) };
            }
        };
        reader.is_idle = output.records.is_empty();
        if let Some(last) = output.records.last() {
            reader.resume = Resume::After(last.sequence_number.clone());
        }
        let shard_id = &reader.shard_id;
        self.received.extend(output.records.into_iter().map(|record| Received {
            shard_id: shard_id.clone(),
            sequence_number: record.sequence_number,
            arrival: record.approximate_arrival_timestamp.unwrap_or_default(),
            record: Record::new(record.partition_key.unwrap_or_default(), record.data),
        }));
        reader.iterator = output.next_shard_iterator;
        if reader.iterator.is_none() {
            for child in output.child_shards.unwrap_or_default() {
                self.lineage.add(child.shard_id, child.parent_shards);
            }
            self.finish(&reader.shard_id);
        } else if !self.config.until_caught_up || output.millis_behind_latest != Some(0) {
            self.read(reader);
        }
        Ok(())
    }

    /// Starts the children whose turn has come.
    fn finish(&mut self, shard_id: &str) {
        self.lineage.finish(shard_id);
        let resume = match self.config.from {
            // All that a child has came after its parents were read.
            Position::Beginning | Position::End => Resume::Oldest,
            Position::At(time) => Resume::At(time),
        };
        for shard_id in self.lineage.start() {
            self.read(Reader::new(shard_id, resume.clone()));
        }
    }

    async fn start_readers(&mut self) -> Result<()> {
        let resume = match self.config.from {
            Position::Beginning => Resume::Oldest,
            Position::End => Resume::Newest,
            Position::At(time) => Resume::At(time),
        };
        let readers = self.lineage.start().into_iter().map(async |shard_id| {
            let mut reader = Reader::new(shard_id, resume.clone());
            reader.take_position(&self.client, &self.config).await?;
            Ok(reader)
        });
        for reader in try_join_all(readers).await? {
            self.read(reader);
        }
        Ok(())
    }

    fn read(&self, reader: Reader) {
        let (client, config) = (self.client.clone(), self.config.clone());
        self.reading.push(reader.read(client, config).boxed());
    }
}
