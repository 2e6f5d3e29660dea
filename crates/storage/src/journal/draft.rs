//! What is appended while a chunk is being written: the next chunks.
//!
//! Appenders copy their entries in here, on as many processors as they are on, so that little is
//! left to the one writer. A large batch is not copied: it lies in whole pages already, and becomes
//! a part of the chunk as it is.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use runtime::Pages;

use crate::cell::Cell;
use crate::checksum::crc32c;
use crate::entries::{Encoded, group_header};
use crate::journal::chunk::{ALIGNMENT, Directory, HEADER_BYTES, Header, Kind, Run, padded};
use crate::journal::handoff::Gather;
use crate::journal::{Item, Op};
use crate::slabs::Slabs;

/// A chunk ends when it holds this many bytes, so that no sync takes too long.
const CHUNK_BYTES: usize = 8 << 20;
/// Entries are copied into pages of this size, unless one batch needs more.
const PART_BYTES: usize = 1 << 20;
/// A smaller body is written behind its directory; the tail keeps it by itself. For others it is
/// worth a page more on disk to be written, and kept, where they are.
const PARTS_BYTES_MIN: usize = 128 << 10;

/// The next chunks, oldest first.
pub(crate) struct Drafts {
    drafts: VecDeque<Draft>,
    /// The part of the newest one that is being filled.
    open: Pages,
    slabs: Arc<Slabs>,
}

/// What goes into a chunk.
#[derive(Default)]
pub(crate) struct Draft {
    /// In the order of the appends.
    pub lines: Vec<Line>,
    /// The body, part after part. All but the last are whole pages.
    pub parts: Vec<Bytes>,
    /// Bytes of groups.
    pub groups_bytes: usize,
    /// Tail permits that its items hold.
    pub charge: usize,
}

/// One run: a line of the directory.
pub(crate) struct Line {
    pub run: Run,
    pub cell: Arc<Cell>,
    /// In which part it is.
    pub part: usize,
    /// Where it begins there.
    pub start: usize,
}

impl Line {
    pub(crate) fn end(&self) -> usize {
        self.start + self.run.length as usize
    }
}

impl Drafts {
    pub(crate) fn new(slabs: Arc<Slabs>) -> Self {
        Self { drafts: VecDeque::new(), open: Pages::default(), slabs }
    }

    fn newest(&mut self) -> &mut Draft {
        self.drafts.back_mut().expect("what is added has its draft")
    }

    /// What was copied becomes a part of the newest draft.
    fn close_part(&mut self) {
        if !self.open.is_empty() {
            self.open.pad();
            let part = self.open.split();
            self.newest().parts.push(part);
        }
    }

    fn add_entries(&mut self, mut run: Run, cell: Arc<Cell>, entries: Encoded) {
        match entries {
            Encoded::Bytes(entries) => {
                let header = group_header(run.first_time, run.count, entries.len());
                let length = header.len() + entries.len();
                if self.open.room() < length {
                    self.close_part();
                    self.open = self.slabs.take(length.max(PART_BYTES));
                }
                let start = self.open.len();
                self.open.extend(&header);
                self.open.extend(&entries);
                (run.length, run.checksum) = (length as u32, crc32c(&self.open[start..]));
                self.newest().add(run, cell, start);
            }
            Encoded::Pages { mut pages, start, checksum } => {
                (run.length, run.checksum) = ((pages.len() - start) as u32, checksum);
                self.close_part();
                self.newest().add(run, cell, start);
                pages.pad();
                self.newest().parts.push(pages.split());
            }
        }
    }
}

impl Gather for Drafts {
    type Item = Item;
    type Group = Draft;

    fn add(&mut self, item: Item) -> u64 {
        if self.drafts.back().is_none_or(|draft| draft.groups_bytes >= CHUNK_BYTES) {
            self.close_part();
            self.drafts.push_back(Draft::default());
        }
        self.newest().charge += item.charge;
        let log = item.cell.id;
        let mark = |kind, first| Run::mark(log, kind, first);
        match item.op {
            Op::Entries { first, count, time, entries } => {
                let mut run = mark(Kind::Entries, first);
                (run.count, run.first_time, run.last_time) = (count, time, time);
                self.add_entries(run, item.cell, entries);
            }
            Op::Seal { next } => self.newest().add(mark(Kind::Seal, next), item.cell, 0),
            Op::Trim { before } => self.newest().add(mark(Kind::Trim, before), item.cell, 0),
            Op::Delete { next } => self.newest().add(mark(Kind::Delete, next), item.cell, 0),
        }
        self.groups() - 1
    }

