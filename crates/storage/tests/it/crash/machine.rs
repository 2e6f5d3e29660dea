//! A machine that notes what is done to its disk and its objects, and in which order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, io};

use async_trait::async_trait;
use bytes::Bytes;
use model::Timestamp;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use parking_lot::Mutex;
use runtime::{Clock, Disk, DiskFile, DiskLock, Entropy, Meters, Tasks};
use storage::{Config, Error, Parts, Storage};

use crate::crash::image::{File, Image, Written};

/// Something that changed what a power failure leaves, or could leave.
#[derive(Clone)]
pub(crate) enum Event {
    Create(String),
    Write(String, Written),
    Sync(String),
    Remove(String),
    PutBegun(Path, Bytes),
    PutDone(Path),
    Deleted(Path),
}

/// An event, and how many items were on their way and acknowledged before it.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) event: Event,
    pub(crate) issued: usize,
    pub(crate) acknowledged: usize,
}

#[derive(Default)]
pub(crate) struct Tape {
    pub(crate) moments: Vec<Moment>,
    pub(crate) issued: usize,
    pub(crate) acknowledged: usize,
    recording: bool,
}

/// A disk and objects in memory. Clones are the same machine.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) files: Arc<Mutex<BTreeMap<String, File>>>,
    pub(crate) store: Arc<InMemory>,
    pub(crate) tape: Arc<Mutex<Tape>>,
    pub(crate) tasks: Tasks,
}

impl Machine {
    pub(crate) async fn of(image: Image, recording: bool) -> Self {
        let store = InMemory::new();
        for (path, bytes) in image.objects {
            store.put(&path, bytes.into()).await.unwrap();
        }
        Self {
            files: Arc::new(Mutex::new(image.files)),
            store: Arc::new(store),
            tape: Arc::new(Mutex::new(Tape { recording, ..Tape::default() })),
            tasks: Tasks::simulated(),
        }
    }

    pub(crate) async fn open(&self, config: &Config, seed: u64) -> Result<Storage, Error> {
        let parts = Parts {
            disk: Arc::new(self.clone()),
            objects: Arc::new(self.clone()),
            clock: Arc::new(Still),
            entropy: Arc::new(Seeded(AtomicU64::new(seed))),
            tasks: self.tasks.clone(),
            meters: Meters::default(),
        };
        Storage::open(config.clone(), parts).await
    }

    /// The processor stops.
    pub(crate) async fn stop(&self) {
        self.tasks.abort_all().await;
    }

    /// Notes an event and lets others go first, so that journal and upkeep interleave.
    pub(crate) async fn note(&self, event: impl FnOnce() -> Event) {
        {
            let mut tape = self.tape.lock();
            if !tape.recording {
                return;
            }
            let (issued, acknowledged) = (tape.issued, tape.acknowledged);
            tape.moments.push(Moment { event: event(), issued, acknowledged });
        }
        tokio::task::yield_now().await;
    }

    fn handle(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if !self.files.lock().contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(Handle { machine: self.clone(), path: path.into() }))
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects of a machine")
    }
}

#[async_trait]
impl Disk for Machine {
    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let files = self.files.lock();
        Ok(files.keys().filter_map(|path| path.strip_prefix(&prefix)).map(Into::into).collect())
    }

    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if self.files.lock().insert(path.into(), File::default()).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.note(|| Event::Create(path.into())).await;
        self.handle(path)
    }

    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.files.lock().remove(path).ok_or(io::ErrorKind::NotFound)?;
        self.note(|| Event::Remove(path.into())).await;
        Ok(())
    }

    async fn lock(&self) -> io::Result<DiskLock> {
        Ok(DiskLock::new(()))
    }
}

struct Handle {
    machine: Machine,
    path: String,
}

impl Handle {
    fn with<T>(&self, work: impl FnOnce(&mut File) -> T) -> io::Result<T> {
        let mut files = self.machine.files.lock();
        Ok(work(files.get_mut(&self.path).ok_or(io::ErrorKind::NotFound)?))
    }
}

#[async_trait]
impl DiskFile for Handle {
    async fn len(&self) -> io::Result<u64> {
        self.with(|file| file.length)
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.with(|file| file.read(offset, length))
    }

    async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = Written::new(offset, data);
        self.with(|file| file.write(&written))?;
        self.machine.note(|| Event::Write(self.path.clone(), written)).await;
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        self.machine.note(|| Event::Sync(self.path.clone())).await;
        Ok(())
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }
}

struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(8) {
            let seed = self.0.fetch_add(1, Ordering::Relaxed);
            part.copy_from_slice(&scramble(seed).to_le_bytes()[..part.len()]);
        }
    }
}

/// A number that looks like chance and follows from `seed`.
pub(crate) fn scramble(seed: u64) -> u64 {
    let mut number = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
