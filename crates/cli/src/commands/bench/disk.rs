//! How long the disk itself takes to make 4 KiB durable: what a put cannot be faster than.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use runtime::{Disk, LocalDisk, Policy, Tasks};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::BenchArgs;
use super::report::Report;
use super::stats::Stats;

const FILE: &str = "weir-bench-disk-sync";
const BLOCK_BYTES: usize = 4096;
/// Like a journal file, it is written over and over: growing files sync more slowly.
const FILE_BLOCKS: u64 = 4096;

pub(super) async fn run(args: &BenchArgs, tasks: &Tasks) -> anyhow::Result<Report> {
    let directory = args.data_dir.clone().expect("clap requires it for this operation");
    let (done, outcome) = oneshot::channel();
    let (path, duration) = (directory.clone(), args.duration);
    tasks.dedicated("cli.bench.disk", Policy::Report, async move {
        // The receiver is gone only when the whole run was given up.
        let _ = done.send(write_and_sync(path, duration).await);
    });
    let stats = outcome.await.expect("a task that panics aborts the run");
    let stats = stats.with_context(|| format!("cannot write in {}", directory.display()))?;
    Ok(Report::new(args, stats))
}

async fn write_and_sync(directory: PathBuf, duration: Duration) -> io::Result<Stats> {
    let disk = LocalDisk::existing(&directory)?;
    let measured = measure(&disk, duration).await;
    match disk.remove(FILE).await {
        Err(error) if measured.is_ok() => Err(error),
        _ => measured,
    }
}

async fn measure(disk: &LocalDisk, duration: Duration) -> io::Result<Stats> {
    let file = disk.create(FILE).await?;
    let block = [0xa5; BLOCK_BYTES];
    for at in 0..FILE_BLOCKS {
        file.write_at(at * BLOCK_BYTES as u64, &block).await?;
    }
    file.sync().await?;
    let mut stats = Stats::default();
    let start = Instant::now();
    while start.elapsed() < duration {
        let offset = stats.requests % FILE_BLOCKS * BLOCK_BYTES as u64;
        let begun = Instant::now();
        file.write_at(offset, &block).await?;
        file.sync().await?;
        stats.latencies.record(begun.elapsed());
        stats.requests += 1;
        stats.bytes += BLOCK_BYTES as u64;
    }
    stats.elapsed = start.elapsed();
    Ok(stats)
}
