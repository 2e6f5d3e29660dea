//! Reading: every shard again and again or once for throughput, or as records arrive for their age.

use std::iter;
use std::time::Duration;

use anyhow::bail;
use runtime::Policy;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use weir_client::kinesis::{
    GetShardIteratorInput, ShardFilter, ShardFilterType, ShardIteratorType,
};
use weir_client::{Client, Consumer, ConsumerConfig, Position};

use super::Bench;
use super::payload::Header;
use super::raw::{Raw, Target};
use super::stats::{Latencies, Stats};
use super::writer::Written;

/// How long to wait before reading a shard again that had nothing new, when latency matters.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long the last records may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// Reads all open shards from their beginnings to their ends, over and over, with every
/// connection on a shard of its own or sharing one.
pub(super) async fn read_again_and_again(bench: &Bench<'_>) -> anyhow::Result<Stats> {
    let shards = open_shards(bench).await?;
    let count = bench.args.connections.get() as usize;
    let turns = (0..count).map(|index| shards[index % shards.len()].clone());
    read(bench, turns.map(iter::repeat).collect()).await
}

/// Reads all open shards from their beginnings to their ends, each once, as long as there is time;
/// as many at a time as there are connections.
pub(super) async fn replay(bench: &Bench<'_>) -> anyhow::Result<Stats> {
    let shards = open_shards(bench).await?;
    let count = bench.args.connections.get() as usize;
    let turn = |index| shards.iter().skip(index).step_by(count).cloned().collect::<Vec<_>>();
    read(bench, (0..count).map(|index| turn(index).into_iter()).collect()).await
}

async fn open_shards(bench: &Bench<'_>) -> anyhow::Result<Vec<String>> {
    let filter = ShardFilter { kind: ShardFilterType::AtLatest, ..ShardFilter::default() };
    let shards = bench.client.shards(&bench.stream, filter).await?;
    if shards.is_empty() {
        bail!("stream {:?} has no open shard", bench.stream);
    }
    Ok(shards.into_iter().map(|shard| shard.shard_id).collect())
}

/// Reads shards, those of each of `turns` one after the other on a connection of its own.
async fn read<T>(bench: &Bench<'_>, turns: Vec<T>) -> anyhow::Result<Stats>
where
    T: Iterator<Item = String> + Send + 'static,
{
    let target = Target::new(bench.client.config())?;
    let start = Instant::now();
    let end = start + bench.args.duration;
    let connections = turns.into_iter().map(|shards| {
        read_until(bench.client.clone(), target.clone(), bench.stream.clone(), shards, end)
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
    target: Target,
    stream: String,
    mut shards: impl Iterator<Item = String>,
    end: Instant,
) -> anyhow::Result<Stats> {
    let mut raw = Raw::connect(&target).await?;
    let mut stats = Stats::default();
    let mut iterator = None;
    while Instant::now() < end {
        let Some(shard_iterator) = iterator.take() else {
            let Some(shard_id) = shards.next() else { break };
            let input = GetShardIteratorInput {
                stream_name: Some(stream.clone()),
                shard_id,
                shard_iterator_type: ShardIteratorType::TrimHorizon,
                ..GetShardIteratorInput::default()
            };
            iterator = client.call(input).await?.shard_iterator;
            continue;
        };
        let due = Instant::now();
        let outcome = raw.get_records(shard_iterator.clone()).await?;
        stats.latencies.record(due.elapsed());
        stats.requests += 1;
        match outcome {
            Ok(counted) => {
                stats.records += counted.records;
                stats.bytes += counted.bytes;
                iterator = counted.next.filter(|_| counted.records > 0);
            }
            Err(error) if error.code.is_retryable() => {
                stats.count_error(error.code.name());
                iterator = Some(shard_iterator);
            }
            Err(error) => return Err(error.into()),
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
