//! The bytes of a segment: header, blocks, index, trailer. `docs/formats.md` has it in prose.
//!
//! A block holds groups of one log; the index says of each block whose it is, what is in it and
//! its checksum; the trailer says where the index is. The header says the version.

use model::Timestamp;

use crate::checksum::crc32c;
use crate::log::LogId;
use crate::varint::{Decoder, put_varint};

/// The version of segment this program writes and reads.
pub(crate) const VERSION: u16 = 1;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 16;
/// Length of the trailer.
pub(crate) const TRAILER_BYTES: usize = 40;
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
    /// The blocks of one log, in offset order, and the number of the first of them.
    pub(crate) fn blocks_of(&self, log: LogId) -> (usize, &[Block]) {
        let start = self.blocks.partition_point(|block| block.log < log);
        let length = self.blocks[start..].partition_point(|block| block.log == log);
        (start, &self.blocks[start..start + length])
    }

    /// What it takes in memory.
    pub(crate) fn weight(&self) -> u64 {
        (size_of::<Self>() + self.blocks.len() * size_of::<Block>()) as u64
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() * 24);
        let (mut log, mut end, mut time) = (0, 0, 0);
        for block in &self.blocks {
            let gap = block.log.0.checked_sub(log).expect("blocks are sorted by log");
            put_varint(&mut out, gap);
            if gap > 0 {
                (log, end, time) = (block.log.0, 0, 0);
            }
            put_varint(&mut out, block.first - end);
            put_varint(&mut out, u64::from(block.count));
            put_varint(&mut out, block.first_time.as_millis() - time);
            put_varint(&mut out, block.last_time.millis_since(block.first_time));
            put_varint(&mut out, u64::from(block.stored));
            put_varint(&mut out, u64::from(block.raw));
            out.extend(block.checksum.to_le_bytes());
            (end, time) = (block.end(), block.last_time.as_millis());
        }
        out
    }

    /// Decodes `count` lines whose blocks fill the segment from the header to `end` exactly.
    pub(crate) fn decode(bytes: &[u8], count: u64, end: u64) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let mut blocks: Vec<Block> = Vec::with_capacity(bytes.len().min(count as usize));
        let mut position = HEADER_BYTES as u64;
        for _ in 0..count {
            let block = decode_block(&mut decoder, blocks.last(), position)?;
            position = block.position_end();
            blocks.push(block);
        }
        (decoder.is_empty() && position == end).then_some(Self { blocks })
    }
}

fn decode_block(decoder: &mut Decoder<'_>, before: Option<&Block>, position: u64) -> Option<Block> {
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

/// The fixed bytes at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub index_position: u64,
    pub index_bytes: u64,
    pub blocks: u64,
    pub index_checksum: u32,
}

impl Trailer {
    pub(crate) fn encode(&self) -> [u8; TRAILER_BYTES] {
        let mut bytes = Vec::with_capacity(TRAILER_BYTES);
        bytes.extend(self.index_position.to_le_bytes());
        bytes.extend(self.index_bytes.to_le_bytes());
        bytes.extend(self.blocks.to_le_bytes());
        bytes.extend(self.index_checksum.to_le_bytes());
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
            index_bytes: decoder.u64()?,
            blocks: decoder.u64()?,
            index_checksum: decoder.u32()?,
        };
        let checksum_holds = decoder.u32()? == crc32c(&bytes[..28]);
        let end = trailer.index_position.checked_add(trailer.index_bytes)?;
        let fits = end.checked_add(TRAILER_BYTES as u64)? == length
            && trailer.index_position >= HEADER_BYTES as u64;
        (checksum_holds && fits && decoder.array()? == TRAILER_MAGIC).then_some(trailer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index() -> impl Strategy<Value = Index> {
        let line = (0..4_u64, 0..9_u64, 1..9_u32, 0..50_u64, 0..50_u64, 1..99_u32, any::<u32>());
        proptest::collection::vec(line, 0..30).prop_map(|lines| {
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

    proptest! {
        #[test]
        fn indexes_round_trip(index in index()) {
            let end = index.blocks.last().map_or(HEADER_BYTES as u64, Block::position_end);
            let bytes = index.encode();
            let decoded = Index::decode(&bytes, index.blocks.len() as u64, end);
            prop_assert_eq!(decoded.as_ref(), Some(&index));
            for log in index.blocks.iter().map(|block| block.log) {
                let (start, of_log) = index.blocks_of(log);
                prop_assert!(of_log.iter().all(|block| block.log == log));
                let others = index.blocks.iter().filter(|block| block.log == log).count();
                prop_assert_eq!(of_log.len(), others);
                prop_assert_eq!(index.blocks[start], of_log[0]);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            count in 0..20_u64,
        ) {
            prop_assert_eq!(Trailer::decode(&bytes, bytes.len() as u64), None);
            let _ = Index::decode(&bytes, count, 100);
            let _ = version(&bytes);
        }
    }

    #[test]
    fn a_trailer_round_trips_and_notices_every_flipped_bit() {
        let trailer =
            Trailer { index_position: 100, index_bytes: 60, blocks: 3, index_checksum: 9 };
        let bytes = trailer.encode();
        assert_eq!(Trailer::decode(&bytes, 200), Some(trailer));
        assert_eq!(Trailer::decode(&bytes, 201), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::decode(&flipped, 200), None, "bit {bit}");
        }
    }
}
