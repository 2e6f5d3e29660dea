//! Doors for the fuzzer to the readers of bytes on disk. Nothing else may use them.
//!
//! All that is on disk is under checksums, which arbitrary bytes do not have. So each reader is
//! given the bytes as they are, and then what they become when lengths and checksums are set
//! right: whatever a program could have written wrongly.

use bytes::Bytes;
use model::Timestamp;

use crate::checksum::crc32c;
use crate::entries::{self, Budget};
use crate::journal::chunk::{self, Chunk, Directory, Header, Kind, Line, Run};
use crate::journal::file::FileHeader;
use crate::manifest::{self, Manifest};
use crate::segment::format::{self, Block, Index, PAGE_BLOCKS, Root, TRAILER_BYTES, Trailer};
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
    let mut lines = Vec::new();
    let mut log = 0_u64;
    let number = |at: usize| head[at..].first_chunk().copied().map_or(0, u64::from_le_bytes);
    let mut body_at = 0;
    for _ in 0..number(52) as u32 {
        let Some(line) = chunk::decode_line(&mut decoder, &mut log) else { break };
        body_at = decoder.position();
        lines.push(line);
    }
    let (mut directory, mut runs) = (Directory::default(), Vec::new());
    let mut body = Vec::new();
    for line in lines {
        let left = &rest[body_at + body.len()..];
        match line {
            Line::Padding(length) => {
                let piece = &left[..left.len().min(length as usize)];
                directory.padding(piece.len());
                body.extend(piece);
            }
            Line::Run(mut run) => {
                if run.kind == Kind::Entries {
                    let piece = &left[..left.len().min(run.length as usize)];
                    (run.length, run.checksum) = (piece.len() as u32, crc32c(piece));
                    body.extend(piece);
                }
                directory.run(&run);
                runs.push(run);
            }
        }
    }
    let header = Header {
        epoch: number(8),
        salt: number(16),
        number: number(24),
        durable_through: number(32),
        written: Timestamp::from_millis(number(40)),
        previous: number(48) as u32,
        lines: directory.lines,
        directory_bytes: directory.bytes.len() as u32,
        directory_checksum: crc32c(&directory.bytes),
        body_bytes: body.len() as u64,
    };
    let bytes = [&header.encode()[..], &directory.bytes, &body].concat();
    (header, runs, bytes.into())
}

/// Reads groups of entries, whose first one has the offset `first`. The three ways to go through
/// them agree.
fn groups(groups: &Bytes, first: u64, count: u32) {
    let mut budget = Budget { entries: usize::MAX, bytes: usize::MAX, weigh: <[u8]>::len };
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
    let Some((index, root, bytes)) = sound_segment(bytes) else { return };
    assert_eq!(format::version(&bytes), Some(format::VERSION));
    let trailer = Trailer::decode(&bytes, bytes.len() as u64).expect("its checksum is right");
    let read = index_of(&bytes, &trailer).expect("its checksum is right");
    assert_eq!(read, index);
    for (number, block) in index.blocks.iter().enumerate() {
        if block.raw > RAW_BYTES_MAX {
            continue;
        }
        let (start, end) = (block.position as usize, block.position_end() as usize);
        let opened = open_block("segment", block, Some(bytes.slice(start..end)));
        if let Ok(opened) = opened {
            groups(&opened, block.first, block.count);
        }
        // A block without entries, of which the builder makes none, need not be found.
        let pages = root.pages_of(block.log, block.first);
        assert!(block.count == 0 || pages.start == number / PAGE_BLOCKS && !pages.is_empty());
    }
}

fn index_of(bytes: &[u8], trailer: &Trailer) -> Option<Index> {
    let at = |position: u64| usize::try_from(position).ok();
    let root = at(trailer.root_position)?..bytes.len() - TRAILER_BYTES;
    let (start, end) = (trailer.index_position, trailer.root_position);
    let root = Root::decode(bytes.get(root)?, trailer.pages, start, end)?;
    let mut blocks = Vec::new();
    for (number, page) in root.pages.iter().enumerate() {
        let bytes = bytes.get(at(page.at)?..at(page.end())?)?;
        blocks.extend(page.decode(bytes, root.blocks_end(number))?);
    }
    Some(Index { blocks })
}

/// As many blocks as the first of `bytes` says, as those after it would be, and a segment of them
/// over the rest. There is none of no blocks.
fn sound_segment(bytes: &[u8]) -> Option<(Index, Root, Bytes)> {
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
    if blocks.is_empty() {
        return None;
    }
    let index = Index { blocks };
    let index_position = out.len() as u64;
    let (pages, root) = index.encode();
    let encoded = root.encode();
    out.extend(&pages);
    let trailer = Trailer {
        index_position,
        root_position: out.len() as u64,
        pages: root.pages.len() as u64,
        root_checksum: crc32c(&encoded),
    };
    out.extend(&encoded);
    out.extend(trailer.encode());
    Some((index, root, out.into()))
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
