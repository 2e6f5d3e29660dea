//! Builds a segment in memory, log by log.

use bytes::Bytes;
use model::Timestamp;
use object_store::PutPayload;

use crate::checksum::crc32c;
use crate::config::Compression;
use crate::entries::{GROUP_HEADER_BYTES_MAX, Malformed, group_header, next_group};
use crate::error::Result;
use crate::log::LogId;
use crate::segment::format::{self, Block, HEADER_BYTES, Index, Trailer};
use crate::varint::Decoder;

/// Blocks are closed at this size; only a larger entry makes a larger block.
const BLOCK_BYTES: usize = 64 << 10;
/// Built bytes are handed on in parts of about this size.
const PART_BYTES: usize = 1 << 20;
/// The block that fills a part goes beyond it; growing would copy the whole part.
const PART_CAPACITY: usize = PART_BYTES + BLOCK_BYTES;
/// Level of zstd: the fastest that still finds most of what there is.
const ZSTD_LEVEL: i32 = 1;

/// A segment being built. Runs come sorted by log and offset.
pub(crate) struct Builder {
    compressor: Option<zstd::bulk::Compressor<'static>>,
    parts: Vec<Bytes>,
    /// Closed blocks, and then the open one from `open_at` on.
    part: Vec<u8>,
    open_at: usize,
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
        let mut part = Vec::with_capacity(PART_CAPACITY);
        part.extend(format::header());
        Self {
            compressor,
            parts: Vec::new(),
            part,
            open_at: HEADER_BYTES,
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
        groups: &[u8],
    ) -> Result<(), Malformed> {
        let mut decoder = Decoder::new(groups);
        let mut offset = first;
        loop {
            let start = decoder.position();
            let Some(group) = next_group(&mut decoder)? else { return Ok(()) };
            let end = offset + u64::from(group.count);
            let bytes = &groups[start..decoder.position()];
            let live = end > from && group.count > 0;
            if live && offset >= from && bytes.len() <= BLOCK_BYTES {
                self.add_group(log, offset, group.count, group.time, bytes);
            } else if live {
                let entries = &groups[group.start..group.start + group.length];
                self.split_group(log, offset, from, group.time, entries)?;
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
        entries: &[u8],
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
                self.add_split(log, offset, count, time, &entries[start..entry_at]);
                offset += u64::from(count);
                (start, count) = (entry_at, 0);
            }
            count += 1;
        }
        if count > 0 {
            self.add_split(log, offset, count, time, &entries[start..]);
        }
        Ok(())
    }

    fn add_split(&mut self, log: LogId, first: u64, count: u32, time: Timestamp, entries: &[u8]) {
        let mut group = group_header(time, count, entries.len());
        group.extend(entries);
        self.add_group(log, first, count, time, &group);
    }

    /// Adds a whole group to the open block, or to the next one.
    fn add_group(&mut self, log: LogId, first: u64, count: u32, time: Timestamp, bytes: &[u8]) {
        let room = BLOCK_BYTES.saturating_sub(self.part.len() - self.open_at);
        let goes_on = |open: &Open| {
            open.log == log && open.first + u64::from(open.count) == first && bytes.len() <= room
        };
        if !self.open.as_ref().is_some_and(goes_on) {
            self.close_block();
        }
        let new = Open { log, first, count: 0, first_time: time, last_time: time };
        let open = self.open.get_or_insert(new);
        open.count += count;
        open.last_time = time;
        self.part.extend_from_slice(bytes);
        self.entries += u64::from(count);
        self.last_time = self.last_time.max(time);
    }

    fn close_block(&mut self) {
        let Some(open) = self.open.take() else { return };
        let raw = self.part.len() - self.open_at;
        self.compress_open();
        let stored = &self.part[self.open_at..];
        let Open { log, first, count, first_time, last_time } = open;
        self.index.blocks.push(Block {
            log,
            first,
            count,
            first_time,
            last_time,
            position: self.position,
            stored: stored.len() as u32,
            raw: raw as u32,
            checksum: crc32c(stored),
        });
        self.position += stored.len() as u64;
        if self.part.len() >= PART_BYTES {
            let full = std::mem::replace(&mut self.part, Vec::with_capacity(PART_CAPACITY));
            self.parts.push(full.into());
        }
        self.open_at = self.part.len();
    }

    /// Compresses the open block if that makes it smaller.
    fn compress_open(&mut self) {
        let Some(compressor) = &mut self.compressor else { return };
        let raw = &self.part[self.open_at..];
        let compressed = compressor.compress(raw).expect("memory is all that compression needs");
        if compressed.len() < raw.len() {
            self.part.truncate(self.open_at);
            self.part.extend(compressed);
        }
    }

    /// The finished segment; `None` if nothing was added.
    pub(crate) fn finish(mut self) -> Option<Built> {
        self.close_block();
        if self.index.blocks.is_empty() {
            return None;
        }
        let index = self.index.encode();
        let trailer = Trailer {
            index_position: self.position,
            index_bytes: index.len() as u64,
            blocks: self.index.blocks.len() as u64,
            index_checksum: crc32c(&index),
        };
        self.part.extend(&index);
        self.part.extend(trailer.encode());
        self.parts.push(self.part.into());
        let payload: PutPayload = self.parts.into_iter().collect();
        let bytes = payload.content_length() as u64;
        Some(Built { payload, bytes, entries: self.entries, last_time: self.last_time })
    }
}
