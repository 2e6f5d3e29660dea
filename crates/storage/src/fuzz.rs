//! Doors for the fuzzer to the readers of bytes on disk. Nothing else may use them.
//!
//! All that is on disk is under checksums, which arbitrary bytes do not have. So each reader is
//! given the bytes as they are, and then what they become when lengths and checksums are set
//! right: whatever a program could have written wrongly.

use bytes::Bytes;
use model::Timestamp;

use crate::checksum::crc32c;
use crate::entries::{self, Budget};
use crate::journal::chunk::{self, Chunk, Header, Kind, Run};
use crate::journal::file::FileHeader;
use crate::log::LogId;
use crate::manifest::{self, Manifest};
use crate::segment::format::{self, Block, Index, Trailer};
use crate::segment::reader::open_block;
use crate::table;
use crate::varint::Decoder;

/// Blocks of more than this are not decompressed here: every input would take that much memory.
const RAW_BYTES_MAX: u32 = 1 << 20;

/// A chunk of the journal: header, directory, runs.
pub fn chunk(bytes: &[u8]) {
    if let Ok((header, checksum)) = Header::decode(bytes) {
        let _ = Chunk::decode(header, checksum, Bytes::copy_from_slice(bytes));
    }
    let Some((head, rest)) = bytes.split_at_checked(chunk::HEADER_BYTES) else { return };
    let (header, runs, bytes) = sound_chunk(head, rest);
    let (read, checksum) = Header::decode(&bytes).expect("its checksum is right");
    assert_eq!(read, header);
    let chunk = Chunk::decode(read, checksum, bytes).expect("its checksums are right");
    let read: Vec<Run> = chunk.runs.iter().map(|(run, _)| *run).collect();
    assert_eq!(read, runs);
    for (run, place) in chunk.runs {
        groups(&chunk.bytes.slice(place), run.first, run.count);
    }
}

/// The header that `head` would be, the runs that the beginning of `rest` would be, and a chunk of
/// them over the rest of it.
fn sound_chunk(head: &[u8], rest: &[u8]) -> (Header, Vec<Run>, Bytes) {
    let mut decoder = Decoder::new(rest);
    let mut runs = Vec::new();
    let mut log = 0_u64;
    let mut next = |decoder: &mut Decoder<'_>| {
        log = log.checked_add(decoder.varint()?)?;
        chunk::decode_run(decoder, LogId(log))
    };
    let number = |at: usize| head[at..].first_chunk().copied().map_or(0, u64::from_le_bytes);
    let mut body_at = 0;
    for _ in 0..number(52) as u32 {
        let Some(run) = next(&mut decoder) else { break };
        body_at = decoder.position();
        runs.push(run);
    }
    let mut left = &rest[body_at..];
    let mut body = Vec::new();
    for run in runs.iter_mut().filter(|run| run.kind == Kind::Entries) {
        let (piece, rest) = left.split_at(left.len().min(run.length as usize));
        (run.length, run.checksum) = (piece.len() as u32, crc32c(piece));
        body.extend(piece);
        left = rest;
    }
    let directory = chunk::encode_directory(&runs);
    let header = Header {
        epoch: number(8),
        salt: number(16),
        number: number(24),
        durable_through: number(32),
        written: Timestamp::from_millis(number(40)),
        previous: number(48) as u32,
        runs: runs.len() as u32,
        directory_bytes: directory.len() as u32,
        directory_checksum: crc32c(&directory),
        body_bytes: body.len() as u64,
    };
    let bytes = [&header.encode()[..], &directory, &body].concat();
    (header, runs, bytes.into())
}

/// Reads groups of entries, whose first one has the offset `first`. The three ways to go through
/// them agree.
fn groups(groups: &Bytes, first: u64, count: u32) {
    let mut budget = Budget { entries: usize::MAX, bytes: usize::MAX };
    let mut found = Vec::new();
    let whole = entries::decode(groups, first, first, &mut budget, &mut found);
    let later = entries::first_at(groups, first, Timestamp::from_millis(1 << 40));
    if entries::are_whole(groups, count) {
        assert_eq!(whole, Ok(()));
        assert_eq!(found.len(), count as usize);
        let end = first + u64::from(count);
        let expected = found.iter().find(|entry| entry.time.as_millis() >= 1 << 40);
        if let Ok(at) = later {
            // A group may be empty, and then has a time and an offset all the same.
            assert!(at.unwrap_or(end) <= expected.map_or(end, |entry| entry.offset.0));
        }
    }
}

