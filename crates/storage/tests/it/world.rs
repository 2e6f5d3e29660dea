//! What the tests run on.

use std::sync::Arc;

use model::Timestamp;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use runtime::{Disk, LocalDisk, Meters, SystemClock, SystemEntropy, Tasks};
use storage::{Batch, Config, ENTRY_OVERHEAD, Error, Log, Offset, Parts, Storage};
use tempfile::TempDir;

/// A data directory that storages are opened on, one after the other.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) config: Config,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), config: Config::default() }
    }

    pub(crate) fn parts(&self) -> Parts {
        let objects = LocalFileSystem::new_with_prefix(self.directory.path()).unwrap();
        parts(
            Arc::new(LocalDisk::new(self.directory.path()).unwrap()),
            Arc::new(objects.with_fsync(true)),
        )
    }

    pub(crate) async fn open(&self) -> Storage {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Storage, Error> {
        Storage::open(self.config.clone(), self.parts()).await
    }
}

pub(crate) fn parts(disk: Arc<dyn Disk>, objects: Arc<dyn ObjectStore>) -> Parts {
    Parts {
        disk,
        objects,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        tasks: Tasks::default(),
        meters: Meters::default(),
    }
}

/// Appends `payloads` as one batch, waits until they are durable, and answers the first offset.
pub(crate) async fn append(
    storage: &Storage,
    log: &Log,
    time: u64,
    payloads: &[&[u8]],
) -> Result<Offset, Error> {
    let bytes = payloads.iter().map(|payload| payload.len() + ENTRY_OVERHEAD).sum();
    let mut permit = storage.admit(bytes).await?;
    let mut batch = Batch::new(Timestamp::from_millis(time), 0);
    for payload in payloads {
        batch.push(&[payload]);
    }
    let commit = log.append(&mut permit, batch)?;
    let base = commit.base;
    commit.durable().await?;
    Ok(base)
}

/// Everything in `log` from `from` on: offset, time, payload.
pub(crate) async fn read_all(log: &Log, from: u64) -> Vec<(u64, u64, Vec<u8>)> {
    let mut all = Vec::new();
    let mut from = Offset(from);
    loop {
        let read = log.read(from, 1000, 1 << 20).await.unwrap();
        if read.entries.is_empty() {
            return all;
        }
        from = read.next;
        all.extend(
            read.entries.iter().map(|e| (e.offset.0, e.time.as_millis(), e.payload.to_vec())),
        );
    }
}
