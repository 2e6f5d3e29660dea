//! What a run found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Serialize;

use super::floor::Floor;
use super::stats::{Latencies, Stats};
use super::verify::Verified;
use super::{BenchArgs, Op};
use crate::output::{BAD, GOOD, HEADING, styled};

/// The report; its JSON form is a contract.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    op: String,
    setup: Setup,
    seconds: f64,
    requests: u64,
    records: u64,
    bytes: u64,
    records_per_second: f64,
    mib_per_second: f64,
    requests_per_second: f64,
    latency_ms: Percentiles,
    throttled: u64,
    errors: BTreeMap<String, u64>,
    /// For `put-record-floor`, what the puts were measured beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) floor: Option<Floor>,
    /// With `--verify`, what was read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verified: Option<Verified>,
}

#[derive(Debug, Serialize)]
struct Setup {
    connections: u32,
    rate: Option<u32>,
    batch: u16,
    record_bytes: u64,
    encoding: &'static str,
    /// For `put-to-event` and `fan-out`, how many consumers followed every shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribers: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(super) struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

impl Percentiles {
    pub(super) fn of(latencies: &Latencies) -> Self {
        let millis = |latency: Duration| latency.as_micros() as f64 / 1000.0;
        let at = |percentile| millis(latencies.percentile(percentile));
        Self {
            p50: at(50.0),
            p90: at(90.0),
            p99: at(99.0),
            p99_9: at(99.9),
            max: millis(latencies.max()),
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p99_9, max } = self;
        write!(
            f,
            "p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, p99.9 {p99_9:.2} ms, max {max:.2} ms"
        )
    }
}

impl Report {
    pub(super) fn new(args: &BenchArgs, stats: Stats) -> Self {
        let seconds = stats.elapsed.as_secs_f64();
        let per_second = |count: u64| count as f64 / seconds;
        Self {
            op: args.op.name(),
            setup: Setup {
                connections: args.connections.get(),
                rate: args.rate.map(Into::into),
                batch: if args.op.is_single() { 1 } else { args.batch },
                record_bytes: args.size.as_u64(),
                encoding: args.connection.encoding.name(),
                subscribers: matches!(args.op, Op::PutToEvent | Op::FanOut)
                    .then(|| args.subscribers.get()),
            },
            seconds,
            requests: stats.requests,
            records: stats.records,
            bytes: stats.bytes,
            records_per_second: per_second(stats.records),
            mib_per_second: per_second(stats.bytes) / ByteSize::mib(1).as_u64() as f64,
            requests_per_second: per_second(stats.requests),
            latency_ms: Percentiles::of(&stats.latencies),
            throttled: stats.throttled,
            errors: stats.errors,
            floor: None,
            verified: None,
        }
    }

    /// Whether what was read back, if it was, is what was written.
    pub(super) fn is_as_expected(&self) -> bool {
        self.verified.as_ref().is_none_or(|found| found.missing == 0 && found.wrong == 0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = |text: &str| styled(HEADING, format_args!("{text:<12}"));
        let setup = &self.setup;
        writeln!(f, "{}{}, {:.1} s", title("bench"), self.op, self.seconds)?;
        if self.op != Op::DiskSync.name() {
            let pace = match setup.rate {
                Some(rate) => format!("open loop at {rate} records/s"),
                None => "closed loop".to_owned(),
            };
            let size = ByteSize(setup.record_bytes).display().iec();
            writeln!(
                f,
                "{}{} x {size}, {} connections, {pace}, {}",
                title("requests"),
                setup.batch,
                setup.connections,
                setup.encoding,
            )?;
        }
        if let Some(subscribers) = setup.subscribers {
            writeln!(f, "{}{subscribers}, each on every shard", title("subscribers"))?;
        }
        writeln!(
            f,
            "{}{:.1} MiB/s, {:.0} records/s, {:.0} requests/s",
            title("throughput"),
            self.mib_per_second,
            self.records_per_second,
            self.requests_per_second,
        )?;
        write!(f, "{}{}", title("latency"), self.latency_ms)?;
        if let Some(floor) = &self.floor {
            write!(f, "\n{}{}", title("disk"), floor.disk_ms)?;
            write!(f, "\n{}{}", title("GET /health"), floor.health_ms)?;
            write!(
                f,
                "\n{}p50 {:.2}, p99 {:.2} of disk and GET /health together",
                title("ratio"),
                floor.p50_ratio,
                floor.p99_ratio,
            )?;
        }
        if self.throttled > 0 {
            write!(f, "\n{}{} records", title("throttled"), self.throttled)?;
        }
        for (name, count) in &self.errors {
            write!(f, "\n{}{} {count} times", title("errors"), styled(BAD, name))?;
        }
        let Some(found) = &self.verified else { return Ok(()) };
        let verdict = match self.is_as_expected() {
            true => styled(GOOD, "each record once, in the order of its key, every byte right"),
            false => styled(BAD, format_args!("{} missing, {} wrong", found.missing, found.wrong)),
        };
        write!(f, "\n{}{} records read back: {verdict}", title("verified"), found.records)?;
        for finding in &found.findings {
            write!(f, "\n            {finding}")?;
        }
        Ok(())
    }
}
