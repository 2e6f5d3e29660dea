//! The whole storage: what its logs share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use object_store::ObjectStore;
use parking_lot::{Mutex, RwLock};
use runtime::{Clock, Disk, DiskLock, Entropy, Meters, Tasks};
use tokio::sync::{Notify, watch};

use crate::cell::Cell;
use crate::config::{Config, bytes};
use crate::erasable::Erasable;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::log::{Log, LogId};
use crate::metrics::Metrics;
use crate::open;
use crate::segment::Segments;
use crate::table::Table;
use crate::tail::{Permit, Tail};

/// The world that storage lives in.
pub struct Parts {
    /// Where the journal is.
    pub disk: Arc<dyn Disk>,
    /// Where segments and manifests are. A local directory must be used `with_fsync(true)`.
    pub objects: Arc<dyn ObjectStore>,
    /// For the time written into chunks.
    pub clock: Arc<dyn Clock>,
    /// For salts.
    pub entropy: Arc<dyn Entropy>,
    /// For the journal's writer and the upkeep.
    pub tasks: Tasks,
    /// For the metrics.
    pub meters: Meters,
}

/// A segment is cut early when the journal has more files than would hold the tail so many times:
/// each opening begins a new one.
const FILES_PER_TAIL: usize = 2;
const FILES_MIN: usize = 8;

/// All logs of a node. Cheap to clone.
#[derive(Clone)]
pub struct Storage(Arc<Core>);

/// How far the end of the storage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// The upkeep is to end.
    Closing,
    /// The upkeep has ended.
    Closed,
}

/// What logs, writer and upkeep share.
pub(crate) struct Core {
    pub config: Config,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    pub metrics: Metrics,
    pub logs: RwLock<BTreeMap<LogId, Arc<Cell>>>,
    pub tail: Tail,
    pub journal: Journal,
    pub segments: Segments,
    /// Logs that were trimmed or deleted since upkeep looked.
    pub deaths: Mutex<BTreeSet<LogId>>,
    /// Wakes the upkeep.
    pub upkeep: Notify,
    pub stage: watch::Sender<Stage>,
    /// Given back by `close`.
    pub lock: Mutex<Option<DiskLock>>,
}

impl Storage {
    /// Takes the directory for this process, recovers what is in it, and starts the writer and
    /// the upkeep. Refuses without changing anything when something is damaged.
    pub async fn open(config: Config, parts: Parts) -> Result<Self> {
        Ok(Self(open::open(config, parts).await?))
    }

    /// The log of that name. It is born by its first append.
    pub fn log(&self, id: LogId) -> Log {
        Log::new(self.0.clone(), self.0.cell(id))
    }

    /// The table kept in the log of that name, read into memory. Clone it rather than asking
    /// twice: two tables over one log do not see each other's changes and refuse to write.
    pub async fn table(&self, id: LogId) -> Result<Table> {
        Table::load(self.clone(), self.log(id)).await
    }

    /// Small values that can be destroyed.
    pub fn erasable(&self) -> Erasable {
        Erasable::new(self.0.disk.clone())
    }

    /// Leave to append `bytes`: the sum of the payloads plus [`crate::ENTRY_OVERHEAD`] for each
    /// entry. What the appends do not take is given back with the permit.
    ///
    /// Waits while the tail is full, in the order of the calls and no longer than
    /// `admission_timeout`; refuses at once while the disk is full.
    pub async fn admit(&self, bytes: usize) -> Result<Permit> {
        let core = &self.0;
        if let Some(trouble) = core.journal.handoff.trouble() {
            core.metrics.admissions_refused.inc();
            return Err(trouble.into());
        }
        if let Some(permit) = core.tail.try_admit(bytes)? {
            return Ok(permit);
        }
        if let Some(why) = core.tail.stalled() {
            core.metrics.admissions_refused.inc();
            return Err(Error::Unavailable(why));
        }
        let refused = tokio::select! {
            biased;
            permit = core.tail.admit(bytes) => return permit,
            trouble = core.journal.handoff.troubled() => Some(Error::from(trouble)),
            () = tokio::time::sleep(core.config.admission_timeout) => None,
        };
        core.metrics.admissions_refused.inc();
        let slow = "the tail is full: segments are written more slowly than entries arrive";
        Err(refused.unwrap_or_else(|| Error::Unavailable(slow.into())))
    }

    /// Makes what was appended durable, takes no more, and ends the tasks.
    pub async fn close(&self) -> Result<()> {
        self.0.journal.handoff.close().await;
        self.0.stage.send_if_modified(|stage| {
            let open = *stage == Stage::Open;
            *stage = if open { Stage::Closing } else { *stage };
            open
        });
        // The sender lives as long as `self`.
        let _ = self.0.stage.subscribe().wait_for(|stage| *stage == Stage::Closed).await;
        drop(self.0.lock.lock().take());
        match self.0.journal.handoff.trouble() {
            Some(trouble) => Err(trouble.into()),
            None => Ok(()),
        }
    }
}

impl Core {
    pub(crate) fn cell(&self, id: LogId) -> Arc<Cell> {
        if let Some(cell) = self.logs.read().get(&id) {
            return cell.clone();
        }
        let mut logs = self.logs.write();
        let cell = logs.entry(id).or_insert_with(|| Arc::new(Cell::new(id)));
        cell.clone()
    }

    /// All logs, sorted by name.
    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        self.logs.read().values().cloned().collect()
    }

    /// Entries of `log` below this offset are dead.
    pub(crate) fn live_from(&self, log: LogId) -> u64 {
        self.logs.read().get(&log).map_or(u64::MAX, |cell| cell.state.lock().live_from())
    }

    /// Forgets the logs that are gone for good as of chunk `through`.
    pub(crate) fn remove_gone(&self, through: u64) {
        self.logs.write().retain(|_, cell| !cell.state.lock().is_gone(through));
    }

    /// The writer has published a chunk that trimmed or deleted these logs.
    pub(crate) fn chunk_published(&self, deaths: Vec<LogId>) {
        let (held, _) = self.tail.held();
        self.metrics.tail_bytes.set(i64::try_from(held).unwrap_or(i64::MAX));
        let any_deaths = !deaths.is_empty();
        if any_deaths {
            self.deaths.lock().extend(deaths);
        }
        if any_deaths || self.is_cut_due() {
            self.upkeep.notify_one();
        }
    }

    /// Whether so much waits in memory or in the journal that a segment should be cut.
    pub(crate) fn is_cut_due(&self) -> bool {
        let files_max =
            FILES_PER_TAIL * bytes(self.config.tail_bytes) / bytes(self.config.journal_file_bytes);
        let (held, _) = self.tail.held();
        held >= bytes(self.config.segment_bytes) || self.journal.files() > files_max.max(FILES_MIN)
    }
}