/// The header of a file of the journal.
pub fn journal_file(bytes: &[u8]) {
    let _ = FileHeader::decode(bytes);
    let number = |at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).map_or(0, u64::from_le_bytes)
    };
    let header = FileHeader {
        epoch: number(16),
        salt: number(24),
        sequence: number(32),
        first_chunk: number(40),
        previous: number(48) as u32,
    };
    assert_eq!(FileHeader::decode(&header.encode()), Ok(header));
}

/// A segment: blocks, index, trailer.
pub fn segment(bytes: &[u8]) {
    let _ = format::version(bytes);
    if let Some(trailer) = Trailer::decode(bytes, bytes.len() as u64) {
        index_of(bytes, &trailer);
    }
    let (index, bytes) = sound_segment(bytes);
    assert_eq!(format::version(&bytes), Some(format::VERSION));
    let trailer = Trailer::decode(&bytes, bytes.len() as u64).expect("its checksum is right");
    let read = index_of(&bytes, &trailer).expect("its checksum is right");
    assert_eq!(read, index);
    for block in index.blocks.iter().filter(|block| block.raw <= RAW_BYTES_MAX) {
        let (start, end) = (block.position as usize, block.position_end() as usize);
        let opened = open_block("segment", block, Some(bytes.slice(start..end)));
        if let Ok(opened) = opened {
            groups(&opened, block.first, block.count);
        }
        let (first, of_log) = index.blocks_of(block.log);
        assert_eq!(&index.blocks[first..first + of_log.len()], of_log);
        assert!(of_log.iter().all(|other| other.log == block.log) && of_log.contains(block));
    }
}

fn index_of(bytes: &[u8], trailer: &Trailer) -> Option<Index> {
    let position = usize::try_from(trailer.index_position).ok()?;
    let index = bytes.get(position..)?.get(..usize::try_from(trailer.index_bytes).ok()?)?;
    Index::decode(index, trailer.blocks, trailer.index_position)
}

/// As many blocks as the first of `bytes` says, as those after it would be, and a segment of them
/// over the rest.
fn sound_segment(bytes: &[u8]) -> (Index, Bytes) {
    let mut decoder = Decoder::new(bytes);
    let mut blocks: Vec<Block> = Vec::new();
    let count = decoder.u8().unwrap_or(0);
    let mut data_at = decoder.position();
    for _ in 0..count {
        let block = format::decode_block(&mut decoder, blocks.last(), 0);
        let Some(block) = block else { break };
        data_at = decoder.position();
        blocks.push(block);
    }
    let mut left = &bytes[data_at..];
    let mut out = format::header().to_vec();
    for block in &mut blocks {
        let (stored, rest) = left.split_at(left.len().min(block.stored as usize));
        block.position = out.len() as u64;
        (block.stored, block.checksum) = (stored.len() as u32, crc32c(stored));
        out.extend(stored);
        left = rest;
    }
    let index = Index { blocks };
    let index_position = out.len() as u64;
    let encoded = index.encode();
    out.extend(&encoded);
    let trailer = Trailer {
        index_position,
        index_bytes: encoded.len() as u64,
        blocks: index.blocks.len() as u64,
        index_checksum: crc32c(&encoded),
    };
    out.extend(trailer.encode());
    (index, out.into())
}

/// A manifest.
pub fn manifest(bytes: &[u8]) {
    let _ = Manifest::decode(bytes);
    let Some(read) = manifest::decode_fields(Decoder::new(bytes)) else { return };
    assert_eq!(Manifest::decode(&read.encode()), Ok(read));
}

/// An entry of the log of a table.
pub fn table_entry(bytes: &[u8]) {
    let payload = Bytes::copy_from_slice(bytes);
    let Some(change) = table::decode(&payload) else { return };
    assert_eq!(table::decode(&table::encode(&change).into()), Some(change));
}
