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
use crate::journal::chunk::{Directory, HEADER_BYTES, Header, Kind, Run, padded};
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
pub(crate) struct Draft {
    /// The runs, in the order of the appends.
    pub lines: Vec<Line>,
    /// The body, part after part. All but the last are whole pages.
    pub parts: Vec<Bytes>,
    /// Tail permits that its items hold.
    pub charge: usize,
    /// How many appends it makes durable, and how many bytes of groups.
    pub appends: usize,
    pub groups_bytes: usize,
    directory: Directory,
    parts_bytes: usize,
    /// Where in the body the last run ends.
    end: usize,
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
            self.newest().push_part(part);
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
                self.newest().push_part(pages.split());
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
            self.drafts.push_back(Draft::new());
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
                self.newest().push_part(part);
            } else {
                self.close_part();
            }
        }
        self.drafts.pop_front().expect("there is a group to take")
    }
}

impl Draft {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let mut directory = Directory::default();
        // Leads to the body.
        directory.padding(0);
        Self {
            lines: Vec::new(),
            parts: Vec::new(),
            charge: 0,
            appends: 0,
            groups_bytes: 0,
            directory,
            parts_bytes: 0,
            end: 0,
        }
    }

    /// Adds a run. If it has entries, they begin at `start` of the part that comes next.
    fn add(&mut self, run: Run, cell: Arc<Cell>, start: usize) {
        if run.kind == Kind::Entries {
            let position = self.parts_bytes + start;
            if position > self.end {
                self.directory.padding(position - self.end);
            }
            self.end = position + run.length as usize;
            self.appends += 1;
            self.groups_bytes += run.length as usize;
        }
        self.directory.run(&run);
        self.lines.push(Line { run, cell, part: self.parts.len(), start });
    }

    fn push_part(&mut self, part: Bytes) {
        self.parts_bytes += part.len();
        self.parts.push(part);
    }

    /// Whether the parts are written from where they are.
    fn is_apart(&self) -> bool {
        self.parts_bytes >= PARTS_BYTES_MIN
    }

    /// Length of header and directory.
    fn head_bytes(&self) -> usize {
        HEADER_BYTES + self.directory.bytes.len()
    }

    /// How far the body is behind the directory.
    fn lead(&self) -> usize {
        if self.is_apart() { padded(self.head_bytes()) - self.head_bytes() } else { 0 }
    }

    /// Length of the chunk on disk.
    pub(crate) fn padded_bytes(&self) -> usize {
        padded(self.head_bytes() + self.lead() + self.end)
    }

    /// The whole chunk, to be written in a row, and its header's checksum. What only the draft can
    /// say of `header` is filled in. The chunk begins in `head`, memory that is used again.
    pub(crate) fn encode<'a>(
        &'a mut self,
        mut header: Header,
        head: &'a mut Pages,
    ) -> (u32, Vec<&'a [u8]>) {
        self.directory.set_lead(self.lead());
        let Directory { bytes: directory, lines, .. } = &self.directory;
        header.lines = *lines;
        header.directory_bytes = directory.len() as u32;
        header.directory_checksum = crc32c(directory);
        header.body_bytes = (self.lead() + self.end) as u64;
        let header = header.encode();
        let checksum = crc32c(&header[..HEADER_BYTES - 4]);
        let (mut behind, parts) =
            if self.is_apart() { (0, &self.parts[..]) } else { (self.end, &[][..]) };
        head.clear();
        if head.room() < self.head_bytes() + behind {
            *head = Pages::with_capacity(self.head_bytes() + behind);
        }
        head.extend(&header);
        head.extend(directory);
        for part in &self.parts {
            let length = part.len().min(behind);
            head.extend(&part[..length]);
            behind -= length;
        }
        head.pad();
        (checksum, std::iter::once(&head[..]).chain(parts.iter().map(|part| &part[..])).collect())
    }
}
