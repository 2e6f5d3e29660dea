//! What a put costs beside the disk and HTTP alone, and whether it stays so with many shards.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::process::Node;
use super::{Args, RELAXED, bench, create_stream, number, row};

const CONNECTIONS: [&str; 3] = ["1", "8", "64"];
const SHARDS: [&str; 3] = ["1", "100", "10000"];
/// The sides take turns, so that other work on the machine hits all alike.
const ROUNDS: usize = 3;

pub(super) fn run(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    floor(weir, home, args)?;
    shards(weir, home, args)
}

/// PutRecord beside the disk's own writes and `GET /health`.
fn floor(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    let node = Node::start_fresh(weir, &["serve", RELAXED[0], RELAXED[1]], home)?;
    let directory = home.to_str().expect("the scratch directory has a plain name");
    for connections in CONNECTIONS {
        let load = ["--op", "put-record-floor", "--data-dir", directory];
        let load = [&load[..], &["--connections", connections]].concat();
        let report = bench(weir, &node, args, &load)?;
        let pair = |of: &Value| -> Result<String> {
            Ok(format!("p50 {:.2} p99 {:.2} ms", number(of, "p50")?, number(of, "p99")?))
        };
        let floor = &report["floor"];
        row(
            &format!("PutRecord 1 KiB, {connections} connections, beside its floor"),
            format_args!(
                "{:.0}/s, {}; disk {}, GET /health {}; ratio p50 {:.2}, p99 {:.2}",
                number(&report, "records_per_second")?,
                pair(&report["latency_ms"])?,
                pair(&floor["disk_ms"])?,
                pair(&floor["health_ms"])?,
                number(floor, "p50_ratio")?,
                number(floor, "p99_ratio")?,
            ),
        );
    }
    Ok(())
}

/// The same records over few shards and over many.
fn shards(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    let node = Node::start_fresh(weir, &["serve", RELAXED[0], RELAXED[1]], home)?;
    let mut costs = [const { Vec::new() }; SHARDS.len()];
    for shards in SHARDS {
        create_stream(weir, &node, &format!("wide-{shards}"), shards)?;
    }
    for _ in 0..ROUNDS {
        for (shards, costs) in SHARDS.iter().zip(&mut costs) {
            let stream = format!("wide-{shards}");
            let before = node.process.cpu_seconds()?;
            // Enough keys that a request goes to as many shards as it has records.
            let load = ["--op", "put-records", "--stream", &stream, "--keys", "20000"];
            let report = bench(weir, &node, args, &load)?;
            let records = number(&report, "records")?;
            let cpu = (node.process.cpu_seconds()? - before) * 1e6 / records;
            costs.push((1e6 / number(&report, "records_per_second")?, cpu));
        }
    }
    for (shards, of_these) in SHARDS.iter().zip(&costs) {
        let times = median(of_these.iter().map(|cost| cost.0));
        let cpu = median(of_these.iter().map(|cost| cost.1));
        let turns = || of_these.iter().zip(&costs[0]);
        let time_ratio = median(turns().map(|(these, few)| these.0 / few.0));
        let cpu_ratio = median(turns().map(|(these, few)| these.1 / few.1));
        row(
            &format!("PutRecords 500 x 1 KiB over {shards} shards"),
            format_args!(
                "{times:.2} us and {cpu:.2} us of server CPU per record, {time_ratio:.2} and \
                 {cpu_ratio:.2} of one shard's"
            ),
        );
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
