//! The bytes of a segment: header, blocks, index, root, trailer. `docs/formats.md` has it in prose.
//!
//! A block holds groups of one log; the index says of each block whose it is, what is in it and
//! its checksum. The index comes in pages, and the root says which blocks each page has, so that
//! reading one log of thousands takes a page and not the index. The trailer says where root and
//! index are; the header says the version.

use std::ops::Range;

use model::Timestamp;

use crate::checksum::crc32c;
use crate::log::LogId;
use crate::varint::{Decoder, put_varint};

/// The version of segment this program writes and reads.
pub(crate) const VERSION: u16 = 2;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 16;
/// Length of the trailer.
pub(crate) const TRAILER_BYTES: usize = 40;
/// Lines of one page of the index.
pub(crate) const PAGE_BLOCKS: usize = 64;
const HEADER_MAGIC: [u8; 8] = *b"WEIRSEGM";
const TRAILER_MAGIC: [u8; 8] = *b"WEIRSEND";

/// The fixed bytes in front.
pub(crate) fn header() -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&HEADER_MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

/// The version of the segment that begins with `bytes`; `None` if they begin none.
pub(crate) fn version(bytes: &[u8]) -> Option<u16> {
    let mut decoder = Decoder::new(bytes);
    (decoder.array()? == HEADER_MAGIC).then_some(())?;
    decoder.u16()
}

/// One line of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub log: LogId,
    pub first: u64,
    pub count: u32,
    pub first_time: Timestamp,
    pub last_time: Timestamp,
    /// Where the block begins in the segment.
    pub position: u64,
    /// Its length there.
    pub stored: u32,
    /// Its length as groups; the same if it is not compressed.
    pub raw: u32,
    /// Of the bytes as stored.
    pub checksum: u32,
}

impl Block {
    /// The offset after its last entry.
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// The position after its last byte.
    pub(crate) fn position_end(&self) -> u64 {
        self.position + u64::from(self.stored)
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.stored != self.raw
    }
}

/// Every block of a segment, sorted by log and offset.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub blocks: Vec<Block>,
}

impl Index {
    /// The pages, and what the root says of them.
    pub(crate) fn encode(&self) -> (Vec<u8>, Root) {
        let mut bytes = Vec::with_capacity(self.blocks.len() * 24);
        let mut pages = Vec::with_capacity(self.blocks.len().div_ceil(PAGE_BLOCKS));
        let at = self.blocks.last().map_or(HEADER_BYTES as u64, Block::position_end);
        for blocks in self.blocks.chunks(PAGE_BLOCKS) {
            let start = bytes.len();
            encode_page(blocks, &mut bytes);
            pages.push(Page {
                log: blocks[0].log,
                first: blocks[0].first,
                position: blocks[0].position,
                blocks: blocks.len() as u32,
                at: at + start as u64,
                bytes: (bytes.len() - start) as u32,
                checksum: crc32c(&bytes[start..]),
            });
        }
        (bytes, Root { pages })
    }
}

fn encode_page(blocks: &[Block], out: &mut Vec<u8>) {
    let (mut log, mut end, mut time) = (0, 0, 0);
    for block in blocks {
        let gap = block.log.0.checked_sub(log).expect("blocks are sorted by log");
        put_varint(out, gap);
        if gap > 0 {
            (log, end, time) = (block.log.0, 0, 0);
        }
        put_varint(out, block.first - end);
        put_varint(out, u64::from(block.count));
        put_varint(out, block.first_time.as_millis() - time);
        put_varint(out, block.last_time.millis_since(block.first_time));
        put_varint(out, u64::from(block.stored));
        put_varint(out, u64::from(block.raw));
        out.extend(block.checksum.to_le_bytes());
        (end, time) = (block.end(), block.last_time.as_millis());
    }
}

/// The next line, of a block that begins at `position`.
pub(crate) fn decode_block(
    decoder: &mut Decoder<'_>,
    before: Option<&Block>,
    position: u64,
) -> Option<Block> {
    let gap = decoder.varint()?;
    let log = before.map_or(0, |block| block.log.0).checked_add(gap)?;
    let before = before.filter(|_| gap == 0);
    let first = before.map_or(0, Block::end).checked_add(decoder.varint()?)?;
    let count = decoder.varint_u32()?;
    first.checked_add(u64::from(count))?;
    let time = before.map_or(0, |block| block.last_time.as_millis());
    let first_time = time.checked_add(decoder.varint()?)?;
    let last_time = first_time.checked_add(decoder.varint()?)?;
    let stored = decoder.varint_u32()?;
    position.checked_add(u64::from(stored))?;
    Some(Block {
        log: LogId(log),
        first,
        count,
        first_time: Timestamp::from_millis(first_time),
        last_time: Timestamp::from_millis(last_time),
        position,
        stored,
        raw: decoder.varint_u32()?,
        checksum: decoder.u32()?,
    })
}

