//! What the tests run on: a world outlives the storages that are opened on it.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use object_store::ObjectStore;
use runtime::{Disk, LocalDisk, LocalObjects, Meters, SystemClock, SystemEntropy, Tasks};
use storage::{Batch, Config, ENTRY_OVERHEAD, Error, Log, Offset, Parts, Storage};
use tempfile::TempDir;

use crate::disk::FaultDisk;
use crate::objects::FaultObjects;

/// A disk and objects.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) tasks: Tasks,
    pub(crate) meters: Meters,
    pub(crate) directory: Option<TempDir>,
}

impl World {
    /// A directory of this machine, and threads.
    pub(crate) fn local() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(directory.path()).unwrap();
        Self {
            config: config(),
            disk: Arc::new(LocalDisk::new(directory.path()).unwrap()),
            objects: Arc::new(objects),
            tasks: Tasks::default(),
            meters: Meters::default(),
            directory: Some(directory),
        }
    }

    /// Everything in memory, on one thread.
    pub(crate) fn simulated() -> (Self, FaultDisk, FaultObjects) {
        let (disk, objects) = (FaultDisk::default(), FaultObjects::default());
        let world = Self {
            config: config(),
            disk: Arc::new(disk.clone()),
            objects: Arc::new(objects.clone()),
            tasks: Tasks::simulated(),
            meters: Meters::default(),
            directory: None,
        };
        (world, disk, objects)
    }

    pub(crate) async fn open(&mut self) -> Storage {
        self.try_open().await.unwrap()
    }

    /// Opens a storage with tasks and meters of its own.
    pub(crate) async fn try_open(&mut self) -> Result<Storage, Error> {
        self.meters = Meters::default();
        let parts = Parts {
            disk: self.disk.clone(),
            objects: self.objects.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            tasks: self.tasks.clone(),
            meters: self.meters.clone(),
        };
        Storage::open(self.config.clone(), parts).await
    }

    /// Ends every task where it is, as a dying process does. Simulated worlds only.
    pub(crate) async fn abort(&mut self) {
        let tasks = std::mem::replace(&mut self.tasks, Tasks::simulated());
        tasks.stop_all(Duration::ZERO).await;
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.meters.render();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap()
    }
}

/// Small files, and segments that are cut when a second has passed.
fn config() -> Config {
    Config {
        journal_file_bytes: bytesize::ByteSize::mib(1),
        tail_bytes: bytesize::ByteSize::mib(32),
        segment_bytes: bytesize::ByteSize::mib(1),
        segment_age: Duration::from_secs(1),
        ..Config::default()
    }
}

/// Lets the upkeep cut what is in the tail, and do what follows from it. Paused clocks only.
pub(crate) async fn let_upkeep_work() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Appends `payloads` as one batch, waits until they are durable, and answers the first offset.
pub(crate) async fn append<P: AsRef<[u8]>>(
    storage: &Storage,
    log: &Log,
    time: u64,
    payloads: &[P],
) -> Result<Offset, Error> {
    let commit = enqueue(storage, log, time, payloads).await?;
    let base = commit.base;
    commit.durable().await?;
    Ok(base)
}

/// Appends without waiting for durability.
pub(crate) async fn enqueue<P: AsRef<[u8]>>(
    storage: &Storage,
    log: &Log,
    time: u64,
    payloads: &[P],
) -> Result<storage::Commit, Error> {
    let cost = |payload: &P| payload.as_ref().len() + ENTRY_OVERHEAD;
    let mut permit = storage.admit(payloads.iter().map(cost).sum()).await?;
    let mut batch = Batch::new(Timestamp::from_millis(time), 0);
    for payload in payloads {
        batch.push(&[payload.as_ref()]);
    }
    log.append(&mut permit, batch)
}

/// Everything in `log` from `from` on: offset, time, payload.
pub(crate) async fn read_all(log: &Log, from: u64) -> Vec<(u64, u64, Vec<u8>)> {
    let mut all = Vec::new();
    let mut from = Offset(from);
    loop {
        let read = log.read(from, 7, 1000).await.unwrap();
        if read.entries.is_empty() {
            return all;
        }
        from = read.next;
        let entries = read.entries.iter();
        all.extend(entries.map(|e| (e.offset.0, e.time.as_millis(), e.payload.to_vec())));
    }
}
