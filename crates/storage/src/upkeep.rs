//! The background work: cutting segments, dropping and rewriting dead ones, merging small ones.
//!
//! One task, one piece of work at a time, each of bounded size. Every piece ends with a manifest;
//! nothing is deleted or used again before the manifest that does without it is durable.

mod compact;
mod deaths;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::time::Instant;

use crate::config::bytes;
use crate::entries::Malformed;
use crate::error::{Damage, Error, Result, is_full};
use crate::journal::recovery::Start;
use crate::log::LogId;
use crate::manifest::{self, LogLine, Manifest};
use crate::segment::builder::{Builder, Built};
use crate::segment::{Segment, reader};
use crate::storage::{Core, Stage};
use crate::upkeep::deaths::Walk;

/// How soon a failed write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The task and what it owns.
pub(crate) struct Upkeep {
    core: Arc<Core>,
    objects: Arc<dyn ObjectStore>,
    /// What the newest manifest says, without segments and logs.
    number: u64,
    journal: Start,
    next_segment: u64,
    walk: Option<Walk>,
}

/// The storage closes; what was not finished is done again after the next opening.
struct Interrupted;

/// A log's entries that go into a segment: from which offset on, and all runs that hold them.
type Live = (LogId, u64, Vec<(u64, Bytes)>);

impl Upkeep {
    pub(crate) fn new(core: Arc<Core>, objects: Arc<dyn ObjectStore>, newest: &Manifest) -> Self {
        let Manifest { number, journal, next_segment, .. } = *newest;
        Self { core, objects, number, journal, next_segment, walk: None }
    }

