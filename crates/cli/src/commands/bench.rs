//! `weir bench`: a load tester of the public API.
//!
//! Closed loop: every connection sends its next request when the last is answered. Open loop
//! (`--rate`): requests have a timetable, and latency counts from the time a request was due, so
//! a server that stalls is charged for everything that had to wait (no coordinated omission).

mod consumers;
mod count;
mod disk;
mod events;
mod fanout;
mod floor;
mod pace;
mod payload;
mod raw;
mod reader;
mod report;
mod stats;
mod verify;
mod writer;

use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use runtime::{Entropy, Policy, SystemEntropy, Tasks};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;
use tokio::time::Instant;
use weir_client::kinesis::{CreateStreamInput, DeleteStreamInput};
use weir_client::{Client, ClientConfig};

use crate::commands::streams::{wait_until_active, wait_until_gone};
use crate::environment::ConnectionArgs;
use crate::exit::{Exit, Usage};
use crate::output;
use events::Subscribers;
use reader::Arrivals;
use report::Report;
use stats::Stats;
use writer::Until;

/// Arguments of `weir bench`.
#[derive(Args)]
#[command(after_help = "\
Works on a stream of its own, which it creates and deletes, unless --stream names one.
Exits with 3 when --verify finds a record missing, doubled, out of order or changed.

Examples:
  weir bench
  weir bench --op put-record --connections 64 --size 100B
  weir bench --op put-to-get --rate 2000 --batch 1 --duration 30s
  weir bench --op put-to-event --rate 1000 --batch 1 --shards 1 --subscribers 20
  weir bench --op get-records --connections 4 --encoding json
  weir bench --op replay --stream orders --connections 1
  weir bench --op fan-out --rate 65536 --shards 1 --subscribers 16
  weir bench --verify --duration 30s --encoding json
  weir bench --verify --hold --stream orders
  weir bench --op put-record-floor --connections 8 --data-dir weir-data
  weir bench --op disk-sync --data-dir weir-data")]
pub(crate) struct BenchArgs {
    /// What to measure
    #[arg(long, value_enum, default_value_t)]
    op: Op,
    /// How many connections send requests
    #[arg(long, default_value_t = const { NonZeroU32::new(8).expect("8 is not 0") }, value_name = "N")]
    connections: NonZeroU32,
    /// Open loop: how many records a second are due, over all connections
    #[arg(long, value_name = "RECORDS")]
    rate: Option<NonZeroU32>,
    /// Records in a PutRecords request
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    batch: u16,
    /// Bytes in a record
    #[arg(long, default_value = "1KiB", value_name = "SIZE")]
    size: ByteSize,
    /// How long to send requests
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
    duration: Duration,
    /// Shards of the stream that is created
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    shards: i32,
    /// Partition keys that each connection uses
    #[arg(long, default_value_t = const { NonZeroU32::new(64).expect("64 is not 0") }, value_name = "N")]
    keys: NonZeroU32,
    /// For `get-records`: how much to put before reading starts
    #[arg(long, default_value = "128MiB", value_name = "SIZE")]
    fill: ByteSize,
    /// For `put-to-event` and `fan-out`: how many consumers subscribe to every shard
    #[arg(long, default_value_t = const { NonZeroU32::new(1).expect("1 is not 0") }, value_name = "N")]
    subscribers: NonZeroU32,
    /// Use this stream, which must exist, and keep it; empty unless it is for `replay`
    #[arg(long, required_if_eq("op", "replay"))]
    stream: Option<String>,
    /// After writing, read everything back and check every record
    #[arg(long)]
    verify: bool,
    /// Report, then wait for Enter before reading back, so that the service can be crashed meanwhile
    #[arg(long, requires = "verify")]
    hold: bool,
    /// For `disk-sync` and `put-record-floor`: the directory to write in
    #[arg(long, value_name = "DIR", required_if_eq_any([("op", "disk-sync"), ("op", "put-record-floor")]))]
    data_dir: Option<PathBuf>,
    /// Print the report as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What `weir bench` measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Op {
    /// PutRecords requests
    #[default]
    PutRecords,
    /// PutRecord requests
    PutRecord,
    /// GetRecords requests, reading every shard from its beginning again and again; the answers
    /// are counted, not decoded
    GetRecords,
    /// The same, but every shard of a stream that is there, once
    Replay,
    /// The time from when a PutRecords request is due until its records have been read
    PutToGet,
    /// The same until they have come to every enhanced fan-out consumer
    PutToEvent,
    /// PutRecord requests beside what they cannot be faster than: the disk's own writes for as
    /// many writers, and GET /health over as many connections, in turn
    PutRecordFloor,
    /// What comes to all enhanced fan-out consumers while PutRecords requests are sent; the events
    /// are counted, not decoded
    FanOut,
    /// Nothing of a node: how long the disk takes to make 4 KiB durable
    DiskSync,
}

impl Op {
    /// Whether records are put one by one.
    fn is_single(self) -> bool {
        matches!(self, Self::PutRecord | Self::PutRecordFloor)
    }

    fn name(self) -> String {
        ValueEnum::to_possible_value(&self).expect("no value is skipped").get_name().to_owned()
    }
}