    fn groups(&self) -> u64 {
        self.drafts.len() as u64
    }

    fn take(&mut self) -> Draft {
        if self.drafts.len() == 1 {
            if self.newest().parts.is_empty() && self.open.len() < PARTS_BYTES_MIN {
                // Pages take more than it needs, and can be filled again.
                let part = Bytes::copy_from_slice(&self.open);
                self.open.clear();
                self.newest().parts.push(part);
            } else {
                self.close_part();
            }
        }
        self.drafts.pop_front().expect("there is a group to take")
    }
}

impl Draft {
    /// Adds a run, whose group begins at `start` of the part that comes next.
    fn add(&mut self, run: Run, cell: Arc<Cell>, start: usize) {
        self.groups_bytes += run.length as usize;
        let part = self.parts.len();
        self.lines.push(Line { run, cell, part, start });
    }

    /// How many appends it makes durable.
    pub(crate) fn appends(&self) -> usize {
        self.lines.iter().filter(|line| line.run.kind == Kind::Entries).count()
    }

    pub(crate) fn lay_out(&self) -> Layout<'_> {
        let body_bytes: usize = self.parts.iter().map(Bytes::len).sum();
        let apart = body_bytes >= PARTS_BYTES_MIN;
        let mut directory = Directory::default();
        if apart {
            directory.padding(0);
        }
        // How far the runs so far reach: into which part, and how far in it and in the body.
        let (mut part, mut end, mut body_bytes) = (0, 0, 0);
        for line in &self.lines {
            if line.run.kind == Kind::Entries {
                let rest: usize = self.parts[part..line.part].iter().map(Bytes::len).sum();
                let gap = rest + line.start - end;
                if gap > 0 {
                    directory.padding(gap);
                }
                (part, end) = (line.part, line.end());
                body_bytes += gap + line.run.length as usize;
            }
            directory.run(&line.run);
        }
        if apart {
            let lead = (HEADER_BYTES + directory.bytes.len()).wrapping_neg() % ALIGNMENT;
            directory.set_lead(lead);
            body_bytes += lead;
        }
        Layout { draft: self, directory, apart, body_bytes }
    }
}

/// How a draft lies in its chunk.
pub(crate) struct Layout<'a> {
    draft: &'a Draft,
    directory: Directory,
    /// The body begins at a page of its own. Padding leads there.
    apart: bool,
    body_bytes: usize,
}

impl Layout<'_> {
    /// Length of the chunk on disk.
    pub(crate) fn padded_bytes(&self) -> usize {
        padded(HEADER_BYTES + self.directory.bytes.len() + self.body_bytes)
    }

    /// The whole chunk, to be written in a row, and its header's checksum. What only the draft can
    /// say of `header` is filled in. `head` is memory to be used again, in which it begins.
    pub(crate) fn encode<'a>(
        &'a self,
        mut header: Header,
        head: &'a mut Pages,
    ) -> (u32, Vec<&'a [u8]>) {
        header.lines = self.directory.lines;
        header.directory_bytes = self.directory.bytes.len() as u32;
        header.directory_checksum = crc32c(&self.directory.bytes);
        header.body_bytes = self.body_bytes as u64;
        let header = header.encode();
        let checksum = crc32c(&header[..HEADER_BYTES - 4]);
        let behind = if self.apart { 0 } else { self.body_bytes };
        let bytes = header.len() + self.directory.bytes.len() + behind;
        head.clear();
        if head.room() < bytes {
            *head = Pages::with_capacity(bytes);
        }
        head.extend(&header);
        head.extend(&self.directory.bytes);
        let mut rest = behind;
        for part in &self.draft.parts {
            let length = part.len().min(rest);
            head.extend(&part[..length]);
            rest -= length;
        }
        head.pad();
        let apart = self.draft.parts.iter().filter(|_| self.apart).map(|part| &part[..]);
        (checksum, std::iter::once(&head[..]).chain(apart).collect())
    }
}
