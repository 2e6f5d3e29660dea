//! A disk that forgets: what was not synced may be lost or torn at a crash, sector by sector.
//!
//! Reads see every write, as through a page cache. `sync` makes a file's writes so far durable.
//! Creating and removing a file is durable when the call returns, as `Disk` promises.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use runtime::{Disk, DiskFile, DiskLock};

use super::SimEntropy;

/// What a real disk writes atomically.
const SECTOR: usize = 512;

/// What becomes of unsynced writes at a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashFate {
    /// All are lost.
    Lost,
    /// Each sector of each write is lost or kept by chance.
    Torn,
}

#[derive(Default)]
struct FileState {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What would survive a crash for certain.
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

type Files = Arc<Mutex<BTreeMap<String, FileState>>>;

/// The simulated disk of one machine.
pub struct SimDisk {
    files: Files,
    entropy: Arc<SimEntropy>,
    held: Arc<Mutex<bool>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if content.len() < offset + data.len() {
        content.resize(offset + data.len(), 0);
    }
    content[offset..offset + data.len()].copy_from_slice(data);
}

impl SimDisk {
    pub(super) fn new(entropy: Arc<SimEntropy>) -> Self {
        Self { files: Arc::default(), entropy, held: Arc::default() }
    }

    /// Power goes: every file falls back to what was durable, plus what `fate` lets through.
    pub fn crash(&self, fate: CrashFate) {
        for file in lock(&self.files).values_mut() {
            for (offset, data) in std::mem::take(&mut file.unsynced) {
                for (index, sector) in data.chunks(SECTOR).enumerate() {
                    if fate == CrashFate::Torn && self.entropy.within(0..2) == 0 {
                        place(&mut file.durable, offset + index * SECTOR, sector);
                    }
                }
            }
            file.seen.clone_from(&file.durable);
        }
        *lock(&self.held) = false;
    }

    /// Every operation takes a little while, so that tasks interleave and crashes fall between.
    async fn take_time(entropy: &SimEntropy) {
        tokio::time::sleep(Duration::from_micros(entropy.within(20..600))).await;
    }

    fn handle(&self, path: &str) -> Box<dyn DiskFile> {
        Box::new(SimFile {
            path: path.to_owned(),
            files: self.files.clone(),
            entropy: self.entropy.clone(),
        })
    }
}

#[async_trait]
impl Disk for SimDisk {
    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let files = lock(&self.files);
        Ok(files.keys().filter_map(|path| path.strip_prefix(&prefix)).map(Into::into).collect())
    }

    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        Self::take_time(&self.entropy).await;
        let mut files = lock(&self.files);
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.insert(path.to_owned(), FileState::default());
        Ok(self.handle(path))
    }

    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if !lock(&self.files).contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(self.handle(path))
    }

    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.open(path).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        Self::take_time(&self.entropy).await;
        lock(&self.files).remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    async fn lock(&self) -> io::Result<DiskLock> {
        let mut held = lock(&self.held);
        if *held {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *held = true;
        Ok(DiskLock::new(Release(self.held.clone())))
    }
}

struct Release(Arc<Mutex<bool>>);

impl Drop for Release {
    fn drop(&mut self) {
        *lock(&self.0) = false;
    }
}

struct SimFile {
    path: String,
    files: Files,
    entropy: Arc<SimEntropy>,
}

impl SimFile {
    fn with<T>(&self, use_file: impl FnOnce(&mut FileState) -> T) -> io::Result<T> {
        let mut files = lock(&self.files);
        let file = files.get_mut(&self.path).ok_or(io::ErrorKind::NotFound)?;
        Ok(use_file(file))
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated files fit in memory")
}

#[async_trait]
impl DiskFile for SimFile {
    async fn len(&self) -> io::Result<u64> {
        self.with(|file| file.seen.len() as u64)
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.with(|file| {
            let start = position(offset).min(file.seen.len());
            let end = start.saturating_add(length).min(file.seen.len());
            Bytes::copy_from_slice(&file.seen[start..end])
        })
    }

    async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        // The write is in the cache before its time has passed: a crash meanwhile may tear it.
        self.with(|file| {
            place(&mut file.seen, position(offset), data);
            file.unsynced.push((position(offset), data.to_vec()));
        })?;
        SimDisk::take_time(&self.entropy).await;
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        let pending = self.with(|file| file.unsynced.len())?;
        SimDisk::take_time(&self.entropy).await;
        self.with(|file| {
            for (offset, data) in file.unsynced.drain(..pending) {
                place(&mut file.durable, offset, &data);
            }
        })
    }
}
