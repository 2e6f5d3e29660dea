//! Opening: lock, recover, start. Nothing is changed before everything was found in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::{Mutex, RwLock};
use runtime::{Disk, DiskLock, Policy};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::cache::{Cache, CacheMeters};
use crate::cell::Cell;
use crate::config::{Config, JournalMode, bytes};
use crate::error::{Damage, Error, Result};
use crate::journal::Journal;
use crate::journal::chunk::{Chunk, Kind, padded};
use crate::journal::draft::Drafts;
use crate::journal::file::{Link, Ring, RingState};
use crate::journal::recovery::{self, End, Place};
use crate::journal::writer::{Sink, Writer};
use crate::log::LogId;
use crate::manifest::{self, Manifest};
use crate::metrics::Metrics;
use crate::segment::{Segments, reader};
use crate::storage::{Core, Parts, Stage};
use crate::stored::Stored;
use crate::tail::Tail;
use crate::upkeep::Upkeep;

/// Free journal files beyond those that would hold the tail once more.
const SPARE_FILES: usize = 2;

pub(crate) async fn open(config: Config, parts: Parts) -> Result<Arc<Core>> {
    config.validate()?;
    let started = Instant::now();
    let lock = parts.disk.lock().await.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Locked,
        _ => Error::io("locking the data directory", error),
    })?;
    let stored = Stored::read(&parts.objects).await?;
    if let Some(damage) = stored.manifest.segments.iter().find_map(|s| stored.damage(s)) {
        return Err(damage.into());
    }
    let mut logs = Logs::of(&stored.manifest);
    let visit = |path: &str, position, chunk| logs.apply(path, position, &chunk);
    let end = recovery::walk(&parts.disk, stored.manifest.journal, visit).await?;
    stored.refuse_lost_manifest(end.chunk)?;

    if let Some((path, position)) = &end.torn {
        tracing::info!(path, position, "an unfinished chunk ends the journal and is left out");
    }
    if let Some(last) = &end.last {
        rewrite(&parts.disk, last).await?;
    }
    for path in stored.orphans() {
        let deleted = parts.objects.delete(&path).await;
        deleted.map_err(|error| Error::objects(format!("deleting {path}"), error))?;
    }
    remove_staged(&parts.disk).await?;
    let core = assemble(config, &parts, logs, &stored.manifest, &end, lock);
    start_upkeep(&core, parts.objects.clone(), &stored);
    start_writer(&core, &parts, end);
    core.metrics.opened(started.elapsed());
    Ok(core)
}

/// Where objects are files of the same directory, one that is being put has another name until it
/// is whole: its own, `#` and a number. No listing of objects shows what a crash left of it.
async fn remove_staged(disk: &Arc<dyn Disk>) -> Result<()> {
    for directory in [reader::DIRECTORY, manifest::DIRECTORY] {
        let doing = || format!("removing what was half written in {directory}");
        let names = disk.list(directory).await.map_err(|error| Error::io(doing(), error))?;
        for name in names.iter().filter(|name| is_staged(name)) {
            let removed = disk.remove(&format!("{directory}/{name}")).await;
            removed.map_err(|error| Error::io(doing(), error))?;
            tracing::info!(directory, name, "a file that a crash left half written is removed");
        }
    }
    Ok(())
}