/// A part of the index that is read by itself: who follows one log out of very many needs only its
/// lines. The first three members are those of its first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub log: LogId,
    pub first: u64,
    pub position: u64,
    pub blocks: u32,
    /// Where the page begins in the segment.
    pub at: u64,
    pub bytes: u32,
    pub checksum: u32,
}

impl Page {
    /// The position after its last byte.
    pub(crate) fn end(&self) -> u64 {
        self.at + u64::from(self.bytes)
    }

    /// Decodes its lines, whose blocks fill the segment up to `end` exactly.
    pub(crate) fn decode(&self, bytes: &[u8], end: u64) -> Option<Vec<Block>> {
        let mut decoder = Decoder::new(bytes);
        let mut blocks: Vec<Block> = Vec::with_capacity(bytes.len().min(self.blocks as usize));
        let mut position = self.position;
        for _ in 0..self.blocks {
            let block = decode_block(&mut decoder, blocks.last(), position)?;
            position = block.position_end();
            blocks.push(block);
        }
        let named = blocks.first().map(|block| (block.log, block.first));
        let whole = decoder.is_empty() && position == end && named == Some((self.log, self.first));
        whole.then_some(blocks)
    }
}

/// The pages of the index.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Root {
    pub pages: Vec<Page>,
}

impl Root {
    /// The pages that can have blocks of `log` from the one with `from` on.
    pub(crate) fn pages_of(&self, log: LogId, from: u64) -> Range<usize> {
        let start = self.pages.partition_point(|page| (page.log, page.first) <= (log, from));
        let end = self.pages.partition_point(|page| page.log <= log);
        start.saturating_sub(1)..end
    }

    /// Where the blocks of page `index` end.
    pub(crate) fn blocks_end(&self, index: usize) -> u64 {
        self.pages.get(index + 1).map_or(self.pages[0].at, |next| next.position)
    }

    /// What it takes in memory.
    pub(crate) fn weight(&self) -> u64 {
        (size_of::<Self>() + self.pages.len() * size_of::<Page>()) as u64
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.pages.len() * 16);
        let (mut log, mut position) = (0, HEADER_BYTES as u64);
        for page in &self.pages {
            put_varint(&mut out, page.log.0 - log);
            put_varint(&mut out, page.first);
            put_varint(&mut out, page.position - position);
            put_varint(&mut out, u64::from(page.blocks));
            put_varint(&mut out, u64::from(page.bytes));
            out.extend(page.checksum.to_le_bytes());
            (log, position) = (page.log.0, page.position);
        }
        out
    }

    /// Decodes `count` lines, whose pages fill the segment from `at` to `end` exactly.
    pub(crate) fn decode(bytes: &[u8], count: u64, mut at: u64, end: u64) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let mut pages = Vec::with_capacity(bytes.len().min(count as usize));
        let (mut log, mut position) = (0_u64, HEADER_BYTES as u64);
        let blocks_end = at;
        for _ in 0..count {
            log = log.checked_add(decoder.varint()?)?;
            let first = decoder.varint()?;
            position = position.checked_add(decoder.varint()?)?;
            let blocks = decoder.varint_u32()?;
            let bytes = decoder.varint_u32()?;
            let checksum = decoder.u32()?;
            pages.push(Page { log: LogId(log), first, position, blocks, at, bytes, checksum });
            at = at.checked_add(u64::from(bytes))?;
        }
        let fits = decoder.is_empty() && at == end && position <= blocks_end;
        (fits && !pages.is_empty()).then_some(Self { pages })
    }
}

/// The fixed bytes at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// Where the pages of the index begin, and the blocks end.
    pub index_position: u64,
    /// Where the root begins, and the pages end.
    pub root_position: u64,
    pub pages: u64,
    pub root_checksum: u32,
}

impl Trailer {
    pub(crate) fn encode(&self) -> [u8; TRAILER_BYTES] {
        let mut bytes = Vec::with_capacity(TRAILER_BYTES);
        bytes.extend(self.index_position.to_le_bytes());
        bytes.extend(self.root_position.to_le_bytes());
        bytes.extend(self.pages.to_le_bytes());
        bytes.extend(self.root_checksum.to_le_bytes());
        bytes.extend(crc32c(&bytes).to_le_bytes());
        bytes.extend(TRAILER_MAGIC);
        bytes.try_into().expect("the fields fill the trailer exactly")
    }

