//! Appenders on a storage in a real directory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::{Clock, LocalDisk, LocalObjects, Meters, SystemClock, SystemEntropy, Tasks};
use storage::{Config, ENTRY_OVERHEAD, Log, LogId, Offset, Parts, Storage};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) const BATCH_ENTRIES: usize = 500;
pub(crate) const ENTRY_BYTES: usize = 1024;
pub(crate) const FIRST_LOG: u64 = 1000;
const IN_FLIGHT: usize = 8;
const READ_BYTES: usize = 1 << 20;
/// Below the size at which a segment is cut.
const TRIMMED_BYTES: usize = 8 << 20;
/// Linux counts CPU time in hundredths of a second, whatever the kernel's tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// A storage and something to write.
pub(crate) struct Load {
    runtime: Runtime,
    storage: Storage,
    meters: Meters,
    payloads: Arc<Vec<Vec<u8>>>,
    logs: Arc<Vec<Log>>,
    /// Trims so soon that next to nothing is left for segments.
    pub(crate) trims: bool,
    writers: usize,
    batch_entries: usize,
    /// Batches so far.
    batches: Arc<AtomicUsize>,
    directory: TempDir,
}

/// What a run cost.
pub(crate) struct Cost {
    pub(crate) megabytes: f64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// Bytes written for each byte of payload.
    pub(crate) amplification: f64,
    pub(crate) resident_mib: f64,
}

impl Load {
    pub(crate) fn new(config: Config, logs: u64, text: bool) -> Self {
        Self::in_directory(config, logs, text, |_| {})
    }

    /// Opens a directory that was prepared.
    pub(crate) fn in_directory(
        config: Config,
        logs: u64,
        text: bool,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        prepare(directory.path());
        let meters = Meters::default();
        let parts = parts(directory.path(), meters.clone());
        let runtime = Runtime::new().expect("a runtime");
        let storage = runtime.block_on(Storage::open(config, parts)).expect("a fresh directory");
        let payloads = Arc::new((0..997).map(|seed| payload(seed, text)).collect());
        let logs = Arc::new((0..logs).map(|log| storage.log(LogId(FIRST_LOG + log))).collect());
        Self {
            runtime,
            storage,
            meters,
            payloads,
            logs,
            trims: false,
            writers: IN_FLIGHT,
            batch_entries: BATCH_ENTRIES,
            batches: Arc::default(),
            directory,
        }
    }

    /// How many tasks append, and how much each at a time.
    pub(crate) fn shape(&mut self, writers: usize, batch_entries: usize) {
        (self.writers, self.batch_entries) = (writers, batch_entries);
    }

    /// Makes so many batches durable, divided among the tasks.
    pub(crate) fn append(&self, batches: usize) {
        let each = batches.div_ceil(self.writers);
        self.append_while(move |done, _| done < each);
    }

    /// Makes batches durable for some time and answers their number.
    pub(crate) fn append_for(&self, time: Duration) -> usize {
        self.append_while(move |_, started: Instant| started.elapsed() < time)
    }

    fn append_while(
        &self,
        goes_on: impl Fn(usize, Instant) -> bool + Copy + Send + 'static,
    ) -> usize {
        self.runtime.block_on(async {
            let started = Instant::now();
            let mut tasks = JoinSet::new();
            for _ in 0..self.writers {
                let writer = Writer {
                    storage: self.storage.clone(),
                    payloads: self.payloads.clone(),
                    logs: self.logs.clone(),
                    entries: self.batch_entries,
                };
                let (batches, trims) = (self.batches.clone(), self.trims);
                let trimmed_every = (TRIMMED_BYTES / self.batch_entries / ENTRY_BYTES).max(1);
                tasks.spawn(async move {
                    let mut done = 0;
                    while goes_on(done, started) {
                        let number = batches.fetch_add(1, Ordering::Relaxed);
                        writer.append_batch(number).await;
                        if trims && number % trimmed_every == 0 {
                            trim_all(&writer.logs).await;
                        }
                        done += 1;
                    }
                    done
                });
            }
            tasks.join_all().await.into_iter().sum()
        })
    }

    pub(crate) fn timed(&mut self, batches: usize) -> Duration {
        let started = Instant::now();
        self.append(batches);
        started.elapsed()
    }

    pub(crate) fn measure(&mut self, batches: usize) -> Cost {
        let (written, cpu) = (self.written(), cpu_seconds());
        let elapsed = self.timed(batches);
        let batches = batches.div_ceil(self.writers) * self.writers;
        let payload = (batches * self.batch_entries * ENTRY_BYTES) as f64;
        Cost {
            megabytes: payload / 1e6,
            seconds: elapsed.as_secs_f64(),
            cpu_seconds: cpu_seconds() - cpu,
            amplification: (self.written() - written) / payload,
            resident_mib: resident_mib(),
        }
    }

