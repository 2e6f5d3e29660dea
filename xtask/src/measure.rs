//! The figures of docs/performance.md, measured on this machine in one run.
//!
//! Ratios within the run count; absolute numbers belong to the machine.

mod appends;
mod process;
mod puts;
mod reads;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::compat;
use crate::workspace::{Stopwatch, scratch};
use process::Node;

/// Arguments of `cargo xtask measure`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each load runs
    #[arg(long, default_value = "10s")]
    duration: String,
    /// How much is written before the memory and restart figures, in GiB
    #[arg(long, default_value_t = 10)]
    retained_gib: u64,
    /// How much is written before the replays, in GiB
    #[arg(long, default_value_t = 4)]
    replayed_gib: u64,
    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// A node: start, memory, restart
    Node,
    /// Writing
    Puts,
    /// A put beside the disk and HTTP alone, and over many shards
    Appends,
    /// Reading
    Reads,
}

const STARTS: usize = 5;
const GIB: u64 = 1 << 30;
const FILL_STREAM: &str = "fill";
const IDLE_SHARDS: &str = "10000";

pub(crate) fn run(args: &Args) -> Result<()> {
    let weir = compat::build(false)?;
    let home = scratch().join("measure");
    println!("| figure | measured |\n|---|---|");
    let wanted = |part| args.only.is_none_or(|only| only == part);
    if wanted(Part::Puts) {
        puts::run(&weir, &home, args)?;
    }
    if wanted(Part::Node) {
        start(&weir, &home)?;
        idle(&weir, &home)?;
        retained(&weir, &home, args)?;
    }
    if wanted(Part::Appends) {
        appends::run(&weir, &home, args)?;
    }
    if wanted(Part::Reads) {
        reads::run(&weir, &home, args)?;
    }
    std::fs::remove_dir_all(home).context("clean up")
}

fn row(figure: &str, measured: impl std::fmt::Display) {
    println!("| {figure} | {measured} |");
}

const RELAXED: [&str; 2] = ["--set", "limits.mode=relaxed"];

fn start(weir: &Path, home: &Path) -> Result<()> {
    let mut millis = Vec::new();
    for _ in 0..STARTS {
        let stopwatch = Stopwatch::start();
        let node = Node::start_fresh(weir, &["dev"], home)?;
        node.list_streams()?;
        millis.push(stopwatch.elapsed().as_millis());
    }
    millis.sort_unstable();
    row("`weir dev` to its first answer, median", format_args!("{} ms", millis[STARTS / 2]));
    Ok(())
}

fn idle(weir: &Path, home: &Path) -> Result<()> {
    let node = Node::start_fresh(weir, &["dev"], home)?;
    node.list_streams()?;
    let idle = node.process.resident_mib()?;
    row("resident, idle", format_args!("{idle:.1} MiB"));
    create_stream(weir, &node, "wide", IDLE_SHARDS)?;
    let wide = node.process.resident_mib()?;
    row("resident, 10,000 idle shards more", format_args!("+{:.1} MiB", wide - idle));
    let node = node.restart(weir, &["dev"])?;
    node.list_streams()?;
    let again = node.process.resident_mib()?;
    row("the same after a restart", format_args!("+{:.1} MiB", again - idle));
    Ok(())
}

fn retained(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    let node = Node::start_fresh(weir, &["dev"], home)?;
    let mut written = 0.0;
    for round in 0.. {
        if written >= (args.retained_gib * GIB) as f64 {
            break;
        }
        let stream = format!("{FILL_STREAM}-{round}");
        create_stream(weir, &node, &stream, "1000")?;
        let report = bench(weir, &node, args, &["--op", "put-records", "--stream", &stream])?;
        written += number(&report, "bytes")?;
    }
    let gib = written / GIB as f64;
    row(
        &format!("resident after {gib:.1} GiB written"),
        format_args!("{:.0} MiB", node.process.resident_mib()?),
    );
    let amplification = node.bytes_written()? / written;
    row("write amplification, 1,000 shards", format_args!("{amplification:.2}"));
    let stopwatch = Stopwatch::start();
    let node = node.restart(weir, &["dev"])?;
    node.list_streams()?;
    let millis = stopwatch.elapsed().as_millis();
    row(
        &format!("kill -9 and restart with {gib:.1} GiB, to the first answer"),
        format_args!("{millis} ms"),
    );
    Ok(())
}

fn create_stream(weir: &Path, node: &Node, name: &str, shards: &str) -> Result<()> {
    let arguments = ["streams", "create", name, "--shards", shards, "--wait"];
    let status = node.client(weir).args(arguments).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "weir streams create {name}: {status}");
    Ok(())
}

fn bench(weir: &Path, node: &Node, args: &Args, load: &[&str]) -> Result<Value> {
    let mut command = node.client(weir);
    output(command.args(["bench", "--json", "--duration", &args.duration]).args(load))
}

/// The JSON that a command prints.
fn output(command: &mut Command) -> Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    serde_json::from_slice(&output.stdout).context("read the report")
}

fn number(value: &Value, name: &str) -> Result<f64> {
    value[name].as_f64().with_context(|| format!("the report has no number {name}"))
}
