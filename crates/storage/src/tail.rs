//! The budget of what waits in memory for its segment, and the ledger of who used it.
//!
//! Invariant: permits taken by appends come back exactly once, when the chunk they went into is
//! in a durable segment.

use std::collections::VecDeque;
use std::sync::Arc;

use model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::cell::TailRun;
use crate::entries::Batch;
use crate::error::{Error, Result};
use crate::journal::draft::Line;
use crate::slabs::Slabs;

/// What one append costs in memory beside its bytes: its run in the tail, and in the chunk its line
/// and its place in the directory.
pub(crate) const RUN_OVERHEAD: usize = 200;

const _: () = assert!(size_of::<TailRun>() + size_of::<Line>() + 26 <= RUN_OVERHEAD);

/// Leave to append up to so many bytes.
#[derive(Debug)]
pub struct Permit {
    budget: OwnedSemaphorePermit,
    slabs: Arc<Slabs>,
}

impl Permit {
    /// An empty batch of the given time, with room for `bytes` of payload, in memory that a large
    /// batch is written from without another copy.
    pub fn batch(&self, time: Timestamp, bytes: usize) -> Batch {
        Batch::in_slabs(time, bytes, &self.slabs)
    }

    /// Takes `cost` out of the permit for one append.
    pub(crate) fn spend(&mut self, cost: usize) -> Result<()> {
        let available = self.budget.num_permits();
        let spent = self.budget.split(cost);
        spent.ok_or(Error::TooLarge { size: cost, limit: available })?.forget();
        Ok(())
    }
}

/// The budget and what it went into.
pub(crate) struct Tail {
    permits: Arc<Semaphore>,
    /// The memory it is in.
    slabs: Arc<Slabs>,
    limit: usize,
    ledger: Mutex<Ledger>,
    /// Why nothing leaves the tail, if so.
    stalled: Mutex<Option<Arc<str>>>,
}

#[derive(Default)]
struct Ledger {
    charges: VecDeque<Charge>,
    bytes: usize,
}

/// What one durable chunk holds in memory.
#[derive(Clone, Copy, Debug)]
struct Charge {
    chunk: u64,
    /// The checksum of the chunk's header.
    checksum: u32,
    bytes: usize,
    /// When it became durable.
    since: Instant,
}

impl Tail {
    pub(crate) fn new(limit: usize) -> Self {
        let permits = Arc::new(Semaphore::new(limit));
        let slabs = Arc::new(Slabs::new(limit));
        Self { permits, slabs, limit, ledger: Mutex::default(), stalled: Mutex::default() }
    }

    /// Leave for `bytes`, if there is room for them right now.
    pub(crate) fn try_admit(&self, bytes: usize) -> Result<Option<Permit>> {
        let count = self.count(bytes)?;
        let budget = self.permits.clone().try_acquire_many_owned(count).ok();
        Ok(budget.map(|budget| self.permit(budget)))
    }

    /// Leave for `bytes`, as soon as there is room; in the order of the calls.
    pub(crate) async fn admit(&self, bytes: usize) -> Result<Permit> {
        let budget = self.permits.clone().acquire_many_owned(self.count(bytes)?).await;
        Ok(self.permit(budget.expect("the budget is never closed")))
    }

    fn permit(&self, budget: OwnedSemaphorePermit) -> Permit {
        Permit { budget, slabs: self.slabs.clone() }
    }

    /// The memory it is in.
    pub(crate) fn slabs(&self) -> Arc<Slabs> {
        self.slabs.clone()
    }

    /// Takes note of why nothing leaves the tail.
    pub(crate) fn stall(&self, why: Option<Arc<str>>) {
        *self.stalled.lock() = why;
    }

    /// Why nothing leaves the tail, if so.
    pub(crate) fn stalled(&self) -> Option<Arc<str>> {
        self.stalled.lock().clone()
    }

    fn count(&self, bytes: usize) -> Result<u32> {
        // Half of the budget, so that one caller never waits for the whole tail to empty.
        let limit = self.limit / 2;
        if bytes > limit {
            return Err(Error::TooLarge { size: bytes, limit });
        }
        Ok(u32::try_from(bytes).expect("the configuration keeps the budget below 4 GiB"))
    }

    /// Notes that `chunk` is durable and holds `bytes` of permits.
    pub(crate) fn charge(&self, chunk: u64, checksum: u32, bytes: usize) {
        let mut ledger = self.ledger.lock();
        ledger.bytes += bytes;
        ledger.charges.push_back(Charge { chunk, checksum, bytes, since: Instant::now() });
    }

    /// As `charge`, for a chunk that recovery found: nobody asked for its permits.
    pub(crate) fn charge_recovered(&self, chunk: u64, checksum: u32, bytes: usize) {
        self.charge(chunk, checksum, self.permits.forget_permits(bytes));
    }

    /// Gives back the permits of every chunk up to and with `chunk`.
    pub(crate) fn release_through(&self, chunk: u64) {
        let mut ledger = self.ledger.lock();
        let count = ledger.charges.partition_point(|charge| charge.chunk <= chunk);
        let released = ledger.charges.drain(..count).map(|charge| charge.bytes).sum();
        ledger.bytes -= released;
        self.permits.add_permits(released);
    }

    /// The last chunk of the shortest prefix that holds `bytes`, or of all; with its checksum.
    pub(crate) fn prefix_of(&self, bytes: usize) -> Option<(u64, u32)> {
        let mut sum = 0;
        let ledger = self.ledger.lock();
        let enough = ledger.charges.iter().find(|charge| {
            sum += charge.bytes;
            sum >= bytes
        });
        enough.or(ledger.charges.back()).map(|charge| (charge.chunk, charge.checksum))
    }

    /// How many bytes durable chunks hold, and since when the oldest does.
    pub(crate) fn held(&self) -> (usize, Option<Instant>) {
        let ledger = self.ledger.lock();
        (ledger.bytes, ledger.charges.front().map(|charge| charge.since))
    }
}