pub(crate) async fn run(args: BenchArgs) -> anyhow::Result<Exit> {
    if args.size.as_u64() < payload::BYTES_MIN as u64 {
        let reason = format!("--size must be at least {} bytes", payload::BYTES_MIN);
        return Err(Usage(reason).into());
    }
    let tasks = Tasks::default();
    let report = match args.op {
        Op::DiskSync => disk::run(&args, &tasks).await?,
        _ => bench_node(&args, &tasks).await?,
    };
    print(&report, &args)?;
    Ok(if report.is_as_expected() { Exit::Done } else { Exit::Damaged })
}

fn print(report: &Report, args: &BenchArgs) -> io::Result<()> {
    if args.json { output::json(report) } else { output::line(report) }
}

/// Until Enter, or the end of the input.
async fn hold() -> io::Result<()> {
    output::note("Enter reads back what was written");
    let mut input = BufReader::new(tokio::io::stdin());
    input.read_line(&mut String::new()).await?;
    Ok(())
}

async fn bench_node(args: &BenchArgs, tasks: &Tasks) -> anyhow::Result<Report> {
    let bench = Bench::new(args, tasks.clone())?;
    if args.stream.is_none() {
        bench.create_stream().await?;
    }
    let measured = bench.measure().await;
    if args.stream.is_none() {
        let deleted = bench.delete_stream().await;
        deleted.with_context(|| format!("stream {:?} is left behind", bench.stream))?;
    }
    measured
}

/// A run against a node.
struct Bench<'a> {
    args: &'a BenchArgs,
    tasks: Tasks,
    client: Client,
    stream: String,
    /// Tells the records of this run from any others.
    run: u64,
    /// What the times in the records count from.
    epoch: Instant,
}

impl<'a> Bench<'a> {
    fn new(args: &'a BenchArgs, tasks: Tasks) -> anyhow::Result<Self> {
        let config = ClientConfig {
            // What fails is counted, not hidden by another try.
            attempts_max: 1,
            connections_max: usize::MAX,
            ..args.connection.client_config()?
        };
        let run = SystemEntropy.number();
        let stream = args.stream.clone().unwrap_or_else(|| format!("weir-bench-{run:016x}"));
        Ok(Self { args, tasks, client: Client::new(config)?, stream, run, epoch: Instant::now() })
    }

    /// A client for reading back: unlike what is measured, that is tried again.
    fn patient_client(&self) -> anyhow::Result<Client> {
        let config = ClientConfig { attempts_max: 10, ..self.client.config().clone() };
        Ok(Client::new(config)?)
    }

    async fn create_stream(&self) -> anyhow::Result<()> {
        let input = CreateStreamInput {
            stream_name: self.stream.clone(),
            shard_count: Some(self.args.shards),
            ..CreateStreamInput::default()
        };
        self.client.call(input).await?;
        wait_until_active(&self.client, &self.stream).await
    }

    async fn delete_stream(&self) -> anyhow::Result<()> {
        let stream_name = Some(self.stream.clone());
        let enforce_consumer_deletion = Some(true);
        let input = DeleteStreamInput {
            stream_name,
            enforce_consumer_deletion,
            ..DeleteStreamInput::default()
        };
        self.client.call(input).await?;
        wait_until_gone(&self.client, &self.stream).await
    }

    async fn measure(&self) -> anyhow::Result<Report> {
        let duration = Until::Passed(self.args.duration);
        match self.args.op {
            Op::GetRecords => {
                writer::run(self, Until::Written(self.args.fill.as_u64())).await?;
                Ok(Report::new(self.args, reader::read_again_and_again(self).await?))
            }
            Op::Replay => Ok(Report::new(self.args, reader::replay(self).await?)),
            Op::PutToGet => {
                let arrivals = Arrivals::open(self).await?;
                let written = writer::run(self, duration).await?;
                let latencies = arrivals.of(&written).await?;
                Ok(Report::new(self.args, Stats { latencies, ..written.stats }))
            }
            Op::PutToEvent => {
                let subscribers = Subscribers::open(self, self.args.subscribers).await?;
                let written = writer::run(self, duration).await?;
                let latencies = subscribers.of(self, &written).await?;
                Ok(Report::new(self.args, Stats { latencies, ..written.stats }))
            }
            Op::PutRecordFloor => {
                let (stats, floor) = floor::run(self).await?;
                let mut report = Report::new(self.args, stats);
                report.floor = Some(floor);
                Ok(report)
            }
            Op::FanOut => Ok(Report::new(self.args, fanout::run(self, duration).await?)),
            Op::PutRecords | Op::PutRecord | Op::DiskSync => {
                let written = writer::run(self, duration).await?;
                let mut report = Report::new(self.args, written.stats.clone());
                if self.args.hold {
                    print(&report, self.args)?;
                    hold().await?;
                }
                if self.args.verify {
                    report.verified = Some(verify::run(self, &written).await?);
                }
                Ok(report)
            }
        }
    }
}

/// Runs tasks side by side on all cores and gives their results in order.
async fn side_by_side<T, F>(tasks: &Tasks, work: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut results = Vec::new();
    for work in work {
        let (done, result) = oneshot::channel();
        tasks.spawn("cli.bench.connection", Policy::Report, async move {
            // The receiver is gone only when the whole run was given up.
            let _ = done.send(work.await);
        });
        results.push(result);
    }
    let results = join_all(results).await;
    results.into_iter().map(|result| result.expect("a task that panics aborts the run")).collect()
}

/// `10s`, `1m 30s`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let span: jiff::SignedDuration = text.parse()?;
    let duration = Duration::try_from(span).context("it must not be negative")?;
    anyhow::ensure!(!duration.is_zero(), "it must not be zero");
    Ok(duration)
}
