//! Reading: from memory, from far back, beside writers, and to many subscribers.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::process::Node;
use super::{Args, RELAXED, bench, create_stream, number, row};

/// Less than what is cut into a segment, so all of it stays in memory.
const IN_MEMORY: &str = "16MiB";
const STREAM: &str = "replayed";
/// Rounds of writing with and without readers.
const ROUNDS: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn run(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    from_memory(weir, home, args)?;
    fan_out(weir, home, args)?;
    let node = filled(weir, home, args)?;
    let node = replay(weir, node, args)?;
    beside_writers(weir, &node, args)
}

/// The answers are counted and not decoded, so that the load generator leaves the machine to the
/// node. Reading begins right after writing.
fn from_memory(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    for encoding in ["json", "cbor"] {
        let node = Node::start_fresh(weir, &["serve", RELAXED[0], RELAXED[1]], home)?;
        let load = ["--op", "get-records", "--fill", IN_MEMORY, "--encoding", encoding];
        let loaded = Loaded::by(&node, || bench(weir, &node, args, &load))?;
        row(
            &format!("GetRecords from memory, 1 KiB records, {encoding}, 8 connections"),
            format_args!("{loaded}, resident {:.0} MiB afterwards", node.process.resident_mib()?),
        );
    }
    Ok(())
}

fn fan_out(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    let node = Node::start_fresh(weir, &["serve", RELAXED[0], RELAXED[1]], home)?;
    let load = ["--op", "fan-out", "--subscribers", "16", "--shards", "1"];
    let loaded = Loaded::by(&node, || bench(weir, &node, args, &load))?;
    row("one shard to 16 subscribers, all together", format_args!("{loaded}, puts included"));
    Ok(())
}

/// A node with a thousand shards that has everything in segments and nothing in memory.
fn filled(weir: &Path, home: &Path, args: &Args) -> Result<Node> {
    let node = Node::start_fresh(weir, &["serve", RELAXED[0], RELAXED[1]], home)?;
    create_stream(weir, &node, STREAM, "1000")?;
    let goal = (args.replayed_gib << 30) as f64;
    let mut written = 0.0;
    while written < goal {
        let load = ["--op", "put-records", "--stream", STREAM, "--keys", "1000"];
        written += number(&bench(weir, &node, args, &load)?, "bytes")?;
    }
    node.restart(weir, &["serve", RELAXED[0], RELAXED[1]])
}

fn replay(weir: &Path, node: Node, args: &Args) -> Result<Node> {
    let page_cache = if drop_page_cache() { "page cache dropped" } else { "page cache warm" };
    let load = ["--op", "replay", "--stream", STREAM, "--connections", "1"];
    let counters = || -> Result<(f64, f64)> {
        Ok((node.counter("segment_read")?, node.counter("segment_entries")?))
    };
    let before = counters()?;
    let loaded = Loaded::by(&node, || bench(weir, &node, args, &load))?;
    let after = counters()?;
    let amplification = (after.0 - before.0) / (after.1 - before.1);
    row(
        &format!("replay of one shard of 1,000 after another, {page_cache}"),
        format_args!("{loaded}, read amplification {amplification:.2}"),
    );
    Ok(node)
}

/// Writing with 32 readers of other shards and without, in turn.
fn beside_writers(weir: &Path, node: &Node, args: &Args) -> Result<()> {
    create_stream(weir, node, "written", "4")?;
    let write = || -> Result<f64> {
        let load = ["--op", "put-records", "--stream", "written"];
        number(&bench(weir, node, args, &load)?, "mib_per_second")
    };
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let alone = write()?;
        let _readers = Readers::start(weir, node)?;
        ratios.push(write()? / alone);
    }
    ratios.sort_by(f64::total_cmp);
    row(
        "PutRecords beside 32 replays / PutRecords alone, median",
        format_args!("{:.2}, of {ratios:.2?}", ratios[ROUNDS / 2]),
    );
    Ok(())
}

/// Replays until it is dropped.
struct Readers(Child);

impl Readers {
    fn start(weir: &Path, node: &Node) -> Result<Self> {
        let load = ["bench", "--op", "replay", "--stream", STREAM, "--connections", "32"];
        let mut command: Command = node.client(weir);
        command.args(load).args(["--duration", "1h"]).stdout(Stdio::null());
        Ok(Self(command.spawn().context("start the readers")?))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a load reached, and what that cost the node.
struct Loaded {
    mib_per_second: f64,
    cpu_ms_per_mib: f64,
}

impl Loaded {
    fn by(node: &Node, load: impl FnOnce() -> Result<serde_json::Value>) -> Result<Self> {
        let before = node.process.cpu_seconds()?;
        let report = load()?;
        let cpu = node.process.cpu_seconds()? - before;
        let mib = number(&report, "bytes")? / MIB;
        ensure!(mib > 0.0, "nothing was read: {report}");
        let mib_per_second = number(&report, "mib_per_second")?;
        Ok(Self { mib_per_second, cpu_ms_per_mib: cpu * 1000.0 / mib })
    }
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mib_per_second, cpu_ms_per_mib } = self;
        write!(f, "{mib_per_second:.0} MiB/s, server CPU {cpu_ms_per_mib:.2} ms per MiB")
    }
}

/// Makes the kernel forget what it read from files, if this process may ask that.
fn drop_page_cache() -> bool {
    let synced = Command::new("sync").status().is_ok_and(|status| status.success());
    synced && fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}
