//! Subscribers that measure how old records are when they are pushed to them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use runtime::Policy;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};
use weir_client::kinesis::{ShardIteratorType, StartingPosition, SubscribeToShardInput};
use weir_client::{Client, Subscription};

use super::Bench;
use super::consumers::{Consumers, LOOK_EVERY};
use super::payload::Header;
use super::stats::Latencies;
use super::writer::Written;

/// How long the last records may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

type Outcome = Result<Latencies, weir_client::Error>;

/// Consumers of the whole stream, each with a subscription to every shard.
pub(super) struct Subscribers {
    client: Client,
    consumers: Consumers,
    stop: watch::Sender<bool>,
    arrived: Arc<AtomicU64>,
    latencies: Vec<oneshot::Receiver<Outcome>>,
}

impl Subscribers {
    /// Registers the consumers and subscribes to what is written from now on.
    pub(super) async fn open(bench: &Bench<'_>, count: NonZeroU32) -> anyhow::Result<Self> {
        let client = bench.patient_client()?;
        let consumers = Consumers::register(bench, client.clone(), count).await?;
        let (stop, stopped) = watch::channel(false);
        let mut this =
            Self { client, consumers, stop, arrived: Arc::default(), latencies: Vec::new() };
        for input in this.consumers.subscriptions() {
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
        Ok(this)
    }

    /// Waits until everything that was written has come to every consumer; the latencies of all.
    pub(super) async fn of(
        self,
        bench: &Bench<'_>,
        written: &Written,
    ) -> anyhow::Result<Latencies> {
        let expected = written.stats.records * self.consumers.count();
        let deadline = Instant::now() + ARRIVAL_MAX;
        while self.arrived.load(Ordering::Relaxed) < expected && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
        self.stop.send_replace(true);
        let mut all = Latencies::default();
        for latencies in self.latencies {
            all.merge(&latencies.await.expect("a subscriber that panics aborts the run")?);
        }
        self.consumers.deregister(bench).await?;
        if all.count() < expected {
            bail!("of {expected} records only {} arrived", all.count());
        }
        Ok(all)
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
