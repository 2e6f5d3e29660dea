//! The whole storage: what its logs share.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use parking_lot::{Mutex, RwLock};
use runtime::{Clock, Disk, DiskLock, Entropy, Meters, Tasks};
use tokio::sync::Notify;

use crate::cell::Cell;
use crate::config::{Config, bytes};
use crate::error::{Error, Result};
use crate::journal::{Journal, Progress};
use crate::log::{Log, LogId};
use crate::metrics::Metrics;
use crate::open;
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

/// All logs of a node. Cheap to clone.
#[derive(Clone)]
pub struct Storage(Arc<Core>);

/// What logs, writer and upkeep share.
pub(crate) struct Core {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    pub metrics: Metrics,
    pub logs: RwLock<BTreeMap<LogId, Arc<Cell>>>,
    pub tail: Tail,
    pub journal: Journal,
    pub upkeep: Notify,
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

    /// Leave to append `bytes`: the sum of the payloads plus [`crate::ENTRY_OVERHEAD`] for each
    /// entry. What the appends do not take is given back with the permit.
    ///
    /// Waits while the tail is full, in the order of the calls and no longer than
    /// `admission_timeout`; refuses at once while the disk is full.
    pub async fn admit(&self, bytes: usize) -> Result<Permit> {
        let core = &self.0;
        if let Some(trouble) = core.journal.trouble() {
            core.metrics.admissions_refused.inc();
            return Err(trouble.into());
        }
        if let Some(permit) = core.tail.try_admit(bytes)? {
            return Ok(permit);
        }
        let mut progress = core.journal.progress();
        let refused = tokio::select! {
            biased;
            permit = core.tail.admit(bytes) => return permit,
            trouble = progress.wait_for(|progress: &Progress| progress.trouble.is_some()) => {
                trouble.ok().and_then(|progress| progress.trouble.clone()).map(Error::from)
            }
            () = tokio::time::sleep(core.config.admission_timeout) => None,
        };
        core.metrics.admissions_refused.inc();
        let slow = "the tail is full: segments are written more slowly than entries arrive";
        Err(refused.unwrap_or_else(|| Error::Unavailable(slow.into())))
    }

    /// Makes what was appended durable, takes no more, and ends the tasks.
    pub async fn close(&self) -> Result<()> {
        self.0.journal.close().await;
        drop(self.0.lock.lock().take());
        match self.0.journal.trouble() {
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

    /// The writer has published a chunk; `deaths` says that it trimmed or deleted something.
    pub(crate) fn chunk_published(&self, deaths: bool) {
        let (held, _) = self.tail.held();
        self.metrics.tail_bytes.set(i64::try_from(held).unwrap_or(i64::MAX));
        if deaths || held >= bytes(self.config.segment_bytes) {
            self.upkeep.notify_one();
        }
    }
}
