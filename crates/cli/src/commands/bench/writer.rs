//! Connections that put records, each with its own keys, and what they remember of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use weir_client::kinesis::{
    PutRecordInput, PutRecordsInput, PutRecordsRequestEntry, PutRecordsResultEntry,
};
use weir_client::{Client, ErrorCode};

use super::Bench;
use super::pace::Pace;
use super::payload::Header;
use super::stats::Stats;

/// After so many failed requests in a row a connection gives up: nothing is being measured.
const FAILURES_MAX: u32 = 100;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// This much time has passed.
    Passed(Duration),
    /// This many bytes are written.
    Written(u64),
}

/// What all connections wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) stats: Stats,
    /// By connection, then by key.
    pub(super) keys: Vec<Vec<KeyLedger>>,
}

/// What is known of the records of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyLedger {
    /// Records 0 to this were sent.
    pub(super) sent: u64,
    /// Those that the service refused: they must not be there.
    pub(super) refused: BTreeSet<u64>,
    /// Those of requests that failed half-way: they may be there.
    pub(super) unknown: BTreeSet<u64>,
}

/// Writes until it is time to stop.
pub(super) async fn run(bench: &Bench<'_>, until: Until) -> anyhow::Result<Written> {
    let args = bench.args;
    let batch = if args.op.is_single() { 1 } else { args.batch };
    let start = Instant::now();
    let left = Arc::new(AtomicU64::new(match until {
        Until::Written(bytes) => bytes,
        Until::Passed(_) => u64::MAX,
    }));
    let end = match until {
        Until::Passed(duration) => Some(start + duration),
        Until::Written(_) => None,
    };
    let connections = (0..args.connections.get()).map(|index| {
        let open = |rate| Pace::open(start, rate, batch, index, args.connections);
        Connection {
            client: bench.client.clone(),
            stream: bench.stream.clone(),
            single: args.op.is_single(),
            run: bench.run,
            epoch: bench.epoch,
            index,
            batch,
            record_bytes: usize::try_from(args.size.as_u64()).expect("a size fits in memory"),
            pace: args.rate.map_or(Pace::Closed, open),
            end,
            left: left.clone(),
            next_key: 0,
            spare: BytesMut::new(),
            keys: vec![KeyLedger::default(); args.keys.get() as usize],
            stats: Stats::default(),
        }
        .run()
    });
    let mut written = Written::default();
    for outcome in super::side_by_side(&bench.tasks, connections).await {
        let (stats, keys) = outcome?;
        written.stats.merge(&stats);
        written.keys.push(keys);
    }
    written.stats.elapsed = start.elapsed();
    Ok(written)
}

/// One connection and its keys.
struct Connection {
    client: Client,
    stream: String,
    /// PutRecord instead of PutRecords.
    single: bool,
    run: u64,
    epoch: Instant,
    index: u32,
    batch: u16,
    record_bytes: usize,
    pace: Pace,
    end: Option<Instant>,
    /// Bytes that all connections may still write.
    left: Arc<AtomicU64>,
    next_key: u32,
    keys: Vec<KeyLedger>,
    /// The memory of the last batch.
    spare: BytesMut,
    stats: Stats,
}

impl Connection {
    async fn run(mut self) -> Result<(Stats, Vec<KeyLedger>), weir_client::Error> {
        let mut failures = 0;
        while self.may_go_on() {
            let due = self.pace.next().await;
            let (headers, data) = self.make_batch(due);
            let outcome = self.put(self.entries(&headers, &data)).await;
            self.spare = data.try_into_mut().unwrap_or_default();
            self.stats.latencies.record(due.elapsed());
            self.stats.requests += 1;
            match outcome {
                Ok(results) => {
                    failures = 0;
                    self.settle(&headers, results);
                }
                Err(error) => {
                    failures += 1;
                    self.fail(&headers, &error);
                    if failures == FAILURES_MAX || !error.is_retryable() {
                        return Err(error);
                    }
                }
            }
        }
        Ok((self.stats, self.keys))
    }

    fn may_go_on(&self) -> bool {
        let bytes = u64::from(self.batch) * self.record_bytes as u64;
        let take = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(bytes) };
        let in_time = self.end.is_none_or(|end| Instant::now() < end);
        in_time && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// New records, one behind the other.
    fn make_batch(&mut self, due: Instant) -> (Vec<Header>, Bytes) {
        let count = usize::from(self.batch);
        let mut headers = Vec::with_capacity(count);
        let mut data = std::mem::take(&mut self.spare);
        data.clear();
        data.reserve(count * self.record_bytes);
        for _ in 0..count {
            let key = self.next_key;
            self.next_key = (key + 1) % self.keys.len() as u32;
            let ledger = &mut self.keys[key as usize];
            let header = Header {
                run: self.run,
                connection: self.index,
                key,
                counter: ledger.sent,
                due: due.duration_since(self.epoch),
            };
            ledger.sent += 1;
            header.write(self.record_bytes, &mut data);
            headers.push(header);
        }
        (headers, data.freeze())
    }

    fn entries(&self, headers: &[Header], data: &Bytes) -> Vec<PutRecordsRequestEntry> {
        let slices =
            (0..).step_by(self.record_bytes).map(|at| data.slice(at..at + self.record_bytes));
        let entry = |(header, data): (&Header, Bytes)| PutRecordsRequestEntry {
            data,
            partition_key: Some(header.partition_key()),
            explicit_hash_key: None,
        };
        headers.iter().zip(slices).map(entry).collect()
    }

    async fn put(
        &self,
        records: Vec<PutRecordsRequestEntry>,
    ) -> Result<Vec<PutRecordsResultEntry>, weir_client::Error> {
        let stream_name = Some(self.stream.clone());
        if !self.single {
            let input = PutRecordsInput { records, stream_name, ..PutRecordsInput::default() };
            return Ok(self.client.call(input).await?.records);
        }
        let record = records.into_iter().next().expect("a batch has at least one record");
        let input = PutRecordInput {
            stream_name,
            data: record.data,
            partition_key: record.partition_key,
            ..PutRecordInput::default()
        };
        let output = self.client.call(input).await?;
        Ok(vec![PutRecordsResultEntry {
            sequence_number: Some(output.sequence_number),
            shard_id: Some(output.shard_id),
            ..PutRecordsResultEntry::default()
        }])
    }

    fn settle(&mut self, headers: &[Header], results: Vec<PutRecordsResultEntry>) {
        for (header, result) in headers.iter().zip(results) {
            let Some(code) = result.error_code else {
                self.stats.records += 1;
                self.stats.bytes += self.record_bytes as u64;
                continue;
            };
            self.keys[header.key as usize].refused.insert(header.counter);
            if code == ErrorCode::ProvisionedThroughputExceeded.name() {
                self.stats.throttled += 1;
            } else {
                self.stats.count_error(code);
            }
        }
    }

    fn fail(&mut self, headers: &[Header], error: &weir_client::Error) {
        match error.code() {
            Some(code) => self.stats.count_error(code.name()),
            None => self.stats.count_error(error.to_string()),
        }
        let refused = error.code().is_some_and(|code| code.http_status() < 500);
        for header in headers {
            let ledger = &mut self.keys[header.key as usize];
            let fate = if refused { &mut ledger.refused } else { &mut ledger.unknown };
            fate.insert(header.counter);
        }
    }
}