    /// Seconds to open the directory once more, from lock to first read.
    pub(crate) fn reopened(&mut self) -> f64 {
        self.runtime.block_on(async {
            self.storage.close().await.expect("the disk works");
            let started = Instant::now();
            let parts = parts(self.directory.path(), Meters::default());
            self.storage = Storage::open(Config::default(), parts).await.expect("all is well");
            let log = self.storage.log(self.logs[0].id());
            log.read(Offset::FIRST, 1, 1).await.expect("all is well");
            started.elapsed().as_secs_f64()
        })
    }

    /// Reads every log from its first entry to its last.
    pub(crate) fn read_all(&self) {
        self.runtime.block_on(async {
            for log in &*self.logs {
                let mut next = Offset::FIRST;
                while next < log.state().next {
                    let read = log.read(next, 10_000, READ_BYTES).await.expect("all is well");
                    next = read.next;
                }
            }
        });
    }

    /// Bytes written to journal, segments and manifests so far.
    fn written(&self) -> f64 {
        let kinds = ["journal", "segment", "manifest"];
        kinds.map(|kind| self.metric(&format!("weir_storage_{kind}_bytes_total"))).iter().sum()
    }

    /// What a metric without labels says.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.meters.render();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.expect("there is such a metric").parse().expect("a number")
    }
}

fn parts(path: &Path, meters: Meters) -> Parts {
    let objects = LocalObjects::new(path).expect("the directory is there");
    Parts {
        disk: Arc::new(LocalDisk::new(path).expect("the directory is there")),
        objects: Arc::new(objects),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        tasks: Tasks::default(),
        meters,
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.storage.close());
    }
}

/// What one task appends to.
struct Writer {
    storage: Storage,
    payloads: Arc<Vec<Vec<u8>>>,
    logs: Arc<Vec<Log>>,
    entries: usize,
}

impl Writer {
    /// Spreads one batch over the logs, as a PutRecords request is spread over shards.
    async fn append_batch(&self, number: usize) {
        let Self { storage, payloads, logs, entries } = self;
        let bytes = entries * (ENTRY_BYTES + ENTRY_OVERHEAD);
        let mut permit = storage.admit(bytes).await.expect("the disk keeps up");
        let time = SystemClock.now();
        let mut by_log: Vec<(usize, usize)> = (0..*entries)
            .map(|entry| {
                let index = number * entries + entry;
                let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
                (hash as usize % logs.len(), index % payloads.len())
            })
            .collect();
        by_log.sort_unstable();
        let mut commits = Vec::new();
        for entries in by_log.chunk_by(|a, b| a.0 == b.0) {
            let mut batch = permit.batch(time, entries.len() * 1030);
            for (_, payload) in entries {
                batch.push(&[&payloads[*payload]]);
            }
            commits.push(logs[entries[0].0].append(&mut permit, batch).expect("the log is open"));
        }
        for commit in commits {
            commit.durable().await.expect("the disk works");
        }
    }
}

async fn trim_all(logs: &[Log]) {
    let mut last = None;
    for log in logs {
        last = Some(log.trim(log.state().next).expect("the log is open"));
    }
    if let Some(last) = last {
        last.durable().await.expect("the disk works");
    }
}

fn payload(seed: u64, text: bool) -> Vec<u8> {
    let mut random = seed + 1;
    let mut next = || {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        random >> 33
    };
    let mut bytes = Vec::new();
    while bytes.len() < ENTRY_BYTES {
        if text {
            let (device, value, status) = (next() % 5000, next() % 100_000, next() % 5);
            let line = format!(
                "{{\"device\":\"sensor-{device:05}\",\"time\":\"2026-11-24T01:{:02}:{:02}Z\",\
                 \"temperature\":{}.{:02},\"status\":\"code-{status}\"}}",
                next() % 60,
                next() % 60,
                value / 1000,
                value % 100,
            );
            bytes.extend(line.into_bytes());
        } else {
            bytes.extend((next() as u32).to_le_bytes());
        }
    }
    bytes.truncate(ENTRY_BYTES);
    bytes
}

/// CPU time of this process, all threads, user and kernel.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has it");
    let after_name = stat.rsplit(") ").next().expect("the name is in parentheses");
    let fields: Vec<f64> = after_name.split(' ').filter_map(|field| field.parse().ok()).collect();
    // The state letter is not a number, so field 14 of proc(5), utime, is the eleventh here.
    (fields[10] + fields[11]) / TICKS_PER_SECOND
}

pub(crate) fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}
