//! Opening: lock, recover, start.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use runtime::{Disk, Policy};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::cell::Cell;
use crate::config::{Config, JournalMode, bytes};
use crate::error::{Damage, Error, Result};
use crate::journal::Journal;
use crate::journal::chunk::{Chunk, Kind, padded};
use crate::journal::file::{Link, Ring, RingState};
use crate::journal::recovery::{self, End, Place, Start};
use crate::journal::writer::{Sink, Writer};
use crate::log::LogId;
use crate::metrics::Metrics;
use crate::storage::{Core, Parts};
use crate::tail::Tail;

pub(crate) async fn open(config: Config, parts: Parts) -> Result<Arc<Core>> {
    config.validate()?;
    let started = Instant::now();
    let lock = parts.disk.lock().await.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Locked,
        _ => Error::io("locking the data directory", error),
    })?;
    let mut logs = Logs::default();
    let end = recovery::walk(&parts.disk, Start::default(), |path, position, chunk| {
        logs.apply(path, position, &chunk)
    });
    let end = end.await?;
    if let Some(last) = &end.last {
        rewrite(&parts.disk, last).await?;
    }
    let core = Arc::new(Core {
        tail: logs.tail(&config),
        clock: parts.clock.clone(),
        tasks: parts.tasks.clone(),
        metrics: Metrics::new(&parts.meters),
        logs: RwLock::new(logs.cells),
        journal: Journal::new(1, end.live.iter().cloned().collect()),
        upkeep: Notify::new(),
        lock: Mutex::new(Some(lock)),
        config,
    });
    start_writer(&core, &parts, end);
    core.metrics.opened(started.elapsed());
    Ok(core)
}

fn start_writer(core: &Arc<Core>, parts: &Parts, end: End) {
    let epoch = end.epoch + 1;
    let next = Link { number: end.chunk, previous: end.previous };
    let sink = match core.config.journal {
        JournalMode::Discard => Sink::Discard,
        JournalMode::Sync => {
            let file_bytes = core.config.journal_file_bytes.0;
            let free_max =
                bytes(core.config.tail_bytes) / bytes(core.config.journal_file_bytes) + 2;
            let state = RingState {
                epoch,
                free: end.free,
                next_sequence: end.next_sequence,
                next_name: end.next_name,
            };
            let (disk, entropy) = (parts.disk.clone(), parts.entropy.clone());
            let live = core.journal.live_files();
            Sink::Files(Ring::new(disk, entropy, (file_bytes, free_max), live, state))
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
struct Logs {
    cells: BTreeMap<LogId, Arc<Cell>>,
    chunks: Vec<(u64, usize)>,
}

impl Logs {
    fn apply(&mut self, path: &str, position: u64, chunk: &Chunk) -> Result<()> {
        let number = chunk.header.number;
        for (run, place) in &chunk.runs {
            let cell = self.cells.entry(run.log).or_insert_with(|| Arc::new(Cell::new(run.log)));
            let mut state = cell.state.lock();
            if run.kind == Kind::Entries && run.first != state.durable {
                let what = format!("the log's next entry has offset {}", state.durable);
                let damage = Damage::new(path, position + place.start as u64, what);
                return Err(damage.in_chunk(number).in_log(run.log, run.first, run.end()).into());
            }
            state.apply(number, run, chunk.bytes.slice(place.clone()));
        }
        self.chunks.push((number, chunk.bytes.len()));
        Ok(())
    }

    fn tail(&self, config: &Config) -> Tail {
        let tail = Tail::new(bytes(config.tail_bytes));
        for (chunk, bytes) in &self.chunks {
            tail.charge_recovered(*chunk, *bytes);
        }
        tail
    }
}
