//! Small values that can be destroyed: each is a file of its own, overwritten before it goes.
//!
//! What an entry of a log once held stays in journal files and segments until upkeep gets to
//! them, which nobody can wait for. What must be gone when a call returns is kept here instead.
//!
//! Invariants: a value that was put is durable. One that was erased is overwritten and synced
//! before its file is removed, so it is gone whatever happens between. A value is put before
//! anything durable names it: after a crash an unnamed or half-written one means nothing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use runtime::{Disk, DiskFile};

use crate::checksum::crc32c_of;
use crate::error::{Damage, Error, Result};

const DIRECTORY: &str = "erasable";
const MAGIC: &[u8; 8] = b"WEIRERAS";
const VERSION: u16 = 1;

/// Magic, version, bytes of the value, checksum.
const HEADER_BYTES: usize = 16;

/// The most bytes of a value: it is a secret, not a record.
const VALUE_BYTES_MAX: usize = 4096;

/// The values of a data directory that can be destroyed. The calls may block, as those of the
/// disk do: make them on a dedicated task or at start.
#[derive(Clone)]
pub struct Erasable {
    disk: Arc<dyn Disk>,
}

impl Erasable {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// The names of the values, sorted.
    pub async fn names(&self) -> Result<Vec<String>> {
        let listing = self.disk.list(DIRECTORY).await;
        listing.map_err(|error| Error::io(format!("listing {DIRECTORY}"), error))
    }

    /// Makes `value` durable under `name`, in the place of what is there.
    pub async fn put(&self, name: &str, value: &[u8]) -> Result<()> {
        assert!(value.len() <= VALUE_BYTES_MAX, "{name} is no small value");
        let length = (value.len() as u16).to_le_bytes();
        let head = [MAGIC, &VERSION.to_le_bytes()[..], &length].concat();
        let checksum = crc32c_of(&[&head, value]).to_le_bytes();
        let bytes = [&head[..], &checksum, value].concat();
        let path = path(name);
        let written = async {
            let file = match self.disk.open(&path).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.disk.create(&path).await?
                }
                opened => opened?,
            };
            file.write_at(0, &bytes).await?;
            file.sync().await
        };
        written.await.map_err(|error| Error::io(format!("writing {path}"), error))
    }

    /// The value under `name`, if there is one.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        let path = path(name);
        let read = async {
            let file = self.disk.open_read_only(&path).await?;
            file.read_at(0, HEADER_BYTES + VALUE_BYTES_MAX).await
        };
        match read.await {
            Ok(bytes) => decode(&path, &bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(format!("reading {path}"), error)),
        }
    }

    /// Destroys the value under `name`; there need be none.
    pub async fn erase(&self, name: &str) -> Result<()> {
        let path = path(name);
        let erased = async {
            let file = match self.disk.open(&path).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                opened => opened?,
            };
            overwrite(file.as_ref()).await?;
            drop(file);
            self.disk.remove(&path).await
        };
        erased.await.map_err(|error| Error::io(format!("erasing {path}"), error))
    }
}

async fn overwrite(file: &dyn DiskFile) -> io::Result<()> {
    let length = usize::try_from(file.len().await?).unwrap_or(usize::MAX);
    let zeros = vec![0; length.min(HEADER_BYTES + VALUE_BYTES_MAX)];
    file.write_at(0, &zeros).await?;
    file.sync().await
}

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

fn decode(path: &str, bytes: &Bytes) -> Result<Bytes> {
    let damaged = || Damage::new(path, 0, "it is no whole erasable value").into();
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or_else(damaged)?;
    let (head, checksum) = header.split_at(12);
    if &head[..8] != MAGIC {
        return Err(damaged());
    }
    let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    if number(8) != VERSION {
        return Err(Error::UnknownVersion {
            file: path.to_owned(),
            found: number(8),
            known: VERSION,
        });
    }
    let value = rest.get(..usize::from(number(10))).ok_or_else(damaged)?;
    if crc32c_of(&[head, value]).to_le_bytes() != checksum {
        return Err(damaged());
    }
    Ok(bytes.slice_ref(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runtime::LocalDisk;

    use super::*;

    fn erasable(directory: &tempfile::TempDir) -> Erasable {
        Erasable::new(Arc::new(LocalDisk::new(directory.path()).unwrap()))
    }

    #[tokio::test]
    async fn a_value_reads_back_until_it_is_erased_and_erasing_may_be_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let values = erasable(&directory);
        assert_eq!(values.get("a").await.unwrap(), None);
        values.put("a", b"the former, longer value").await.unwrap();
        values.put("a", b"value").await.unwrap();
        values.put("b", b"").await.unwrap();
        assert_eq!(values.names().await.unwrap(), ["a", "b"]);
        assert_eq!(values.get("a").await.unwrap().unwrap(), "value");
        assert_eq!(values.get("b").await.unwrap().unwrap(), "");
        values.erase("a").await.unwrap();
        values.erase("a").await.unwrap();
        assert_eq!(values.get("a").await.unwrap(), None);
        assert_eq!(values.names().await.unwrap(), ["b"]);
    }

    #[tokio::test]
    async fn the_bytes_of_an_erased_value_are_overwritten_where_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let values = erasable(&directory);
        values.put("a", b"open sesame").await.unwrap();
        // Another name of the same bytes on disk.
        let witness = directory.path().join("witness");
        std::fs::hard_link(directory.path().join("erasable/a"), &witness).unwrap();
        let holds = || std::fs::read(&witness).unwrap().windows(4).any(|bytes| bytes == b"open");
        assert!(holds());
        values.erase("a").await.unwrap();
        assert!(!holds());
    }

    #[tokio::test]
    async fn damage_is_told_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let values = erasable(&directory);
        values.put("a", b"open sesame").await.unwrap();
        let path = directory.path().join("erasable/a");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = values.get("a").await.unwrap_err().to_string();
        assert!(error.contains("erasable/a"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in any::<Vec<u8>>()) {
            let _ = decode("x", &bytes.clone().into());
            let _ = decode("x", &[MAGIC, &[1, 0][..], &bytes].concat().into());
        }
    }
}
