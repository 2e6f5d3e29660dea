//! The one task that writes the journal.
//!
//! While one chunk is being written the next group gathers; no timer is needed. A chunk that
//! cannot be begun for want of space is tried again; one whose write or sync failed is not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::Timestamp;
use runtime::Pages;
use tokio::time::Instant;

use crate::cell::Cell;
use crate::checksum::{crc32c, crc32c_of};
use crate::entries::group_header;
use crate::error::is_full;
use crate::journal::chunk::{HEADER_BYTES, Header, Kind, Run, encode_directory, padded};
use crate::journal::file::{Link, Ring};
use crate::journal::handoff::{Broken, Write};
use crate::journal::{Item, Op};
use crate::storage::Core;

/// How often a full disk is tried again.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// From this size on the tail keeps a chunk in the pages it was written from.
const KEPT_PAGES_MIN: usize = 128 << 10;

/// Where chunks go.
pub(crate) enum Sink {
    /// Files that are written and synced.
    Files(Ring),
    /// Nowhere: nothing is durable.
    Discard,
}

/// The task and what it owns.
pub(crate) struct Writer {
    core: Arc<Core>,
    sink: Sink,
    epoch: u64,
    next: Link,
    /// Whether there is a chunk of this opening.
    wrote: bool,
    /// Empty, for the next chunk.
    pages: Pages,
}

impl Writer {
    pub(crate) fn new(core: Arc<Core>, sink: Sink, epoch: u64, next: Link) -> Self {
        Self { core, sink, epoch, next, wrote: false, pages: Pages::default() }
    }

    /// Writes group after group until the journal is closed or broken.
    pub(crate) async fn run(mut self) {
        let core = self.core.clone();
        if let Err(Broken(why)) = core.journal.handoff.serve(&mut self).await {
            core.tasks.stop(format!("the journal failed: {why}"));
        }
    }

    async fn store_draft(&mut self, mut draft: Draft) -> Result<Draft, Broken> {
        let number = self.next.number;
        let salt = self.reserve(draft.padded_bytes()).await?;
        let header = Header {
            epoch: self.epoch,
            salt,
            number,
            durable_through: number - 1,
            written: self.core.clock.now(),
            previous: self.next.previous,
            runs: draft.lines.len() as u32,
            directory_bytes: draft.directory.len() as u32,
            directory_checksum: crc32c(&draft.directory),
            body_bytes: draft.body_bytes as u64,
        };
        let mut pages = std::mem::take(&mut self.pages);
        if pages.capacity() < draft.padded_bytes() {
            pages = Pages::with_capacity(draft.padded_bytes());
        }
        let checksum = draft.encode(&header, &mut pages);
        self.store(&pages).await?;
        self.core.metrics.group(draft.appends, draft.body_bytes);
        self.next = Link { number: number + 1, previous: checksum };
        self.wrote = true;
        let bytes = self.keep(pages, draft.chunk_bytes());
        self.show(number, checksum, &draft, bytes);
        Ok(draft)
    }

    /// Waits until there is room for a chunk.
    async fn reserve(&mut self, bytes: usize) -> Result<u64, Broken> {
        let Sink::Files(ring) = &mut self.sink else { return Ok(0) };
        let journal = &self.core.journal;
        loop {
            let needed_from = journal.needed_from.load(std::sync::atomic::Ordering::Acquire);
            let error = match ring.reserve(bytes, self.next, needed_from).await {
                Ok(salt) => {
                    if journal.handoff.trouble().is_some() {
                        tracing::info!("the disk has space again");
                        journal.handoff.go_on();
                    }
                    return Ok(salt);
                }
                Err(error) if is_full(&error) => error,
                Err(error) => return Err(Broken(format!("preparing a file: {error}"))),
            };
            if journal.handoff.trouble().is_none() {
                tracing::error!(%error, "the disk is full: appends are refused until there is space");
                journal.handoff.hold("the disk is full: appends are refused until there is space");
            }
            if journal.handoff.is_closed() {
                return Err(Broken("the disk is full and the storage closes".into()));
            }
            tokio::time::sleep(FULL_RETRY).await;
        }
    }

    async fn store(&mut self, chunk: &[u8]) -> Result<(), Broken> {
        let Sink::Files(ring) = &mut self.sink else { return Ok(()) };
        let started = Instant::now();
        let written: io::Result<()> = ring.write(chunk).await;
        written.map_err(|error| Broken(format!("writing a chunk: {error}")))?;
        self.core.metrics.chunk_written(chunk.len(), started.elapsed());
        Ok(())
    }