    /// Works until the storage closes.
    pub(crate) async fn run(mut self) {
        while *self.core.stage.borrow() == Stage::Open {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => self.rest().await,
                Err(Interrupted) => break,
            }
        }
        self.core.stage.send_replace(Stage::Closed);
    }

    /// Does the most urgent piece of work; `false` if there is none.
    async fn step(&mut self) -> Result<bool, Interrupted> {
        if let Some((through, checksum)) = self.due_cut() {
            self.cut(through, checksum).await?;
            return Ok(true);
        }
        if self.examine_deaths().await? {
            return Ok(true);
        }
        self.merge_small().await
    }

    /// Waits until there may be work.
    async fn rest(&self) {
        let age = self.core.config.segment_age;
        let (_, since) = self.core.tail.held();
        let wait = since.map_or(age, |since| age.saturating_sub(since.elapsed()));
        let mut stage = self.core.stage.subscribe();
        tokio::select! {
            biased;
            _ = stage.wait_for(|stage| *stage != Stage::Open) => {}
            () = self.core.upkeep.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// Up to where the tail should be cut now, and that chunk's checksum.
    fn due_cut(&self) -> Option<(u64, u32)> {
        let config = &self.core.config;
        let (_, since) = self.core.tail.held();
        let old = |since: Instant| since.elapsed() >= config.segment_age;
        if !self.core.is_cut_due() && !since.is_some_and(old) {
            return None;
        }
        self.core.tail.prefix_of(bytes(config.segment_bytes))
    }

    /// Moves the tail up to and with chunk `through` into a segment.
    async fn cut(&mut self, through: u64, checksum: u32) -> Result<(), Interrupted> {
        let live = self.live_through(through);
        let compression = self.core.config.compression;
        let built = self.core.tasks.offload(move || {
            let mut builder = Builder::new(compression);
            for (log, from, runs) in &live {
                for (first, groups) in runs {
                    let added = builder.add(*log, *first, *from, groups);
                    added.expect("what the tail holds was decodable when it was appended");
                }
            }
            builder.finish()
        });
        let chunks = (self.journal.chunk, through);
        let new = match built.await {
            Some(built) => Some(self.store_segment(built, chunks).await?),
            None => None,
        };
        let sequence = self.core.journal.sequence_of(through + 1);
        self.journal = Start { chunk: through + 1, previous: checksum, sequence };
        let mut segments = self.core.segments.live().to_vec();
        segments.extend(new);
        self.install(segments).await?;
        self.forget_through(through);
        Ok(())
    }

    /// The live entries of the tail up to and with chunk `through`.
    fn live_through(&self, through: u64) -> Vec<Live> {
        let mut live = Vec::new();
        for cell in self.core.cells() {
            let state = cell.state.lock();
            let from = state.live_from();
            let runs = state.tail.iter().take_while(|run| run.chunk <= through);
            let runs = runs.filter(|run| run.end() > from);
            let runs: Vec<_> = runs.map(|run| (run.first, run.groups.clone())).collect();
            if !runs.is_empty() {
                live.push((cell.id, from, runs));
            }
        }
        live
    }

    /// Lets go of what is in a segment now.
    fn forget_through(&self, through: u64) {
        for cell in self.core.cells() {
            cell.state.lock().forget_through(through);
        }
        self.core.tail.release_through(through);
        self.core.journal.release_below(through + 1);
        self.core.chunk_published(Vec::new());
    }

    /// Stores a finished segment under a number of its own.
    async fn store_segment(
        &mut self,
        built: Built,
        (first_chunk, last_chunk): (u64, u64),
    ) -> Result<Segment, Interrupted> {
        let number = self.next_segment;
        self.next_segment += 1;
        let Built { payload, bytes, entries, last_time } = built;
        let path = reader::path(number);
        while let Err(error) = self.objects.put(&path, payload.clone()).await {
            self.retry_later("writing a segment", error).await?;
        }
        self.core.tail.stall(None);
        self.core.metrics.segment_written(bytes);
        Ok(Segment { number, bytes, first_chunk, last_chunk, entries, last_time })
    }

    /// Makes `segments` the live ones: first in a manifest, then for readers.
    async fn install(&mut self, segments: Vec<Segment>) -> Result<(), Interrupted> {
        let number = self.number + 1;
        let through = self.journal.chunk - 1;
        let line = |cell: Arc<crate::cell::Cell>| LogLine::of(cell.id, &cell.state.lock(), through);
        let manifest = Manifest {
            number,
            journal: self.journal,
            next_segment: self.next_segment,
            segments: segments.clone(),
            logs: self.core.cells().into_iter().filter_map(line).collect(),
        };
        let bytes = loop {
            match manifest::store(&self.objects, &manifest).await {
                Ok(bytes) => break bytes,
                Err(error) => self.retry_later("writing a manifest", error).await?,
            }
        };
        self.core.tail.stall(None);
        self.number = number;
        let metrics = &self.core.metrics;
        metrics.manifest_written(bytes);
        metrics.segments.set(segments.len() as i64);
        metrics.segments_bytes.set(segments.iter().map(|segment| segment.bytes as i64).sum());
        metrics.logs.set(manifest.logs.len() as i64);
        self.core.segments.install(segments);
        self.core.remove_gone(through);
        if let Some(outdated) = manifest::outdated_by(number) {
            self.delete(&outdated).await;
        }
        Ok(())
    }

    /// Takes note of a failed write and waits until it may be tried again.
    async fn retry_later(
        &self,
        doing: &str,
        error: object_store::Error,
    ) -> Result<(), Interrupted> {
        if let object_store::Error::AlreadyExists { .. } = error {
            self.core.tasks.stop(format!("somebody else writes here: {doing}: {error}"));
            return Err(Interrupted);
        }
        if self.core.tail.stalled().is_none() {
            tracing::error!(%error, doing, "segments cannot be written; trying again");
        }
        let why = if is_full(&error) { "the disk is full" } else { "the store fails" };
        self.core.tail.stall(Some(format!("{why}: {doing}: {error}").into()));
        let mut stage = self.core.stage.subscribe();
        tokio::select! {
            biased;
            _ = stage.wait_for(|stage| *stage != Stage::Open) => Err(Interrupted),
            () = tokio::time::sleep(RETRY) => Ok(()),
        }
    }

    /// Deletes an object that no manifest needs. What stays behind goes at the next opening.
    async fn delete(&self, path: &object_store::path::Path) {
        if let Err(error) = self.objects.delete(path).await {
            tracing::warn!(%error, %path, "an object that nobody needs could not be deleted");
        }
    }
}

/// A block whose checksum holds, but which holds no entries.
fn malformed(segment: &Segment, log: LogId) -> impl Fn(Malformed) -> Error {
    let path = reader::path(segment.number);
    move |Malformed| {
        let what = "a block holds no entries, although its checksum holds";
        Damage::new(path.as_ref(), 0, what).in_log(log, 0, 0).into()
    }
}
