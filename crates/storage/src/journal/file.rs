//! The ring of files that holds the journal on a local disk.
//!
//! A file begins with a header of one block and is then filled with chunks. When none of its
//! chunks is needed any more it is used again under a fresh salt, so that what is left of its
//! former use is never mistaken for a chunk.
//!
//! Invariants: a chunk is only begun in bytes that were written and synced before (zeros, or a
//! former use), so a full disk shows before a chunk is begun, never inside one. The header is
//! durable before the first chunk. A file's name says nothing; its sequence number does.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use runtime::{Disk, DiskFile, Entropy};

use crate::checksum::crc32c;
use crate::journal::chunk::ALIGNMENT;
use crate::varint::Decoder;

/// Where the files are.
pub(crate) const DIRECTORY: &str = "journal";
/// The version of file this program writes and reads.
pub(crate) const VERSION: u16 = 1;
const MAGIC: [u8; 8] = *b"WEIRJRNL";
const HEADER_BYTES: usize = 56;

/// Never-written parts of a file are filled with zeros this far ahead.
const FILL_BYTES: u64 = 4 << 20;

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    /// Which opening of the storage wrote it.
    pub epoch: u64,
    /// Names this use of the file; every chunk in it repeats it.
    pub salt: u64,
    /// Rises with every use of a file.
    pub sequence: u64,
    /// The number of the chunk that comes first in it.
    pub first_chunk: u64,
    /// The header checksum of the chunk before that one.
    pub previous: u32,
}

/// Why bytes are no header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoFileHeader {
    /// Nothing, or nothing that can be trusted.
    Blank,
    /// The file was written by a program that knows a later version.
    Version(u16),
}

impl FileHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ALIGNMENT);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 6]);
        for number in [self.epoch, self.salt, self.sequence, self.first_chunk] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.previous.to_le_bytes());
        bytes.extend(crc32c(&bytes).to_le_bytes());
        bytes.resize(ALIGNMENT, 0);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NoFileHeader> {
        let mut decoder = Decoder::new(bytes);
        if decoder.array() != Some(MAGIC) {
            return Err(NoFileHeader::Blank);
        }
        // Before the checksum: a later version may keep it elsewhere.
        match decoder.u16() {
            Some(VERSION) => {}
            version => return Err(NoFileHeader::Version(version.unwrap_or_default())),
        }
        let fields = |decoder: &mut Decoder<'_>| {
            decoder.take(6)?;
            let header = Self {
                epoch: decoder.u64()?,
                salt: decoder.u64()?,
                sequence: decoder.u64()?,
                first_chunk: decoder.u64()?,
                previous: decoder.u32()?,
            };
            (decoder.u32()? == crc32c(&bytes[..HEADER_BYTES - 4])).then_some(header)
        };
        fields(&mut decoder).ok_or(NoFileHeader::Blank)
    }
}

/// A file that holds chunks which may still be needed.
#[derive(Clone, Debug)]
pub(crate) struct LiveFile {
    pub path: String,
    pub sequence: u64,
    pub first_chunk: u64,
}

/// The files, and the one being written.
pub(crate) struct Ring {
    disk: Arc<dyn Disk>,
    entropy: Arc<dyn Entropy>,
    file_bytes: u64,
    /// More free files than this are removed.
    free_max: usize,
    epoch: u64,
    live: Arc<Mutex<VecDeque<LiveFile>>>,
    free: Vec<String>,
    next_sequence: u64,
    next_name: u64,
    current: Option<Current>,
}

struct Current {
    file: Box<dyn DiskFile>,
    salt: u64,
    /// Where the next chunk goes.
    position: u64,
    /// How far the file was written and synced before, with whatever bytes.
    allocated: u64,
}

/// What a ring begins with, as recovery found it.
pub(crate) struct RingState {
    pub epoch: u64,
    pub free: Vec<String>,
    pub next_sequence: u64,
    pub next_name: u64,
}

/// Where a chunk stands in the journal's order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Its number.
    pub number: u64,
    /// The header checksum of the chunk before.
    pub previous: u32,
}

