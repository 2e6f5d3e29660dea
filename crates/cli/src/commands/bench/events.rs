//! Subscribers that measure how old records are when they are pushed to them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use futures_util::future::try_join_all;
use runtime::Policy;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};
use weir_client::kinesis::{
    ConsumerStatus, DeregisterStreamConsumerInput, DescribeStreamConsumerInput,
    DescribeStreamSummaryInput, RegisterStreamConsumerInput, ShardFilter, ShardFilterType,
    ShardIteratorType, StartingPosition, SubscribeToShardInput,
};
use weir_client::{Client, Subscription};

use super::Bench;
use super::payload::Header;
use super::stats::Latencies;
use super::writer::Written;

/// How often to ask whether a consumer is ready, and whether everything has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the last records may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

type Outcome = Result<Latencies, weir_client::Error>;

/// Consumers of the whole stream, each with a subscription to every shard.
pub(super) struct Subscribers {
    client: Client,
    consumers: Vec<String>,
    stop: watch::Sender<bool>,
    arrived: Arc<AtomicU64>,
    latencies: Vec<oneshot::Receiver<Outcome>>,
}

impl Subscribers {
    /// Registers the consumers and subscribes to what is written from now on.
    pub(super) async fn open(bench: &Bench<'_>, count: NonZeroU32) -> anyhow::Result<Self> {
        let client = bench.patient_client()?;
        let stream_name = Some(bench.stream.clone());
        let summary = DescribeStreamSummaryInput { stream_name, ..Default::default() };
        let stream = client.call(summary).await?.stream_description_summary.stream_arn;
        let names = (0..count.get()).map(|n| format!("bench-{:x}-{n}", bench.run));
        let consumers =
            try_join_all(names.map(|name| register(client.clone(), stream.clone(), name))).await?;
        let filter = ShardFilter { kind: ShardFilterType::AtLatest, ..ShardFilter::default() };
        let shards = client.shards(&bench.stream, filter).await?;
        let (stop, stopped) = watch::channel(false);
        let mut this =
            Self { client, consumers, stop, arrived: Arc::default(), latencies: Vec::new() };
        for consumer in &this.consumers {
            for shard in &shards {
                let input = SubscribeToShardInput {
                    consumer_arn: consumer.clone(),
                    shard_id: shard.shard_id.clone(),
                    starting_position: StartingPosition {
                        kind: ShardIteratorType::Latest,
                        ..StartingPosition::default()
                    },
                    ..SubscribeToShardInput::default()
                };
                let subscription = this.client.subscribe(input.clone()).await?;
                let (done, latencies) = oneshot::channel();
                let follower = Follower {
                    client: this.client.clone(),
                    subscription,
                    input,
                    run: bench.run,
                    epoch: bench.epoch,
                    arrived: this.arrived.clone(),
                    stopped: stopped.clone(),
                };
                bench.tasks.spawn("cli.bench.subscription", Policy::Report, async move {
                    // The receiver is gone only when the whole run was given up.
                    let _ = done.send(follower.follow().await);
                });
                this.latencies.push(latencies);
            }
        }
        Ok(this)
    }

    /// Waits until everything that was written has come to every consumer; the latencies of all.
    pub(super) async fn of(
        self,
        bench: &Bench<'_>,
        written: &Written,
    ) -> anyhow::Result<Latencies> {
        let expected = written.stats.records * self.consumers.len() as u64;
        let deadline = Instant::now() + ARRIVAL_MAX;
        while self.arrived.load(Ordering::Relaxed) < expected && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
        self.stop.send_replace(true);
        let mut all = Latencies::default();
        for latencies in self.latencies {
            all.merge(&latencies.await.expect("a subscriber that panics aborts the run")?);
        }
        if bench.args.stream.is_some() {
            for consumer in self.consumers {
                let consumer_arn = Some(consumer);
                let input = DeregisterStreamConsumerInput { consumer_arn, ..Default::default() };
                self.client.call(input).await?;
            }
        }
        if all.count() < expected {
            bail!("of {expected} records only {} arrived", all.count());
        }
        Ok(all)
    }
}

/// Registers a consumer and waits until it may subscribe.
async fn register(
    client: Client,
    stream_arn: String,
    consumer_name: String,
) -> Result<String, weir_client::Error> {
    let input = RegisterStreamConsumerInput { stream_arn, consumer_name, ..Default::default() };
    let arn = client.call(input).await?.consumer.consumer_arn;
    loop {
        let consumer_arn = Some(arn.clone());
        let input = DescribeStreamConsumerInput { consumer_arn, ..Default::default() };
        let described = client.call(input).await?.consumer_description;
        if described.consumer_status == ConsumerStatus::Active {
            return Ok(arn);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// One consumer on one shard.
struct Follower {
    client: Client,
    subscription: Subscription,
    /// How to subscribe again where the subscription ended.
    input: SubscribeToShardInput,
    run: u64,
    epoch: Instant,
    arrived: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
}

impl Follower {
    async fn follow(mut self) -> Outcome {
        let mut latencies = Latencies::default();
        loop {
            let event = tokio::select! {
                biased;
                event = self.subscription.next() => event?,
                _ = self.stopped.wait_for(|stopped| *stopped) => return Ok(latencies),
            };
            let Some(event) = event else {
                self.subscription = self.client.subscribe(self.input.clone()).await?;
                continue;
            };
            let age = self.epoch.elapsed();
            for record in &event.records {
                let header = Header::read(&record.data);
                if let Some(header) = header.filter(|header| header.run == self.run) {
                    latencies.record(age.saturating_sub(header.due));
                    self.arrived.fetch_add(1, Ordering::Relaxed);
                }
            }
            let Some(number) = event.continuation_sequence_number else { return Ok(latencies) };
            self.input.starting_position = StartingPosition {
                kind: ShardIteratorType::AfterSequenceNumber,
                sequence_number: Some(number),
                timestamp: None,
            };
        }
    }
}
