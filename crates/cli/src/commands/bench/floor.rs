//! PutRecord beside what it is made of: the disk's own writes, and an HTTP round trip. The three
//! take turns, so that whatever else the machine does hits them alike.

use std::time::Duration;

use anyhow::{Context, ensure};
use runtime::{Net, TcpNet};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::disk::DiskLoop;
use super::report::Percentiles;
use super::stats::{Latencies, Stats};
use super::writer::{self, Until};
use super::{Bench, side_by_side};

/// How long each of the three runs at a time.
const TURN: Duration = Duration::from_millis(250);
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What a put was measured beside.
#[derive(Debug, Serialize)]
pub(super) struct Floor {
    pub(super) disk_ms: Percentiles,
    pub(super) health_ms: Percentiles,
    /// The put's latency divided by the sum of the other two.
    pub(super) p50_ratio: f64,
    pub(super) p99_ratio: f64,
}

pub(super) async fn run(bench: &Bench<'_>) -> anyhow::Result<(Stats, Floor)> {
    let args = bench.args;
    let directory = args.data_dir.as_deref().expect("clap requires it for this operation");
    let authority = authority(bench)?;
    let disk = DiskLoop {
        tasks: bench.tasks.clone(),
        connections: args.connections.get() as usize,
        record_bytes: usize::try_from(args.size.as_u64()).expect("a size fits in memory"),
    };
    let (mut disks, mut healths, mut puts) =
        (Latencies::default(), Latencies::default(), Stats::default());
    let start = Instant::now();
    let mut writing = Duration::ZERO;
    while start.elapsed() < args.duration {
        disks.merge(&disk.run(directory, TURN).await?);
        healths.merge(&health(bench, &authority).await?);
        let written = writer::run(bench, Until::Passed(TURN)).await?.stats;
        writing += written.elapsed;
        puts.merge(&written);
    }
    puts.elapsed = writing;
    let ratio = |percentile| {
        let of = |latencies: &Latencies| latencies.percentile(percentile).as_secs_f64();
        of(&puts.latencies) / (of(&disks) + of(&healths))
    };
    let floor = Floor {
        p50_ratio: ratio(50.0),
        p99_ratio: ratio(99.0),
        disk_ms: Percentiles::of(&disks),
        health_ms: Percentiles::of(&healths),
    };
    Ok((puts, floor))
}

/// Where the node listens, without TLS.
fn authority(bench: &Bench<'_>) -> anyhow::Result<String> {
    let endpoint = bench.client.config().endpoint.to_string();
    let authority = endpoint.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    authority.map(str::to_owned).context("this needs an endpoint that begins with http://")
}

/// So many connections that each ask `GET /health` again and again.
async fn health(bench: &Bench<'_>, authority: &str) -> anyhow::Result<Latencies> {
    let connections = (0..bench.args.connections.get()).map(|_| ask(authority.to_owned()));
    let mut all = Latencies::default();
    for latencies in side_by_side(&bench.tasks, connections).await {
        all.merge(&latencies?);
    }
    Ok(all)
}

async fn ask(authority: String) -> anyhow::Result<Latencies> {
    let mut connection = TcpNet.connect(&authority).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut latencies = Latencies::default();
    let mut answer = Vec::new();
    let start = Instant::now();
    while start.elapsed() < TURN {
        let begun = Instant::now();
        connection.write_all(request.as_bytes()).await?;
        answer.clear();
        while !is_whole(&answer)? {
            ensure!(connection.read_buf(&mut answer).await? > 0, "the node hung up on GET /health");
        }
        latencies.record(begun.elapsed());
    }
    Ok(latencies)
}

/// Whether these bytes are a whole answer, of the one kind that `GET /health` gives.
fn is_whole(answer: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = answer.windows(HEAD_END.len()).position(|bytes| bytes == HEAD_END) else {
        return Ok(false);
    };
    let text = std::str::from_utf8(&answer[..head])?.to_ascii_lowercase();
    ensure!(text.starts_with("http/1.1 200"), "GET /health was answered with {text:?}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("GET /health has a length")?.trim().parse()?;
    Ok(answer.len() >= head + HEAD_END.len() + length)
}
