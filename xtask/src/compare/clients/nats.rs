//! `nats bench`.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{BATCH, BATCHED_RECORDS, CONNECTIONS, Client, Load, RECORD_BYTES, SINGLE_RECORDS};
use super::{number_after, number_before, said_by};
use crate::compare::figures::{Kept, Latency, Report};
use crate::compare::server::Server;

/// JetStream.
pub(in crate::compare) struct Nats;

const BATCHES: &str = "batches";

impl Client for Nats {
    fn batches(&self, server: &Server, _load: &Load) -> Result<Report> {
        // A batch is one acknowledgement, as a PutRecords is.
        publish(server, BATCHES, BATCHED_RECORDS, &["atomic", "--batch", BATCH])
    }

    fn singles(&self, server: &Server, _load: &Load) -> Result<Option<Report>> {
        publish(server, "singles", SINGLE_RECORDS, &["sync"]).map(Some)
    }

    fn reads(&self, server: &Server, _load: &Load) -> Result<Report> {
        let mut read = nats(server);
        read.args(["bench", "js", "fetch", "--no-progress", "--clients", "1", "--acks", "none"]);
        read.args(["--batch", BATCH, "--size", RECORD_BYTES, "--stream", BATCHES, "--msgs"]);
        let said = said_by(read.arg(BATCHED_RECORDS.to_string()), server)?;
        let rate = number_before(&said, " msgs/sec")?;
        let records = f64::from(BATCHED_RECORDS);
        Ok(Report { records, records_per_second: rate, latency_ms: None, refused: 0.0 })
    }

    fn crash(&self, server: Server, _load: &Load) -> Result<Kept> {
        publish(&server, "kept", BATCHED_RECORDS, &["atomic", "--batch", BATCH])?;
        let server = server.crash_and_restart()?;
        let said = said_by(nats(&server).args(["stream", "info", "kept", "--json"]), &server)?;
        let info: Value = serde_json::from_str(&said)?;
        let there = info["state"]["messages"].as_u64().context("messages")?;
        Ok(Kept { acknowledged: BATCHED_RECORDS.into(), there })
    }
}

/// Publishes to a stream of its own, which the client makes. It fails if a message is not taken.
fn publish(server: &Server, stream: &str, records: u32, how: &[&str]) -> Result<Report> {
    let mut publish = nats(server);
    publish.args(["bench", "js", "pub"]).args(how).arg(format!("weir.{stream}"));
    publish.args(["--create", "--storage", "file", "--replicas", "1", "--no-progress"]);
    publish.args(["--clients", CONNECTIONS, "--size", RECORD_BYTES, "--stream", stream]);
    let said = said_by(publish.arg("--msgs").arg(records.to_string()), server)?;
    let (_, all) = said.split_once("aggregated stats:").context("no sum of the clients")?;
    let millis = |word| number_after(all, word).map(|micros| micros / 1000.0);
    Ok(Report {
        records: records.into(),
        records_per_second: number_before(all, " msgs/sec")?,
        latency_ms: Some(Latency { p50: millis("P50")?, p99: millis("P99")? }),
        refused: 0.0,
    })
}

fn nats(server: &Server) -> Command {
    let mut nats = Command::new(server.place.programs.join("nats"));
    let url = format!("nats://127.0.0.1:{}", server.place.port);
    nats.args(["--no-context", "--timeout", "60s", "--server", &url]);
    nats
}
