//! Files below one directory, by relative path.
//!
//! The calls are `async` so that a simulated disk can take simulated time. The real one does its
//! work inside the call and blocks: call it from a dedicated task (`Tasks::dedicated`) or at start.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;

use crate::direct::{self, Durable};
use crate::pages::PAGE_BYTES;

/// A directory that holds files.
#[async_trait]
pub trait Disk: Send + Sync + 'static {
    /// The names directly below `directory`, sorted; none when it does not exist.
    async fn list(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Makes a new, empty file and its parent directories, durable in their directories.
    /// Fails when the file exists.
    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing file for reading and writing.
    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing file for reading only.
    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Removes a file, durably.
    async fn remove(&self, path: &str) -> io::Result<()>;

    /// Takes the directory for this process, or says `WouldBlock` when another one holds it.
    /// Dropping the lock gives it back.
    async fn lock(&self) -> io::Result<DiskLock>;
}

/// One open file.
#[async_trait]
#[expect(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait DiskFile: Send + Sync {
    /// Length in bytes.
    async fn len(&self) -> io::Result<u64>;

    /// Reads up to `length` bytes at `offset`; fewer only at the end of the file.
    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;

    /// Writes all of `data` at `offset`. Durable only after `sync`.
    async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Makes everything written so far durable (`fdatasync`).
    async fn sync(&self) -> io::Result<()>;

    /// Writes `parts` in a row from `offset` on and makes them durable. Quickest for whole pages of
    /// [`Pages`](crate::Pages) below the end of what was written and synced before.
    async fn write_durably(&self, mut offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts {
            self.write_at(offset, part).await?;
            offset += part.len() as u64;
        }
        self.sync().await
    }
}

/// Holds a directory for this process.
pub struct DiskLock(#[expect(dead_code, reason = "held for its Drop")] Box<dyn Send + Sync>);

impl DiskLock {
    /// Wraps whatever gives the directory back when dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

/// The file whose lock stands for the directory.
const LOCK: &str = "lock";

/// A directory of the machine's file system.
#[derive(Clone, Debug)]
pub struct LocalDisk {
    root: PathBuf,
}

impl LocalDisk {
    /// Uses `root`, making it if needed.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// Uses `root` as it is, making nothing: for readers that must not change a byte.
    pub fn existing(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        if !fs::metadata(&root)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { root })
    }

    /// The number of the process that holds, or last held, `root`.
    pub fn holder(root: &Path) -> Option<u32> {
        fs::read_to_string(root.join(LOCK)).ok()?.trim().parse().ok()
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[async_trait]
impl Disk for LocalDisk {
    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(directory)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.root.join(path);
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        if !parent.is_dir() {
            fs::create_dir_all(parent)?;
            sync_directory(&self.root)?;
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        file.sync_all()?;
        sync_directory(parent)?;
        Ok(Box::new(LocalFile { file, path, durable: OnceLock::new() }))
    }

    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.root.join(path);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(Box::new(LocalFile { file, path, durable: OnceLock::new() }))
    }

    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.root.join(path);
        Ok(Box::new(LocalFile { file: File::open(&path)?, path, durable: OnceLock::new() }))
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        fs::remove_file(&path)?;
        sync_directory(path.parent().ok_or(io::ErrorKind::InvalidInput)?)
    }

    async fn lock(&self) -> io::Result<DiskLock> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => {
                // Only so that whoever is refused can be told by whom; a full disk may lose it.
                let _ = file.set_len(0);
                let _ = file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0);
                Ok(DiskLock::new(file))
            }
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

struct LocalFile {
    file: File,
    path: PathBuf,
    /// The same file, opened so that what it writes is durable at once.
    durable: OnceLock<File>,
}

impl LocalFile {
    fn durable(&self) -> io::Result<&File> {
        if self.durable.get().is_none() {
            let mut options = OpenOptions::new();
            let file = direct::open(options.write(true), &self.path, Durable::AtOnce)?;
            // Whoever came first has opened the same.
            let _ = self.durable.set(file);
        }
        Ok(self.durable.get().expect("it was just set"))
    }
}

/// Whether a write may go around the page cache, as for where it goes.
fn is_whole_pages(offset: u64) -> bool {
    offset.is_multiple_of(PAGE_BYTES as u64)
}

/// The same, as for what is written.
fn are_whole_pages(data: &[u8]) -> bool {
    data.len().is_multiple_of(PAGE_BYTES) && data.as_ptr().align_offset(PAGE_BYTES) == 0
}

#[async_trait]
impl DiskFile for LocalFile {
    async fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let available = self.file.metadata()?.len().saturating_sub(offset);
        let mut buffer = vec![0; length.min(usize::try_from(available).unwrap_or(usize::MAX))];
        self.file.read_exact_at(&mut buffer, offset)?;
        Ok(buffer.into())
    }

    async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    async fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    async fn write_durably(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        if is_whole_pages(offset) && parts.iter().all(|part| are_whole_pages(part)) {
            return direct::write_parts(self.durable()?, offset, parts);
        }
        direct::write_parts(&self.file, offset, parts)?;
        self.file.sync_data()
    }
}
