//! Subscribers that only count what is pushed to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use runtime::Policy;
use tokio::time::{Instant, sleep};
use weir_client::Encoding;

use super::Bench;
use super::consumers::{Consumers, LOOK_EVERY};
use super::count::Counter;
use super::raw::{Raw, Target};
use super::stats::Stats;
use super::writer::{self, Until};

/// How long the last records may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

/// Writes while every consumer follows every shard. Records, bytes and time are those of what
/// came to all consumers together; requests and latencies are those of the writing.
pub(super) async fn run(bench: &Bench<'_>, until: Until) -> anyhow::Result<Stats> {
    let client = bench.patient_client()?;
    let target = Target::new(client.config())?;
    let consumers = Consumers::register(bench, client, bench.args.subscribers).await?;
    let arrived = Arc::<Arrived>::default();
    for input in consumers.subscriptions() {
        let mut raw = Raw::connect(&target).await?;
        raw.subscribe(&input).await?;
        let counting = count(raw, arrived.clone());
        bench.tasks.spawn("cli.bench.subscription", Policy::Report, counting);
    }
    let start = Instant::now();
    let written = writer::run(bench, until).await?.stats;
    let expected = written.records * consumers.count();
    let deadline = Instant::now() + ARRIVAL_MAX;
    while arrived.records.load(Ordering::Relaxed) < expected && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
    }
    let elapsed = start.elapsed();
    let (records, bytes) =
        (arrived.records.load(Ordering::Relaxed), arrived.bytes.load(Ordering::Relaxed));
    consumers.deregister(bench).await?;
    if records != expected {
        bail!("of {expected} records {records} arrived");
    }
    Ok(Stats { elapsed, records, bytes, ..written })
}

/// What came to all subscribers.
#[derive(Default)]
struct Arrived {
    records: AtomicU64,
    bytes: AtomicU64,
}

/// Counts until the subscription ends, which the run does not wait for.
async fn count(mut raw: Raw, arrived: Arc<Arrived>) {
    let mut counter = Counter::new(Encoding::Json);
    loop {
        let going_on = raw.events(&mut counter).await;
        arrived.records.fetch_add(std::mem::take(&mut counter.records), Ordering::Relaxed);
        arrived.bytes.fetch_add(std::mem::take(&mut counter.bytes), Ordering::Relaxed);
        if !matches!(going_on, Ok(true)) {
            return;
        }
    }
}
