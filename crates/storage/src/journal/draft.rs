//! A chunk before it has its place in the journal.

use std::sync::Arc;

use model::Timestamp;
use runtime::Pages;

use crate::cell::Cell;
use crate::checksum::crc32c;
use crate::entries::{GroupHeader, group_header};
use crate::journal::chunk::{HEADER_BYTES, Header, Kind, Run, encode_run, padded};
use crate::journal::{Item, Op};

/// What goes into a chunk, in the order of its directory.
pub(crate) struct Draft {
    pub lines: Vec<Line>,
    /// Header and entries of every group, line after line.
    groups: Vec<(GroupHeader, Vec<u8>)>,
    /// Complete but for the checksums.
    directory: Vec<u8>,
    body_bytes: usize,
    /// Tail permits that the items hold.
    pub charge: usize,
}

/// One run: a line of the directory.
pub(crate) struct Line {
    pub run: Run,
    pub cell: Arc<Cell>,
    /// How many of the groups are its own.
    groups: usize,
    /// Where it ends in the directory.
    end: usize,
}

impl Draft {
    /// Sorts the items by log, keeping their order within one, and joins what can be one run.
    pub(crate) fn new(mut items: Vec<Item>) -> Self {
        items.sort_by_key(|item| item.cell.id);
        let mut draft = Self {
            lines: Vec::with_capacity(items.len()),
            groups: Vec::with_capacity(items.len()),
            directory: Vec::with_capacity(items.len() * 24),
            body_bytes: 0,
            charge: items.iter().map(|item| item.charge).sum(),
        };
        for item in items {
            draft.add(item);
        }
        let mut log = 0;
        for line in &mut draft.lines {
            encode_run(&mut draft.directory, log, &line.run);
            (log, line.end) = (line.run.log.0, draft.directory.len());
        }
        draft
    }

    fn add(&mut self, item: Item) {
        let log = item.cell.id;
        let mark = |kind, first| Run::mark(log, kind, first);
        let run = match item.op {
            Op::Seal { next } => mark(Kind::Seal, next),
            Op::Trim { before } => mark(Kind::Trim, before),
            Op::Delete { next } => mark(Kind::Delete, next),
            Op::Entries { first, count, time, bytes } => {
                return self.add_entries(item.cell, first, count, time, bytes);
            }
        };
        self.lines.push(Line { run, cell: item.cell, groups: 0, end: 0 });
    }

    fn add_entries(
        &mut self,
        cell: Arc<Cell>,
        first: u64,
        count: u32,
        time: Timestamp,
        bytes: Vec<u8>,
    ) {
        let header = group_header(time, count, bytes.len());
        let length = header.len() + bytes.len();
        self.body_bytes += length;
        self.groups.push((header, bytes));
        let joins = |line: &&mut Line| {
            line.run.log == cell.id && line.run.kind == Kind::Entries && line.run.end() == first
        };
        if let Some(line) = self.lines.last_mut().filter(joins) {
            line.run.count += count;
            line.run.last_time = time;
            line.run.length += length as u32;
            line.groups += 1;
            return;
        }
        let mut run = Run::mark(cell.id, Kind::Entries, first);
        (run.count, run.length) = (count, length as u32);
        (run.first_time, run.last_time) = (time, time);
        self.lines.push(Line { run, cell, groups: 1, end: 0 });
    }

    /// How many appends it makes durable.
    pub(crate) fn appends(&self) -> usize {
        self.lines.iter().map(|line| line.groups).sum()
    }

    pub(crate) fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Where the body begins in the chunk.
    pub(crate) fn body_at(&self) -> usize {
        HEADER_BYTES + self.directory.len()
    }

    /// Length of the chunk without padding.
    pub(crate) fn chunk_bytes(&self) -> usize {
        self.body_at() + self.body_bytes
    }

    /// Length of the chunk on disk.
    pub(crate) fn padded_bytes(&self) -> usize {
        padded(self.chunk_bytes())
    }

    /// Writes the whole chunk into empty `pages`, padding included. What only it can say of the
    /// header is filled in. Answers the header's checksum.
    ///
    /// Checksums are taken of what was just copied, which is still in the processor's cache.
    pub(crate) fn encode(&mut self, mut header: Header, pages: &mut Pages) -> u32 {
        assert!(pages.is_empty(), "a chunk begins at a page");
        pages.extend(&[0; HEADER_BYTES]);
        pages.extend(&self.directory);
        let mut groups = std::mem::take(&mut self.groups).into_iter();
        for line in &mut self.lines {
            let start = pages.len();
            for (header, entries) in groups.by_ref().take(line.groups) {
                pages.extend(&header);
                pages.extend(&entries);
            }
            if line.run.kind == Kind::Entries {
                line.run.checksum = crc32c(&pages[start..]);
                self.directory[line.end - 4..line.end]
                    .copy_from_slice(&line.run.checksum.to_le_bytes());
            }
        }
        pages.pad();
        header.runs = self.lines.len() as u32;
        header.directory_bytes = self.directory.len() as u32;
        header.directory_checksum = crc32c(&self.directory);
        header.body_bytes = self.body_bytes as u64;
        let header = header.encode();
        pages[..HEADER_BYTES].copy_from_slice(&header);
        pages[HEADER_BYTES..HEADER_BYTES + self.directory.len()].copy_from_slice(&self.directory);
        crc32c(&header[..HEADER_BYTES - 4])
    }
}