    /// What the tail keeps of a chunk. A small one is copied: pages take more than it needs.
    fn keep(&mut self, mut pages: Pages, bytes: usize) -> Bytes {
        if bytes >= KEPT_PAGES_MIN {
            return pages.into_bytes();
        }
        let copy = Bytes::copy_from_slice(&pages[..bytes]);
        pages.clear();
        self.pages = pages;
        copy
    }

    /// Shows the durable chunk to readers.
    fn show(&self, number: u64, checksum: u32, draft: &Draft, bytes: Bytes) {
        let mut position = HEADER_BYTES + draft.directory.len();
        for line in &draft.lines {
            let end = position + line.run.length as usize;
            line.cell.state.lock().apply(number, &line.run, bytes.slice(position..end));
            position = end;
        }
        self.core.tail.charge(number, checksum, draft.charge);
    }
}

impl Write<Item> for Writer {
    type Shown = Draft;

    async fn write(&mut self, group: Vec<Item>) -> Result<Draft, Broken> {
        self.store_draft(Draft::new(group)).await
    }

    /// Wakes the followers, after those who wait for their own appends.
    fn acknowledged(&mut self, draft: Draft) {
        for line in &draft.lines {
            line.cell.state.lock().tell_followers();
        }
        let is_death = |line: &&Line| matches!(line.run.kind, Kind::Trim | Kind::Delete);
        self.core.chunk_published(draft.lines.iter().filter(is_death).map(|line| line.run.log));
    }

    /// An empty chunk at the end shows the next opening that the one before it was durable.
    async fn finish(&mut self) -> Result<(), Broken> {
        if self.wrote {
            self.store_draft(Draft::new(Vec::new())).await?;
        }
        Ok(())
    }
}

/// A chunk before it has its place: everything but the header.
pub(crate) struct Draft {
    lines: Vec<Line>,
    directory: Vec<u8>,
    body_bytes: usize,
    charge: usize,
    appends: usize,
}

/// One run: a line of the directory and the groups it is made of.
struct Line {
    run: Run,
    cell: Arc<Cell>,
    /// Header and entries of each group, in order.
    groups: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Draft {
    /// Sorts the items by log, keeping their order within one, and joins what can be one run.
    fn new(mut items: Vec<Item>) -> Self {
        items.sort_by_key(|item| item.cell.id);
        let charge = items.iter().map(|item| item.charge).sum();
        let mut draft =
            Self { lines: Vec::new(), directory: Vec::new(), body_bytes: 0, charge, appends: 0 };
        for item in items {
            draft.add(item);
        }
        for line in &mut draft.lines {
            let parts: Vec<_> = line.groups.iter().flat_map(|(h, e)| [&h[..], &e[..]]).collect();
            line.run.checksum = if parts.is_empty() { 0 } else { crc32c_of(&parts) };
        }
        draft.directory = encode_directory(draft.lines.iter().map(|line| &line.run));
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
        self.lines.push(Line { run, cell: item.cell, groups: Vec::new() });
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
        self.appends += 1;
        let joins = |line: &&mut Line| {
            line.run.log == cell.id && line.run.kind == Kind::Entries && line.run.end() == first
        };
        if let Some(line) = self.lines.last_mut().filter(joins) {
            line.run.count += count;
            line.run.last_time = time;
            line.run.length += length as u32;
            line.groups.push((header, bytes));
            return;
        }
        let mut run = Run::mark(cell.id, Kind::Entries, first);
        (run.count, run.length) = (count, length as u32);
        (run.first_time, run.last_time) = (time, time);
        self.lines.push(Line { run, cell, groups: vec![(header, bytes)] });
    }

    /// Without padding.
    fn chunk_bytes(&self) -> usize {
        HEADER_BYTES + self.directory.len() + self.body_bytes
    }

    fn padded_bytes(&self) -> usize {
        padded(self.chunk_bytes())
    }

    /// The whole chunk, padding included. Answers its header's checksum.
    fn encode(&mut self, header: &Header, pages: &mut Pages) -> u32 {
        let header = header.encode();
        pages.extend(&header);
        pages.extend(&self.directory);
        for (header, entries) in self.lines.iter_mut().flat_map(|line| line.groups.drain(..)) {
            pages.extend(&header);
            pages.extend(&entries);
        }
        pages.pad();
        crc32c(&header[..HEADER_BYTES - 4])
    }
}
