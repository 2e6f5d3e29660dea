//! Kafka's own performance tools.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{BATCHED_RECORDS, Client, Load, RECORD_BYTES, SHARDS, SINGLE_RECORDS};
use super::{number_before, said_by};
use crate::compare::contenders;
use crate::compare::figures::{Kept, Latency, Report};
use crate::compare::server::Server;

/// A broker of Kafka.
pub(in crate::compare) struct Kafka;

const BATCHES: &str = "batches";
/// What eight PutRecords of 500 x 1 KiB hold.
const BATCHING: &[&str] = &["batch.size=524288", "buffer.memory=4194304", "linger.ms=5"];
/// Not one record with another, and eight under way.
const SINGLY: &[&str] = &[
    "batch.size=0",
    "buffer.memory=10000",
    "enable.idempotence=false",
    "max.in.flight.requests.per.connection=8",
];

impl Client for Kafka {
    fn batches(&self, server: &Server, _load: &Load) -> Result<Report> {
        produce(server, BATCHES, BATCHED_RECORDS, BATCHING)
    }

    fn singles(&self, server: &Server, _load: &Load) -> Result<Option<Report>> {
        produce(server, "singles", SINGLE_RECORDS, SINGLY).map(Some)
    }

    fn reads(&self, server: &Server, _load: &Load) -> Result<Report> {
        let mut read = tool(server, "ConsumerPerformance");
        read.args(["--topic", BATCHES, "--hide-header", "--timeout", "60000", "--messages"]);
        let said = said_by(read.arg(BATCHED_RECORDS.to_string()), server)?;
        let mut columns = said.lines().map(|line| line.split(", ").collect::<Vec<_>>());
        // The last is the rate without the time that the group takes to come together.
        let columns = columns.find(|columns| columns.len() == 10);
        let columns = columns.context("no report")?;
        let (records, rate) = (columns[4].parse()?, columns[9].parse()?);
        ensure!(records >= f64::from(BATCHED_RECORDS), "only {records} records came");
        Ok(Report { records, records_per_second: rate, latency_ms: None, refused: 0.0 })
    }

    fn crash(&self, server: Server, _load: &Load) -> Result<Kept> {
        let report = produce(&server, "kept", BATCHED_RECORDS, BATCHING)?;
        let server = server.crash_and_restart()?;
        let said = said_by(tool(&server, "GetOffsetShell").args(["--topic", "kept"]), &server)?;
        // `kept:PARTITION:END`
        let ends = said.lines().filter_map(|line| line.strip_prefix("kept:")?.split(':').nth(1));
        let ends = ends.map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        Ok(Kept { acknowledged: report.records as u64, there: ends.into_iter().sum() })
    }
}

fn produce(server: &Server, topic: &str, records: u32, properties: &[&str]) -> Result<Report> {
    let mut create = tool(server, "TopicCommand");
    create.args(["--create", "--topic", topic, "--partitions", SHARDS]);
    said_by(create.args(["--replication-factor", "1", "--config", "flush.messages=1"]), server)?;
    let mut produce = contenders::java(&server.place.programs, &class("ProducerPerformance"));
    produce.args(["--topic", topic, "--record-size", RECORD_BYTES, "--throughput", "-1"]);
    produce.arg("--num-records").arg(records.to_string());
    produce.args(["--producer-props", "acks=all", &bootstrap(server)]).args(properties);
    let said = said_by(&mut produce, server)?;
    // Before it are reports of parts of the run.
    let last = said.lines().rfind(|line| line.contains(" 99th")).context("no report")?;
    Ok(Report {
        records: number_before(last, " records sent")?,
        records_per_second: number_before(last, " records/sec")?,
        latency_ms: Some(Latency {
            p50: number_before(last, " ms 50th")?,
            p99: number_before(last, " ms 99th")?,
        }),
        refused: 0.0,
    })
}

fn tool(server: &Server, name: &str) -> Command {
    let mut tool = contenders::java(&server.place.programs, &class(name));
    tool.args(["--bootstrap-server", &format!("127.0.0.1:{}", server.place.port)]);
    tool
}

fn class(name: &str) -> String {
    format!("org.apache.kafka.tools.{name}")
}

fn bootstrap(server: &Server) -> String {
    format!("bootstrap.servers=127.0.0.1:{}", server.place.port)
}
