//! How long the disk itself takes to make a record durable: what a put cannot be faster than.
//!
//! Written as the journal writes: whole pages, durable when the write returns, into a file that is
//! used over and over, because growing files sync more slowly.

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use runtime::{Disk, DiskFile, LocalDisk, PAGE_BYTES, Pages, Policy, Tasks};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::BenchArgs;
use super::report::Report;
use super::stats::{Latencies, Stats};

const FILE: &str = "weir-bench-disk-sync";
const FILE_BYTES: usize = 16 << 20;
/// What is written at once, at most; it fits the file.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// `--op disk-sync`: one page after the other, by one thread.
pub(super) async fn run(args: &BenchArgs, tasks: &Tasks) -> anyhow::Result<Report> {
    let directory = args.data_dir.as_deref().expect("clap requires it for this operation");
    let disk = DiskLoop { tasks: tasks.clone(), connections: 1, record_bytes: PAGE_BYTES };
    let start = Instant::now();
    let latencies = disk.run(directory, args.duration).await?;
    let requests = latencies.count();
    let bytes = requests * PAGE_BYTES as u64;
    let elapsed = start.elapsed();
    Ok(Report::new(args, Stats { elapsed, requests, bytes, latencies, ..Stats::default() }))
}

/// Writers that each wait until their record is durable, and share what can be written at once.
pub(super) struct DiskLoop {
    pub(super) tasks: Tasks,
    pub(super) connections: usize,
    pub(super) record_bytes: usize,
}

impl DiskLoop {
    /// Writes in `directory` for `duration`.
    pub(super) async fn run(
        &self,
        directory: &Path,
        duration: Duration,
    ) -> anyhow::Result<Latencies> {
        let failed = || format!("cannot write in {}", directory.display());
        let disk = LocalDisk::existing(directory).with_context(failed)?;
        let file = match disk.create(FILE).await {
            // Left behind by a run that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(FILE).await,
            created => created,
        };
        let measured = self.measure(file.with_context(failed)?, duration).await;
        let removed = disk.remove(FILE).await;
        let latencies = measured.with_context(failed)?;
        removed.with_context(failed)?;
        Ok(latencies)
    }

    async fn measure(&self, file: Box<dyn DiskFile>, duration: Duration) -> io::Result<Latencies> {
        file.write_at(0, &vec![0; FILE_BYTES]).await?;
        file.sync().await?;
        let file = Ring { file, position: 0, pages: Pages::with_capacity(GROUP_BYTES_MAX) };
        if self.connections == 1 {
            let record_bytes = self.record_bytes;
            let alone = async move { write_alone(file, record_bytes, duration).await };
            return self.on_a_thread(alone).await;
        }
        let (queue, queued) = mpsc::channel(self.connections);
        let writers = (0..self.connections).map(|_| wait_for_each(queue.clone(), duration));
        let writers = super::side_by_side(&self.tasks, writers.collect::<Vec<_>>());
        drop(queue);
        let written = self.on_a_thread(write_all(file, self.record_bytes, queued));
        let (latencies, written) = tokio::join!(writers, written);
        written?;
        let mut all = Latencies::default();
        for of_one in latencies {
            all.merge(&of_one);
        }
        Ok(all)
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (done, outcome) = oneshot::channel();
        self.tasks.dedicated("cli.bench.disk", Policy::Report, async move {
            // The receiver is gone only when the whole run was given up.
            let _ = done.send(work.await);
        });
        outcome.await.expect("a task that panics aborts the run")
    }
}

/// One writer without anybody to wait for.
async fn write_alone(mut ring: Ring, bytes: usize, duration: Duration) -> io::Result<Latencies> {
    let mut latencies = Latencies::default();
    let start = Instant::now();
    while start.elapsed() < duration {
        let begun = Instant::now();
        ring.write(bytes).await?;
        latencies.record(begun.elapsed());
    }
    Ok(latencies)
}

/// Queues a record, waits until it is durable, and so on.
async fn wait_for_each(queue: mpsc::Sender<oneshot::Sender<()>>, duration: Duration) -> Latencies {
    let mut latencies = Latencies::default();
    let start = Instant::now();
    while start.elapsed() < duration {
        let begun = Instant::now();
        let (done, durable) = oneshot::channel();
        if queue.send(done).await.is_err() || durable.await.is_err() {
            // The disk failed; who writes says how.
            break;
        }
        latencies.record(begun.elapsed());
    }
    latencies
}

/// Writes what has gathered, again and again.
async fn write_all(
    mut ring: Ring,
    record_bytes: usize,
    mut queued: mpsc::Receiver<oneshot::Sender<()>>,
) -> io::Result<()> {
    let mut group = Vec::new();
    let records_max = (GROUP_BYTES_MAX / record_bytes).max(1);
    while queued.recv_many(&mut group, records_max).await > 0 {
        ring.write(group.len() * record_bytes).await?;
        for done in group.drain(..) {
            // A writer waits until it is told.
            let _ = done.send(());
        }
    }
    Ok(())
}

/// A file written round and round.
struct Ring {
    file: Box<dyn DiskFile>,
    position: usize,
    pages: Pages,
}

impl Ring {
    async fn write(&mut self, bytes: usize) -> io::Result<()> {
        const RECORD: [u8; PAGE_BYTES] = [0xa5; PAGE_BYTES];
        self.pages.clear();
        for _ in 0..bytes.min(GROUP_BYTES_MAX).div_ceil(PAGE_BYTES) {
            self.pages.extend(&RECORD);
        }
        if self.position + self.pages.len() > FILE_BYTES {
            self.position = 0;
        }
        self.file.write_durably(self.position as u64, &[&self.pages]).await?;
        self.position += self.pages.len();
        Ok(())
    }
}
