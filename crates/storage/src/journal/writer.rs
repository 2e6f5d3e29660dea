//! The one task that writes the journal.
//!
//! While one chunk is being written the next group gathers; no timer is needed. A chunk that
//! cannot be begun for want of space is tried again; one whose write or sync failed is not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use runtime::Pages;
use tokio::time::Instant;

use crate::cell::Cell;
use crate::error::is_full;
use crate::journal::chunk::{Header, Kind};
use crate::journal::draft::{Draft, Line};
use crate::journal::file::{Link, Ring};
use crate::journal::handoff::{Broken, Write};
use crate::log::LogId;
use crate::metrics::Metrics;
use crate::storage::Core;

/// How often a full disk is tried again.
const FULL_RETRY: Duration = Duration::from_secs(1);

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
    /// What chunks begin in, used again and again.
    head: Pages,
}

impl Writer {
    pub(crate) fn new(core: Arc<Core>, sink: Sink, epoch: u64, next: Link) -> Self {
        Self { core, sink, epoch, next, wrote: false, head: Pages::default() }
    }

    /// Writes group after group until the journal is closed or broken.
    pub(crate) async fn run(mut self) {
        let core = self.core.clone();
        if let Err(Broken(why)) = core.journal.handoff.serve(&mut self).await {
            core.tasks.stop(format!("the journal failed: {why}"));
        }
    }

    async fn store_draft(&mut self, mut draft: Draft) -> Result<Shown, Broken> {
        let number = self.next.number;
        let salt = self.reserve(draft.padded_bytes()).await?;
        let header = Header {
            epoch: self.epoch,
            salt,
            number,
            durable_through: number - 1,
            written: self.core.clock.now(),
            previous: self.next.previous,
            ..Header::default()
        };
        let (checksum, chunk) = draft.encode(header, &mut self.head);
        store(&mut self.sink, &self.core.metrics, &chunk).await?;
        self.core.metrics.group(draft.appends, draft.groups_bytes);
        self.next = Link { number: number + 1, previous: checksum };
        self.wrote = true;
        Ok(self.show(number, checksum, &draft))
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

    /// Shows the durable chunk to readers.
    fn show(&self, number: u64, checksum: u32, draft: &Draft) -> Shown {
        let mut shown = Shown::default();
        let none = Bytes::new();
        for Line { run, cell, part, start } in &draft.lines {
            let part = draft.parts.get(*part).unwrap_or(&none);
            let mut state = cell.state.lock();
            state.apply(number, run, part, *start..*start + run.length as usize);
            if state.followers.is_some() {
                shown.followed.push(cell.clone());
            }
            if matches!(run.kind, Kind::Trim | Kind::Delete) {
                shown.deaths.push(run.log);
            }
        }
        self.core.tail.charge(number, checksum, draft.charge);
        shown
    }
}

/// Whom a chunk concerns that readers can see now.
#[derive(Default)]
pub(crate) struct Shown {
    /// Logs that somebody follows.
    followed: Vec<Arc<Cell>>,
    /// Logs that it trimmed or deleted.
    deaths: Vec<LogId>,
}

async fn store(sink: &mut Sink, metrics: &Metrics, chunk: &[&[u8]]) -> Result<(), Broken> {
    let Sink::Files(ring) = sink else { return Ok(()) };
    let started = Instant::now();
    let written: io::Result<()> = ring.write(chunk).await;
    written.map_err(|error| Broken(format!("writing a chunk: {error}")))?;
    metrics.chunk_written(chunk.iter().map(|part| part.len()).sum(), started.elapsed());
    Ok(())
}

impl Write<Draft> for Writer {
    type Shown = Shown;

    async fn write(&mut self, draft: Draft) -> Result<Shown, Broken> {
        self.store_draft(draft).await
    }

    /// Wakes the followers, after those who wait for their own appends.
    fn acknowledged(&mut self, shown: Shown) {
        for cell in shown.followed {
            cell.state.lock().tell_followers();
        }
        self.core.chunk_published(shown.deaths);
    }

    /// An empty chunk at the end shows the next opening that the one before it was durable.
    async fn finish(&mut self) -> Result<(), Broken> {
        if self.wrote {
            self.store_draft(Draft::new()).await?;
        }
        Ok(())
    }
}