    /// The trailer of a segment of `length` bytes that ends with `bytes`.
    pub(crate) fn decode(bytes: &[u8], length: u64) -> Option<Self> {
        let start = bytes.len().checked_sub(TRAILER_BYTES)?;
        let bytes = &bytes[start..];
        let mut decoder = Decoder::new(bytes);
        let trailer = Self {
            index_position: decoder.u64()?,
            root_position: decoder.u64()?,
            pages: decoder.u64()?,
            root_checksum: decoder.u32()?,
        };
        let checksum_holds = decoder.u32()? == crc32c(&bytes[..28]);
        let fits = HEADER_BYTES as u64 <= trailer.index_position
            && trailer.index_position <= trailer.root_position
            && trailer.root_position.checked_add(TRAILER_BYTES as u64)? <= length;
        (checksum_holds && fits && decoder.array()? == TRAILER_MAGIC).then_some(trailer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index() -> impl Strategy<Value = Index> {
        let line = (0..4_u64, 0..9_u64, 1..9_u32, 0..50_u64, 0..50_u64, 1..99_u32, any::<u32>());
        proptest::collection::vec(line, 1..300).prop_map(|lines| {
            let mut blocks: Vec<Block> = Vec::new();
            let mut log = 1;
            let mut position = HEADER_BYTES as u64;
            for (gap, skip, count, wait, span, stored, checksum) in lines {
                let before = blocks.last().filter(|_| gap == 0);
                log += gap;
                let first = before.map_or(1, Block::end) + skip;
                let time = before.map_or(0, |block| block.last_time.as_millis()) + wait;
                blocks.push(Block {
                    log: LogId(log),
                    first,
                    count,
                    first_time: Timestamp::from_millis(time),
                    last_time: Timestamp::from_millis(time + span),
                    position,
                    stored,
                    raw: stored + 1,
                    checksum,
                });
                position += u64::from(stored);
            }
            Index { blocks }
        })
    }

    /// As a reader that wants all of it does.
    fn decoded(bytes: &[u8], root: &Root) -> Option<Vec<Block>> {
        let start = root.pages[0].at;
        let mut blocks = Vec::new();
        for (index, page) in root.pages.iter().enumerate() {
            let bytes = &bytes[(page.at - start) as usize..(page.end() - start) as usize];
            blocks.extend(page.decode(bytes, root.blocks_end(index))?);
        }
        Some(blocks)
    }

    proptest! {
        #[test]
        fn indexes_and_roots_round_trip(index in index()) {
            let end = index.blocks.last().map_or(0, Block::position_end);
            let (bytes, root) = index.encode();
            let root_bytes = root.encode();
            let (count, root_at) = (root.pages.len() as u64, end + bytes.len() as u64);
            prop_assert_eq!(Root::decode(&root_bytes, count, end, root_at + 1), None);
            let read = Root::decode(&root_bytes, count, end, root_at);
            prop_assert_eq!(read.as_ref(), Some(&root));
            let blocks = decoded(&bytes, &root);
            prop_assert_eq!(blocks.as_ref(), Some(&index.blocks));
        }

        #[test]
        fn the_pages_of_a_log_hold_all_of_it_that_is_asked_for(index in index(), from in 0..99_u64) {
            let (bytes, root) = index.encode();
            let blocks = decoded(&bytes, &root).unwrap();
            for log in (0..200).map(LogId) {
                let pages = root.pages_of(log, from);
                let found = pages.start * PAGE_BLOCKS..(pages.end * PAGE_BLOCKS).min(blocks.len());
                for (at, block) in blocks.iter().enumerate() {
                    let wanted = block.log == log && block.end() > from;
                    prop_assert!(!wanted || found.contains(&at));
                }
                let has = |blocks: &[Block]| blocks.iter().any(|block| block.log == log);
                prop_assert_eq!(has(&blocks[found]), has(&blocks));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            count in 0..20_u64,
        ) {
            prop_assert_eq!(Trailer::decode(&bytes, bytes.len() as u64), None);
            let _ = Root::decode(&bytes, count, 100, 200);
            let (log, first, position, at, checksum) = (LogId(1), 1, 16, 100, 0);
            let (blocks, length) = (count as u32, bytes.len() as u32);
            let page = Page { log, first, position, blocks, at, bytes: length, checksum };
            let _ = page.decode(&bytes, 100);
            let _ = version(&bytes);
        }
    }

    #[test]
    fn a_trailer_round_trips_and_notices_every_flipped_bit() {
        let trailer =
            Trailer { index_position: 100, root_position: 140, pages: 3, root_checksum: 9 };
        let bytes = trailer.encode();
        assert_eq!(Trailer::decode(&bytes, 200), Some(trailer));
        assert_eq!(Trailer::decode(&bytes, 179), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::decode(&flipped, 200), None, "bit {bit}");
        }
    }
}
