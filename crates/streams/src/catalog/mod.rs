//! The catalog: every stream, shard and consumer of the node, and the one task that changes it.
//!
//! Readers take an immutable [`Snapshot`] and never wait. A change is a *decision*: a pure
//! function of the latest snapshot that fills an [`Edit`] or refuses. The task takes decisions
//! one after the other, makes each edit durable in the table as one transaction, and then
//! publishes the next snapshot.
//!
//! Invariants: a snapshot that was published is durable. Decisions see the latest one. A decision
//! that refused, or whose transaction failed, leaves no trace in memory; if the table took it all
//! the same, the next snapshot is read from the table.

mod cbor;
mod edit;
pub(crate) mod fuzz;
mod monitored;
mod record;
mod scaling;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use runtime::{Entropy, Policy, Tasks};
use storage::{Change as TableChange, LogId, Storage, Table};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, Result};

pub(crate) use edit::Edit;
pub(crate) use monitored::{ShardMetric, ShardMetrics};
pub(crate) use record::{
    AccountRecord, Change, Commitment, ConsumerChange, ConsumerPending, ConsumerRecord,
    Distribution, Encryption, EncryptionChanges, Incarnation, Merge, Pending, ShardRecord, Split,
    StreamKey, StreamMode, StreamRecord,
};
pub(crate) use scaling::{Inputs, Peaks, Scaling, ScalingAction, ScalingDecision};
pub(crate) use snapshot::{Consumer, Shard, Snapshot, Status, Stream};

/// The catalog's table.
const LOG: LogId = LogId(1);

/// Decisions that may wait for their turn; more of them wait outside.
const DECISIONS_MAX: usize = 64;

type Decide = Box<dyn FnOnce(&Snapshot, &mut Edit) -> Result<()> + Send>;

/// A decision on its way, and who waits for it.
struct Decision {
    decide: Decide,
    answer: oneshot::Sender<Result<Arc<Snapshot>>>,
}

/// The catalog. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog {
    latest: Arc<ArcSwap<Snapshot>>,
    versions: watch::Receiver<u64>,
    decisions: mpsc::Sender<Decision>,
}

impl Catalog {
    /// Loads the catalog, makes an empty one if there is none, and starts its task.
    pub(crate) async fn start(
        storage: &Storage,
        entropy: &dyn Entropy,
        tasks: &Tasks,
    ) -> Result<Self> {
        let table = storage.table(LOG).await?;
        if table.get(record::NODE_KEY).is_none() {
            initialize(&table, entropy).await?;
        }
        let snapshot = Snapshot::load(&table, None)?;
        let (changed, versions) = watch::channel(snapshot.version.0);
        let latest = Arc::new(ArcSwap::from_pointee(snapshot));
        let (decisions, waiting) = mpsc::channel(DECISIONS_MAX);
        let owner = Owner { table, latest: latest.clone(), changed };
        let stopping = tasks.stopping();
        tasks.spawn("streams.catalog", Policy::StopNode, async move {
            tokio::select! {
                biased;
                () = stopping.cancelled() => {}
                () = owner.run(waiting) => {}
            }
        });
        Ok(Self { latest, versions, decisions })
    }

    /// The catalog now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.latest.load_full()
    }

    /// Shared with what only looks.
    pub(crate) fn latest(&self) -> Arc<ArcSwap<Snapshot>> {
        self.latest.clone()
    }

    /// Carries out a decision, and answers with the snapshot it was taken on. It is carried out
    /// even if the caller stops waiting.
    pub(crate) async fn change(
        &self,
        decide: impl FnOnce(&Snapshot, &mut Edit) -> Result<()> + Send + 'static,
    ) -> Result<Arc<Snapshot>> {
        let (answer, answered) = oneshot::channel();
        let decision = Decision { decide: Box::new(decide), answer };
        self.decisions.send(decision).await.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)?
    }

    /// Waits for a version after that of `seen`.
    pub(crate) async fn changed_since(&self, seen: &Snapshot) -> Result<()> {
        let seen = seen.version.0;
        let newer = |version: &u64| *version > seen;
        self.versions.clone().wait_for(newer).await.map_err(|_| Error::Stopping)?;
        Ok(())
    }
}

async fn initialize(table: &Table, entropy: &dyn Entropy) -> Result<()> {
    let mut token_key = [0; 32];
    entropy.fill(&mut token_key);
    let node = record::NodeRecord::new(token_key);
    let key = bytes::Bytes::from_static(record::NODE_KEY);
    let put = TableChange::Put { key, value: record::encode(&node) };
    table.transact(table.version(), vec![put]).await?;
    Ok(())
}

/// The task that changes the catalog.
struct Owner {
    table: Table,
    latest: Arc<ArcSwap<Snapshot>>,
    changed: watch::Sender<u64>,
}

impl Owner {
    async fn run(self, mut decisions: mpsc::Receiver<Decision>) {
        while let Some(Decision { decide, answer }) = decisions.recv().await {
            // Nobody may be waiting any more, which changes nothing.
            let _ = answer.send(self.carry_out(decide).await);
        }
    }

    async fn carry_out(&self, decide: Decide) -> Result<Arc<Snapshot>> {
        let before = self.up_to_date()?;
        let mut edit = Edit::new(&before);
        decide(&before, &mut edit)?;
        if !edit.is_empty() {
            let version = self.table.transact(before.version, edit.changes(&before)).await?;
            self.publish(edit.apply(&before, version));
        }
        Ok(before)
    }

    /// The latest snapshot. A transaction of unknown outcome may have come true since.
    fn up_to_date(&self) -> Result<Arc<Snapshot>> {
        let latest = self.latest.load_full();
        if self.table.version() != latest.version {
            self.publish(Snapshot::load(&self.table, Some(&latest))?);
        }
        Ok(self.latest.load_full())
    }

    fn publish(&self, snapshot: Snapshot) {
        let version = snapshot.version.0;
        self.latest.store(Arc::new(snapshot));
        self.changed.send_replace(version);
    }
}
