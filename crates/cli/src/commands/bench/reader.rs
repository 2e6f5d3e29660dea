//! Reading: every shard again and again for throughput, or as records arrive for their age.

use std::time::Duration;

use anyhow::bail;
use runtime::Policy;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use weir_client::kinesis::{
    GetRecordsInput, GetShardIteratorInput, ShardFilter, ShardFilterType, ShardIteratorType,
};
use weir_client::{Client, Consumer, ConsumerConfig, Position};

use super::Bench;
use super::payload::Header;
use super::stats::{Latencies, Stats};
use super::writer::Written;

/// How long to wait before reading a shard again that had nothing new, when latency matters.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long the last records may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// Reads all open shards from their beginnings to their ends, over and over, with every
/// connection on a shard of its own or sharing one.
pub(super) async fn read_again_and_again(bench: &Bench<'_>) -> anyhow::Result<Stats> {
    let filter = ShardFilter { kind: ShardFilterType::AtLatest, ..ShardFilter::default() };
    let shards = bench.client.shards(&bench.stream, filter).await?;
    if shards.is_empty() {
        bail!("stream {:?} has no open shard", bench.stream);
    }
    let start = Instant::now();
    let end = start + bench.args.duration;
    let connections = (0..bench.args.connections.get() as usize).map(|index| {
        let shard = shards[index % shards.len()].shard_id.clone();
        read_until(bench.client.clone(), bench.stream.clone(), shard, end)
    });
    let mut stats = Stats::default();
    for outcome in super::side_by_side(&bench.tasks, connections).await {
        stats.merge(&outcome?);
    }
    stats.elapsed = start.elapsed();
    Ok(stats)
}

async fn read_until(
    client: Client,
    stream: String,
    shard_id: String,
    end: Instant,
) -> Result<Stats, weir_client::Error> {
    let mut stats = Stats::default();
    let mut iterator = None;
    while Instant::now() < end {
        let Some(shard_iterator) = iterator.take() else {
            let input = GetShardIteratorInput {
                stream_name: Some(stream.clone()),
                shard_id: shard_id.clone(),
                shard_iterator_type: ShardIteratorType::TrimHorizon,
                ..GetShardIteratorInput::default()
            };
            iterator = client.call(input).await?.shard_iterator;
            continue;
        };
        let due = Instant::now();
        let input =
            GetRecordsInput { shard_iterator: shard_iterator.clone(), ..Default::default() };
        let outcome = client.call(input).await;
        stats.latencies.record(due.elapsed());
        stats.requests += 1;
        match outcome {
            Ok(output) => {
                stats.records += output.records.len() as u64;
                stats.bytes += output.records.iter().map(|r| r.data.len() as u64).sum::<u64>();
                // At its end the shard is read from the beginning again.
                iterator = output.next_shard_iterator.filter(|_| !output.records.is_empty());
            }
            Err(error) if error.is_retryable() => {
                stats.count_error(&error);
                iterator = Some(shard_iterator);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(stats)
}

/// Follows a stream and measures how old its records are when they arrive.
pub(super) struct Arrivals {
    /// Takes how many records to wait for, once that is known.
    expected: oneshot::Sender<u64>,
    latencies: oneshot::Receiver<Result<Latencies, weir_client::Error>>,
}

impl Arrivals {
    /// Starts reading what is written from now on.
    pub(super) async fn open(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let config = ConsumerConfig {
            from: Position::End,
            poll_interval: POLL_INTERVAL,
            ..ConsumerConfig::new(&bench.stream)
        };
        let consumer = Consumer::open(bench.patient_client()?, config).await?;
        let (expected, expected_here) = oneshot::channel();
        let (done, latencies) = oneshot::channel();
        let (run, epoch) = (bench.run, bench.epoch);
        bench.tasks.spawn("cli.bench.arrivals", Policy::Report, async move {
            // The receiver is gone only when the whole run was given up.
            let _ = done.send(follow(consumer, run, epoch, expected_here).await);
        });
        Ok(Self { expected, latencies })
    }

    /// Waits for the last of what was written and gives the latencies.
    pub(super) async fn of(self, written: &Written) -> anyhow::Result<Latencies> {
        let records = written.stats.records;
        // A reader that failed says so below.
        let _ = self.expected.send(records);
        let latencies = self.latencies.await.expect("a reader that panics aborts the run")?;
        if latencies.count() < records {
            bail!("of {records} records only {} arrived", latencies.count());
        }
        Ok(latencies)
    }
}

async fn follow(
    mut consumer: Consumer,
    run: u64,
    epoch: Instant,
    mut expected: oneshot::Receiver<u64>,
) -> Result<Latencies, weir_client::Error> {
    let mut latencies = Latencies::default();
    let mut until = None;
    loop {
        let (records, deadline) = until.unwrap_or((u64::MAX, epoch));
        if latencies.count() >= records {
            return Ok(latencies);
        }
        tokio::select! {
            biased;
            records = &mut expected, if until.is_none() => {
                let Ok(records) = records else { return Ok(latencies) };
                until = Some((records, Instant::now() + ARRIVAL_MAX));
            }
            received = consumer.next() => {
                let Some(received) = received? else { return Ok(latencies) };
                let header = Header::read(&received.record.data);
                if let Some(header) = header.filter(|header| header.run == run) {
                    latencies.record(epoch.elapsed().saturating_sub(header.due));
                }
            }
            () = sleep_until(deadline), if until.is_some() => return Ok(latencies),
        }
    }
}