fn is_staged(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn assemble(
    config: Config,
    parts: &Parts,
    logs: Logs,
    manifest: &Manifest,
    end: &End,
    lock: DiskLock,
) -> Arc<Core> {
    let metrics = Metrics::new(&parts.meters);
    let (index_bytes, block_bytes) = (config.index_cache_bytes.0, config.block_cache_bytes.0);
    let cache_meters = CacheMeters {
        hits: metrics.cache_hits.clone(),
        misses: metrics.cache_misses.clone(),
        entry_bytes: metrics.segment_entry_bytes.clone(),
        index_bytes: metrics.index_bytes.clone(),
    };
    let cache = Cache::new(index_bytes, block_bytes, cache_meters);
    let (objects, tasks) = (parts.objects.clone(), parts.tasks.clone());
    let segments = Segments::new(objects, tasks, cache, &metrics, manifest.segments.clone());
    let tail = logs.tail(&config);
    let drafts = Drafts::new(tail.slabs());
    let live = end.live.iter().cloned().collect();
    Arc::new(Core {
        tail,
        clock: parts.clock.clone(),
        tasks: parts.tasks.clone(),
        metrics,
        logs: RwLock::new(logs.cells),
        journal: Journal::new(drafts, manifest.journal.chunk, live),
        segments,
        deaths: Mutex::new(logs.deaths),
        upkeep: Notify::new(),
        stage: watch::Sender::new(Stage::Open),
        lock: Mutex::new(Some(lock)),
        config,
        disk: parts.disk.clone(),
    })
}

fn start_upkeep(core: &Arc<Core>, objects: Arc<dyn ObjectStore>, stored: &Stored) {
    // Numbers of orphans are used again: their objects are deleted.
    let upkeep = Upkeep::new(core.clone(), objects, &stored.manifest);
    core.tasks.spawn("storage.upkeep", Policy::StopNode, upkeep.run());
}

fn start_writer(core: &Arc<Core>, parts: &Parts, end: End) {
    let epoch = end.epoch + 1;
    let next = Link { number: end.chunk, previous: end.previous };
    let sink = match core.config.journal {
        JournalMode::Discard => Sink::Discard,
        JournalMode::Sync => {
            let file_bytes = core.config.journal_file_bytes.0;
            let per_tail = core.config.tail_bytes.0 / file_bytes;
            let sizes = (file_bytes, per_tail as usize + SPARE_FILES);
            let state = RingState {
                epoch,
                free: end.free,
                next_sequence: end.next_sequence,
                next_name: end.next_name,
            };
            let (disk, entropy) = (parts.disk.clone(), parts.entropy.clone());
            Sink::Files(Ring::new(disk, entropy, sizes, core.journal.live_files(), state))
        }
    };
    let writer = Writer::new(core.clone(), sink, epoch, next);
    core.tasks.dedicated("storage.journal.writer", Policy::StopNode, writer.run());
}

/// Writes the last chunk once more where it is. The process that wrote it may have died before its
/// sync, or because of a failed one; what we read may be in the page cache only.
async fn rewrite(disk: &Arc<dyn Disk>, last: &Place) -> Result<()> {
    let mut chunk = last.bytes.to_vec();
    chunk.resize(padded(chunk.len()), 0);
    let rewritten = async {
        let file = disk.open(&last.path).await?;
        file.write_at(last.position, &chunk).await?;
        file.sync().await
    };
    let doing = || format!("making the last chunk of {} durable", last.path);
    rewritten.await.map_err(|error| Error::io(doing(), error))
}

/// The logs as recovery puts them together.
#[derive(Default)]
pub(crate) struct Logs {
    pub cells: BTreeMap<LogId, Arc<Cell>>,
    /// Logs that may have left segments dead.
    deaths: BTreeSet<LogId>,
    /// Number, checksum and size of every chunk in the tail.
    chunks: Vec<(u64, u32, usize)>,
}

impl Logs {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        let mut logs = Self::default();
        for line in &manifest.logs {
            let state = Mutex::new(line.state());
            logs.cells.insert(line.log, Arc::new(Cell { id: line.log, state }));
            logs.deaths.extend(line.deleted.then_some(line.log));
        }
        logs
    }

    /// Takes note of a chunk, whose entries must go on where each log ended.
    pub(crate) fn apply(&mut self, path: &str, position: u64, chunk: &Chunk) -> Result<()> {
        let number = chunk.header.number;
        for (run, place) in &chunk.runs {
            let cell = self.cells.entry(run.log).or_insert_with(|| Arc::new(Cell::new(run.log)));
            let mut state = cell.state.lock();
            if run.kind == Kind::Entries && run.first != state.durable {
                let what = format!("the log's next entry has offset {}", state.durable);
                let damage = Damage::new(path, position + place.start as u64, what);
                return Err(damage.in_chunk(number).in_log(run.log, run.first, run.end()).into());
            }
            if matches!(run.kind, Kind::Trim | Kind::Delete) {
                self.deaths.insert(run.log);
            }
            state.apply(number, run, &chunk.bytes, place.clone());
        }
        self.chunks.push((number, chunk.checksum, chunk.bytes.len()));
        Ok(())
    }

    fn tail(&self, config: &Config) -> Tail {
        let tail = Tail::new(bytes(config.tail_bytes));
        for (chunk, checksum, bytes) in &self.chunks {
            tail.charge_recovered(*chunk, *checksum, *bytes);
        }
        tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_after_a_hash_is_what_object_stores_add() {
        assert!(is_staged("00000000000000000007.seg#1") && is_staged("x#23"));
        for other in ["00000000000000000007.seg", "note#", "a#b", "a#1b", ""] {
            assert!(!is_staged(other), "{other}");
        }
    }
}
