//! What storage costs: throughput, payload per second of CPU, write amplification, memory; and
//! how the disk likes to be written.
//!
//! `cargo bench -p storage --bench journal` prints the tables and then criterion's figures; with
//! `-- limit` and the like behind it, one part of them.
//! Compare ratios within one run: other work on the machine moves all numbers alike.
#![expect(clippy::print_stdout, reason = "the tables are the point of a bench")]

mod disk;
mod limit;
mod load;
mod retained;

use std::time::Duration;

use criterion::{Criterion, Throughput};
use storage::{Compression, Config, JournalMode};

use crate::load::{BATCH_ENTRIES, ENTRY_BYTES, Load};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let full = !arguments.iter().any(|argument| argument == "--test");
    let parts = ["disk", "limit", "retained", "index", "costs", "criterion"];
    let chosen = |part: &str| {
        let named = |name: &&str| arguments.iter().any(|argument| argument == name);
        named(&part) || !parts.iter().any(named)
    };
    if chosen("disk") {
        disk::compare(if full { 256 } else { 8 });
    }
    if chosen("limit") {
        let turn = Duration::from_millis(if full { 500 } else { 20 });
        limit::compare(if full { 15 } else { 1 }, turn);
    }
    if chosen("retained") {
        let turn = Duration::from_millis(if full { 1000 } else { 20 });
        retained::compare(if full { 15 } else { 1 }, turn);
    }
    if chosen("index") {
        retained::index(if full { 2000 } else { 100 });
    }
    if chosen("costs") {
        costs(if full { 10_000 } else { 40 }, if full { 3_000 } else { 40 });
    }
    if chosen("criterion") {
        let mut criterion =
            Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
        appends(&mut criterion);
        criterion.final_summary();
    }
}

/// One long run per shape, with what it cost.
fn costs(long: usize, short: usize) {
    println!("\n{BATCH_ENTRIES} entries of {ENTRY_BYTES} bytes a batch, 8 batches in flight");
    println!("{:<36} {:>9} {:>14} {:>8} {:>9}", "", "MB/s", "MB/CPU-second", "written", "RSS MiB");
    let run = |name: &str, config: Config, logs: u64, text: bool, batches: usize| {
        let mut load = Load::new(config, logs, text);
        load.trims = name.contains("trimmed");
        // The ring's files are written for the first time before it counts.
        load.append(batches / 10);
        let cost = load.measure(batches);
        println!(
            "{name:<36} {:>9.0} {:>14.0} {:>8.2} {:>9.0}",
            cost.megabytes / cost.seconds,
            cost.megabytes / cost.cpu_seconds,
            cost.amplification,
            cost.resident_mib
        );
        if name.contains("10 GB") {
            println!("opened again with all of it in {:.0} ms", load.reopened() * 1e3);
        }
    };
    let none = Config::default;
    let zstd = || Config { compression: Compression::Zstd, ..Config::default() };
    let discard = || Config { journal: JournalMode::Discard, ..Config::default() };
    // First, while nothing but this run has used memory.
    run("1000 logs, 10 GB", none(), 1000, false, long * 2);
    run("1 log", none(), 1, false, short);
    run("1000 logs", none(), 1000, false, short);
    run("1 log, trimmed at once", none(), 1, false, short);
    run("1000 logs, trimmed at once", none(), 1000, false, short);
    run("1000 logs, journal discarded", discard(), 1000, false, short);
    run("1000 logs, zstd, random bytes", zstd(), 1000, false, short);
    run("1000 logs, zstd, JSON", zstd(), 1000, true, short);
    run("1000 logs, JSON", none(), 1000, true, short);
}

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Bytes((BATCH_ENTRIES * ENTRY_BYTES) as u64));
    for logs in [1, 1000] {
        let mut load = Load::new(Config::default(), logs, false);
        load.append(200);
        group.bench_function(format!("{logs} logs"), |bencher| {
            bencher.iter_custom(|batches| load.timed(batches as usize));
        });
    }
    group.finish();
}
