//! A disk in memory that can crash, tear, flip, fill up and fail.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use runtime::{Disk, DiskFile, DiskLock};

/// What is written whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(crate) struct FaultDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Handles of an earlier life do nothing any more.
    life: u64,
    locked: Arc<AtomicBool>,
    /// The most bytes all files may have together.
    capacity: Option<usize>,
    syncs_fail: bool,
    writes_denied: bool,
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    current: Vec<u8>,
}

impl FaultDisk {
    /// Power off and on: of what was not synced, each sector survives or not as `chance` says.
    pub(crate) fn crash(&self, mut chance: impl FnMut() -> bool) {
        let mut state = self.0.lock();
        state.life += 1;
        state.locked = Arc::default();
        for file in state.files.values_mut() {
            let grown = file.current.len() > file.durable.len() && chance();
            if grown {
                file.durable.resize(file.current.len(), 0);
            }
            let sectors = file.durable.chunks_mut(SECTOR).zip(file.current.chunks(SECTOR));
            for (durable, current) in sectors {
                let length = durable.len().min(current.len());
                if durable[..length] != current[..length] && chance() {
                    durable[..length].copy_from_slice(&current[..length]);
                }
            }
            file.current = file.durable.clone();
        }
    }

    /// The process dies, the machine lives on: everything written is still there, synced or not.
    pub(crate) fn kill(&self) {
        let mut state = self.0.lock();
        state.life += 1;
        state.locked = Arc::default();
    }

    pub(crate) fn limit(&self, capacity: Option<usize>) {
        self.0.lock().capacity = capacity;
    }

    pub(crate) fn used(&self) -> usize {
        self.0.lock().files.values().map(|file| file.current.len()).sum()
    }

    pub(crate) fn fail_syncs(&self, fail: bool) {
        self.0.lock().syncs_fail = fail;
    }

    pub(crate) fn deny_writes(&self) {
        self.0.lock().writes_denied = true;
    }

    /// Changes what is on the disk behind everybody's back.
    pub(crate) fn edit(&self, path: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        let file = state.files.get_mut(path).unwrap();
        edit(&mut file.durable);
        file.current = file.durable.clone();
    }

    /// Every file with its bytes.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.0.lock();
        state.files.iter().map(|(path, file)| (path.clone(), file.current.clone())).collect()
    }

    fn handle(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.0.lock();
        if !state.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(Handle { disk: self.clone(), path: path.into(), life: state.life }))
    }
}

impl State {
    fn refuse_denied(&self) -> io::Result<()> {
        if self.writes_denied { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

#[async_trait]
impl Disk for FaultDisk {
    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let state = self.0.lock();
        Ok(state
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .map(Into::into)
            .collect())
    }

    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        {
            let mut state = self.0.lock();
            state.refuse_denied()?;
            if state.files.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.files.insert(path.into(), File::default());
        }
        self.handle(path)
    }

    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.0.lock().refuse_denied()?;
        self.handle(path)
    }

    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        state.refuse_denied()?;
        state.files.remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    async fn lock(&self) -> io::Result<DiskLock> {
        let state = self.0.lock();
        state.refuse_denied()?;
        if state.locked.swap(true, Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(DiskLock::new(Unlock(state.locked.clone())))
    }
}

struct Unlock(Arc<AtomicBool>);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

struct Handle {
    disk: FaultDisk,
    path: String,
    life: u64,
}

impl Handle {
    fn with<T>(&self, work: impl FnOnce(&mut State, &str) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.0.lock();
        if state.life != self.life {
            return Err(io::Error::other("the process of this handle is dead"));
        }
        work(&mut state, &self.path)
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotFound.into()
}

#[async_trait]
impl DiskFile for Handle {
    async fn len(&self) -> io::Result<u64> {
        self.with(|state, path| Ok(state.files.get(path).ok_or_else(gone)?.current.len() as u64))
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.with(|state, path| {
            let bytes = &state.files.get(path).ok_or_else(gone)?.current;
            let start = bytes.len().min(offset as usize);
            let end = bytes.len().min(start + length);
            Ok(Bytes::copy_from_slice(&bytes[start..end]))
        })
    }

    async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|state, path| {
            state.refuse_denied()?;
            let used: usize = state.files.values().map(|file| file.current.len()).sum();
            let file = state.files.get_mut(path).ok_or_else(gone)?;
            let end = offset as usize + data.len();
            let grown = end.saturating_sub(file.current.len());
            if state.capacity.is_some_and(|capacity| grown > 0 && used + grown > capacity) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.current.resize(file.current.len().max(end), 0);
            file.current[offset as usize..end].copy_from_slice(data);
            Ok(())
        })
    }

    async fn sync(&self) -> io::Result<()> {
        self.with(|state, path| {
            if state.syncs_fail {
                return Err(io::Error::other("the sync failed"));
            }
            let file = state.files.get_mut(path).ok_or_else(gone)?;
            file.durable = file.current.clone();
            Ok(())
        })
    }
}
