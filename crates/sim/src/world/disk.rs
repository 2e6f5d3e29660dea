//! A disk that forgets, fails, fills up, rots and reads elsewhere.
//!
//! Reads see every write, as through a page cache. `sync` makes a file's writes so far durable.
//! Creating and removing a file is durable when the call returns, as `Disk` promises; a power loss
//! before that leaves the one or the other.
//!
//! What the journal wrote last, synced or not, is never damaged: after a crash nobody can tell
//! whether that is damage or a write that was under way.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use runtime::{Disk, DiskFile, DiskLock};

use super::file::FileState;
use super::{Fate, SimEntropy, full, take_time};
use crate::faults::{Fault, Faults};

/// Between a chunk and the next one come at most these syncs: more room in its file, or a file's
/// room and its header.
const UNTOUCHED_SYNCS: usize = 4;
const JOURNAL: &str = "journal/";
/// One read in so many goes astray, while that happens.
const MISDIRECTED_ONE_IN: u64 = 12;
/// Reads go astray by whole blocks.
const BLOCK: usize = 4096;

#[derive(Default)]
struct Files {
    named: BTreeMap<String, FileState>,
    /// Named in a directory that is not synced yet.
    creating: Vec<String>,
    /// No longer named, but in a directory that is not synced yet.
    removing: Vec<(String, FileState)>,
    /// What the journal synced last, oldest first.
    untouched: VecDeque<(String, Vec<Range<usize>>)>,
    sync_failed: bool,
}

/// The simulated disk of one machine. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    files: Arc<Mutex<Files>>,
    entropy: Arc<SimEntropy>,
    faults: Arc<Faults>,
    held: Arc<Mutex<bool>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimDisk {
    pub(super) fn new(entropy: Arc<SimEntropy>, faults: Arc<Faults>) -> Self {
        Self { files: Arc::default(), entropy, faults, held: Arc::default() }
    }

    pub(super) fn end(&self, fate: Fate) {
        let mut files = lock(&self.files);
        let files = &mut *files;
        let undone = || fate == Fate::Lost || (fate == Fate::Torn && self.entropy.one_in(2));
        for path in files.creating.drain(..) {
            if undone() {
                files.named.remove(&path);
            }
        }
        for (path, file) in files.removing.drain(..) {
            if undone() {
                files.named.insert(path, file);
            }
        }
        for file in files.named.values_mut() {
            file.end(fate, &self.entropy);
        }
        files.sync_failed = false;
        *lock(&self.held) = false;
    }

    /// Whether a sync of the journal failed since the node started.
    pub fn sync_failed(&self) -> bool {
        lock(&self.files).sync_failed
    }

    pub(super) fn rot(&self, bits: u64) {
        let mut files = lock(&self.files);
        for _ in 0..bits {
            let count = files.named.len();
            let chosen = (count > 0).then(|| self.entropy.index(count));
            let path = chosen.and_then(|index| files.named.keys().nth(index)).cloned();
            let Some(path) = path else { return };
            let length = files.named[&path].len();
            let byte = self.entropy.index(length.max(1));
            if byte < length && !files.is_untouched(&path, &(byte..byte + 1)) {
                let file = files.named.get_mut(&path).expect("it was just found");
                file.rot.flip(byte, self.entropy.within(0..8));
            }
        }
    }

    pub(super) fn is_rotten(&self) -> bool {
        lock(&self.files).named.values().any(|file| !file.rot.is_empty())
    }

    pub(super) fn heal(&self) {
        for file in lock(&self.files).named.values_mut() {
            file.rot = super::rot::Rot::default();
        }
    }

    async fn take_time(&self) {
        take_time(&self.entropy, &self.faults).await;
    }

    fn handle(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if !lock(&self.files).named.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(SimFile { path: path.to_owned(), disk: self.clone() }))
    }
}

impl Files {
    fn file(&mut self, path: &str) -> io::Result<&mut FileState> {
        self.named.get_mut(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_untouched(&self, path: &str, range: &Range<usize>) -> bool {
        let under_way = |file: &FileState| path.starts_with(JOURNAL) && file.is_unsynced(range);
        if self.named.get(path).is_some_and(under_way) {
            return true;
        }
        let overlaps = |it: &Range<usize>| it.start < range.end && range.start < it.end;
        self.untouched.iter().any(|(of, ranges)| of == path && ranges.iter().any(overlaps))
    }

    /// As many bytes of another place of any file.
    fn elsewhere(&self, length: usize, entropy: &SimEntropy) -> Vec<u8> {
        let (path, file) = self.named.iter().nth(entropy.index(self.named.len())).expect("a file");
        let offset = entropy.index(file.len() / BLOCK + 1) * BLOCK;
        tracing::debug!(path, offset, "a read goes astray");
        let mut bytes = file.read(offset, length);
        bytes.resize(length, 0);
        bytes
    }
}

#[async_trait]
impl Disk for SimDisk {
    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let files = lock(&self.files);
        let below = files.named.keys().filter_map(|path| path.strip_prefix(&prefix));
        Ok(below.map(Into::into).collect())
    }

    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if self.faults.is_on(Fault::FullDisk) {
            return Err(full());
        }
        {
            let mut files = lock(&self.files);
            if files.named.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            files.named.insert(path.to_owned(), FileState::default());
            files.creating.push(path.to_owned());
        }
        self.take_time().await;
        lock(&self.files).creating.retain(|creating| creating != path);
        self.handle(path)
    }

    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        {
            let mut files = lock(&self.files);
            let file = files.named.remove(path).ok_or(io::ErrorKind::NotFound)?;
            files.removing.push((path.to_owned(), file));
        }
        self.take_time().await;
        lock(&self.files).removing.retain(|(removing, _)| removing != path);
        Ok(())
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
    disk: SimDisk,
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated files fit in memory")
}

#[async_trait]
impl DiskFile for SimFile {
    async fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.disk.files).file(&self.path)?.len() as u64)
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let SimDisk { files, entropy, faults, .. } = &self.disk;
        let mut files = lock(files);
        let start = position(offset);
        let bytes = files.file(&self.path)?.read(start, length);
        let astray = faults.is_on(Fault::MisdirectedRead) && entropy.one_in(MISDIRECTED_ONE_IN);
        if astray && !files.is_untouched(&self.path, &(start..start + bytes.len())) {
            return Ok(files.elsewhere(bytes.len(), entropy).into());
        }
        Ok(bytes.into())
    }

    async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = position(offset);
        // The write is in the cache before its time has passed: a crash meanwhile may tear it.
        {
            let mut files = lock(&self.disk.files);
            let file = files.file(&self.path)?;
            let grows = start + data.len() > file.len();
            if grows && self.disk.faults.is_on(Fault::FullDisk) {
                let fits = file.len().saturating_sub(start).min(data.len());
                file.write(start, &data[..fits]);
                return Err(full());
            }
            file.write(start, data);
        }
        self.disk.take_time().await;
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        let pending = lock(&self.disk.files).file(&self.path)?.pending();
        self.disk.take_time().await;
        let is_journal = self.path.starts_with(JOURNAL);
        let mut files = lock(&self.disk.files);
        if is_journal && self.disk.faults.end(Fault::FailedSync) {
            files.sync_failed = true;
            files.file(&self.path)?.sync_failed(pending, &self.disk.entropy);
            return Err(io::Error::other("the sync failed"));
        }
        let ranges = files.file(&self.path)?.synced(pending);
        if is_journal {
            files.untouched.push_back((self.path.clone(), ranges));
            while files.untouched.len() > UNTOUCHED_SYNCS {
                files.untouched.pop_front();
            }
        }
        Ok(())
    }
}