impl Ring {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        entropy: Arc<dyn Entropy>,
        sizes: (u64, usize),
        live: Arc<Mutex<VecDeque<LiveFile>>>,
        state: RingState,
    ) -> Self {
        let RingState { epoch, free, next_sequence, next_name } = state;
        let (file_bytes, free_max) = sizes;
        let current = None;
        Self {
            disk,
            entropy,
            file_bytes,
            free_max,
            epoch,
            live,
            free,
            next_sequence,
            next_name,
            current,
        }
    }

    /// Makes room for a chunk of `bytes` and answers the salt it must carry. Nothing of the chunk
    /// is written: after an error for want of space the same call may be made again.
    pub(crate) async fn reserve(
        &mut self,
        bytes: usize,
        chunk: Link,
        needed_from: u64,
    ) -> io::Result<u64> {
        let bytes = bytes as u64;
        let full = |current: &Current| current.position + bytes > self.file_bytes;
        if self.current.as_ref().is_none_or(full) {
            self.advance(bytes, chunk, needed_from).await?;
        }
        let current = self.current.as_mut().expect("a file was just opened");
        current.allocate(current.position + bytes, self.file_bytes).await?;
        Ok(current.salt)
    }

    /// Writes and syncs a whole chunk, padding included, where `reserve` made room.
    pub(crate) async fn write(&mut self, chunk: &[&[u8]]) -> io::Result<()> {
        let current = self.current.as_mut().expect("room was reserved");
        let bytes = chunk.iter().map(|part| part.len() as u64).sum::<u64>();
        assert!(current.position + bytes <= current.allocated, "room was reserved");
        current.file.write_durably(current.position, chunk).await?;
        current.position += bytes;
        Ok(())
    }

    /// Goes on in the next file, which will hold at least a chunk of `bytes`.
    async fn advance(&mut self, bytes: u64, chunk: Link, needed_from: u64) -> io::Result<()> {
        self.recycle(needed_from).await?;
        let path = match self.free.pop() {
            Some(path) => path,
            None => self.create().await?,
        };
        match self.begin(&path, bytes, chunk).await {
            Ok(current) => {
                let (sequence, first_chunk) = (self.next_sequence, chunk.number);
                self.live.lock().push_back(LiveFile { path, sequence, first_chunk });
                self.next_sequence += 1;
                self.current = Some(current);
                Ok(())
            }
            Err(error) => {
                // Whatever the failed sync left in the page cache is not to be trusted. Nothing is
                // in the file, so without it the disk is as it was.
                let _ = self.disk.remove(&path).await;
                Err(error)
            }
        }
    }

    async fn create(&mut self) -> io::Result<String> {
        let path = format!("{DIRECTORY}/{:08}", self.next_name);
        self.disk.create(&path).await?;
        self.next_name += 1;
        Ok(path)
    }

    async fn begin(&self, path: &str, bytes: u64, chunk: Link) -> io::Result<Current> {
        let file = self.disk.open(path).await?;
        let allocated = file.len().await?;
        let salt = self.entropy.number();
        let position = ALIGNMENT as u64;
        let mut current = Current { file, salt, position, allocated };
        current.allocate(position + bytes, self.file_bytes).await?;
        let header = FileHeader {
            epoch: self.epoch,
            salt,
            sequence: self.next_sequence,
            first_chunk: chunk.number,
            previous: chunk.previous,
        };
        current.file.write_at(0, &header.encode()).await?;
        current.file.sync().await?;
        Ok(current)
    }

    /// Frees the files that are not needed, and removes those that are too many.
    async fn recycle(&mut self, needed_from: u64) -> io::Result<()> {
        {
            let mut live = self.live.lock();
            while live.get(1).is_some_and(|second| second.first_chunk <= needed_from) {
                self.free.extend(live.pop_front().map(|file| file.path));
            }
        }
        while self.free.len() > self.free_max {
            let path = self.free.remove(0);
            self.disk.remove(&path).await?;
        }
        Ok(())
    }
}

impl Current {
    /// Sees to it that everything below `end` was written and synced before, going further ahead
    /// within `file_bytes` so that it happens seldom.
    async fn allocate(&mut self, end: u64, file_bytes: u64) -> io::Result<()> {
        if end <= self.allocated {
            return Ok(());
        }
        let end = end.max((self.allocated + FILL_BYTES).min(file_bytes));
        let zeros = vec![0; FILL_BYTES.min(end - self.allocated) as usize];
        let mut position = self.allocated;
        while position < end {
            let length = (end - position).min(zeros.len() as u64);
            self.file.write_at(position, &zeros[..length as usize]).await?;
            position += length;
        }
        self.file.sync().await?;
        // Only now: after a failure all of it is written again.
        self.allocated = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_round_trip_and_tell_a_later_version() {
        let header = FileHeader { epoch: 1, salt: 2, sequence: 3, first_chunk: 4, previous: 5 };
        let mut bytes = header.encode();
        assert_eq!(FileHeader::decode(&bytes), Ok(header));
        bytes[30] ^= 1;
        assert_eq!(FileHeader::decode(&bytes), Err(NoFileHeader::Blank));
        bytes[8] = 9;
        assert_eq!(FileHeader::decode(&bytes), Err(NoFileHeader::Version(9)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(FileHeader::decode(&bytes).is_err());
        }
    }
}
