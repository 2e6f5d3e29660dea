//! Builds a segment in memory, log by log. What is added is not copied, only referred to.

use bytes::Bytes;
use model::Timestamp;
use object_store::PutPayload;

use crate::checksum::{crc32c, crc32c_of};
use crate::config::Compression;
use crate::entries::{GROUP_HEADER_BYTES_MAX, Malformed, group_header, next_group};
use crate::error::Result;
use crate::log::LogId;
use crate::segment::format::{self, Block, HEADER_BYTES, Index, Trailer};
use crate::varint::Decoder;

/// Blocks are closed at this size; only a larger entry makes a larger block.
const BLOCK_BYTES: usize = 64 << 10;
/// Level of zstd: the fastest that still finds most of what there is.
const ZSTD_LEVEL: i32 = 1;

/// A segment being built. Runs come sorted by log and offset.
pub(crate) struct Builder {
    compressor: Option<zstd::bulk::Compressor<'static>>,
    /// Slices of what was added, block after block, and small pieces of its own between them.
    parts: Vec<Bytes>,
    open: Option<Open>,
    position: u64,
    index: Index,
    entries: u64,
    last_time: Timestamp,
}

/// The block being filled.
struct Open {
    log: LogId,
    first: u64,
    count: u32,
    first_time: Timestamp,
    last_time: Timestamp,
    /// Its first part.
    part: usize,
    bytes: usize,
}

/// A finished segment.
pub(crate) struct Built {
    pub payload: PutPayload,
    pub bytes: u64,
    pub entries: u64,
    /// The time of its latest entry.
    pub last_time: Timestamp,
}

impl Builder {
    pub(crate) fn new(compression: Compression) -> Self {
        let compressor = (compression == Compression::Zstd).then(|| {
            zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("the level is one that zstd has")
        });
        Self {
            compressor,
            parts: vec![Bytes::copy_from_slice(&format::header())],
            open: None,
            position: HEADER_BYTES as u64,
            index: Index::default(),
            entries: 0,
            last_time: Timestamp::default(),
        }
    }

    /// Adds the entries of `groups` (the first one is `first`) from `from` on.
    pub(crate) fn add(
        &mut self,
        log: LogId,
        first: u64,
        from: u64,
        groups: &Bytes,
    ) -> Result<(), Malformed> {
        let mut decoder = Decoder::new(groups);
        let mut offset = first;
        loop {
            let start = decoder.position();
            let Some(group) = next_group(&mut decoder)? else { return Ok(()) };
            let end = offset + u64::from(group.count);
            let bytes = start..decoder.position();
            let live = end > from && group.count > 0;
            if live && offset >= from && bytes.len() <= BLOCK_BYTES {
                self.open_for(log, offset, group.count, group.time, bytes.len());
                self.parts.push(groups.slice(bytes));
            } else if live {
                let entries = groups.slice(group.start..group.start + group.length);
                self.split_group(log, offset, from, group.time, &entries)?;
            }
            offset = end;
        }
    }

    /// Adds the entries from `from` on, as groups that fit a block.
    fn split_group(
        &mut self,
        log: LogId,
        mut offset: u64,
        from: u64,
        time: Timestamp,
        entries: &Bytes,
    ) -> Result<(), Malformed> {
        let mut decoder = Decoder::new(entries);
        let (mut start, mut count) = (0, 0);
        while !decoder.is_empty() {
            let entry_at = decoder.position();
            let length = decoder.length().ok_or(Malformed)?;
            decoder.take(length).ok_or(Malformed)?;
            if offset < from {
                (offset, start) = (offset + 1, decoder.position());
                continue;
            }
            let fits = decoder.position() - start + GROUP_HEADER_BYTES_MAX <= BLOCK_BYTES;
            if count > 0 && !fits {
                self.add_split(log, offset, count, time, entries.slice(start..entry_at));
                offset += u64::from(count);
                (start, count) = (entry_at, 0);
            }
            count += 1;
        }
        if count > 0 {
            self.add_split(log, offset, count, time, entries.slice(start..));
        }
        Ok(())
    }

    fn add_split(&mut self, log: LogId, first: u64, count: u32, time: Timestamp, entries: Bytes) {
        let header = group_header(time, count, entries.len());
        self.open_for(log, first, count, time, header.len() + entries.len());
        self.parts.push(Bytes::copy_from_slice(&header));
        self.parts.push(entries);
    }

    /// Sees to it that a whole group of `bytes`, whose parts come next, has its block.
    fn open_for(&mut self, log: LogId, first: u64, count: u32, time: Timestamp, bytes: usize) {
        let goes_on = |open: &Open| {
            open.log == log
                && open.first + u64::from(open.count) == first
                && open.bytes + bytes <= BLOCK_BYTES
        };
        if !self.open.as_ref().is_some_and(goes_on) {
            self.close_block();
        }
        let (first_time, last_time, part) = (time, time, self.parts.len());
        let new = Open { log, first, count: 0, first_time, last_time, part, bytes: 0 };
        let open = self.open.get_or_insert(new);
        open.count += count;
        open.bytes += bytes;
        open.last_time = time;
        self.entries += u64::from(count);
        self.last_time = self.last_time.max(time);
    }

    fn close_block(&mut self) {
        let Some(open) = self.open.take() else { return };
        let Open { log, first, count, first_time, last_time, part, bytes } = open;
        self.compress_from(part, bytes);
        let stored = &self.parts[part..];
        let length = stored.iter().map(Bytes::len).sum::<usize>();
        self.index.blocks.push(Block {
            log,
            first,
            count,
            first_time,
            last_time,
            position: self.position,
            stored: length as u32,
            raw: bytes as u32,
            checksum: crc32c_of(stored),
        });
        self.position += length as u64;
    }

    /// Compresses the parts from `part` on, `bytes` together, if that makes them smaller.
    fn compress_from(&mut self, part: usize, bytes: usize) {
        let Some(compressor) = &mut self.compressor else { return };
        let raw = self.parts[part..].concat();
        assert_eq!(raw.len(), bytes, "the open block is its parts");
        let compressed = compressor.compress(&raw).expect("memory is all that compression needs");
        if compressed.len() < raw.len() {
            self.parts.truncate(part);
            self.parts.push(compressed.into());
        }
    }

    /// The finished segment; `None` if nothing was added.
    pub(crate) fn finish(mut self) -> Option<Built> {
        self.close_block();
        if self.index.blocks.is_empty() {
            return None;
        }
        let (index, root) = self.index.encode();
        let (pages, root) = (root.pages.len() as u64, root.encode());
        let trailer = Trailer {
            index_position: self.position,
            root_position: self.position + index.len() as u64,
            pages,
            root_checksum: crc32c(&root),
        };
        self.parts.push(index.into());
        self.parts.push(root.into());
        self.parts.push(Bytes::copy_from_slice(&trailer.encode()));
        let payload: PutPayload = self.parts.into_iter().collect();
        let bytes = payload.content_length() as u64;
        Some(Built { payload, bytes, entries: self.entries, last_time: self.last_time })
    }
}
